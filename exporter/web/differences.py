"""What has changed on the page, as messages for the browsers that show it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping

from exporter.web.parts import Part, Parts

Render = Callable[[str, Part], str]
"""Makes the HTML of an element from its id and what it shows."""


class Differences:
    """The page in one language, as its viewers have it.

    Each part is rendered once for all viewers, and only when it has changed.

    Args:
        render: Renders a part in this language.
        build: Identifies the program, its templates and its script. A page of another build loads
            itself again.
    """

    def __init__(self, render: Render, build: str) -> None:
        self._render = render
        self._build = build
        self._shown = Parts({}, {})
        self._html: dict[str, str] = {}

    def update(self, parts: Parts, now: float) -> str | None:
        """Show other parts; return the message for those who have what was shown before.

        Args:
            parts: What is shown from now on.
            now: Unix time in seconds.

        Returns:
            None if nothing has changed.
        """
        before, self._shown = self._shown, parts
        changed = {
            key: self._render(key, part)
            for key, part in parts.parts.items()
            if before.parts.get(key) != part
        }
        for key in before.parts.keys() - parts.parts.keys():
            del self._html[key]
        self._html |= changed
        order = {
            key: children
            for key, children in parts.order.items()
            if before.order.get(key) != children
        }
        if not changed and not order:
            return None
        return self._message(changed, order, now)

    def whole(self, now: float) -> str:
        """Return the message for those who have nothing, or something old."""
        return self._message(self._html, self._shown.order, now)

    def alive(self, now: float) -> str:
        """Return the message that nothing has changed."""
        return self._message({}, {}, now)

    def _message(
        self, parts: Mapping[str, str], order: Mapping[str, Iterable[str]], now: float
    ) -> str:
        content = {"build": self._build, "now": now, "order": order, "parts": parts}
        # JSON has no line breaks, so it is one line of server-sent events.
        return f"data: {json.dumps(content, ensure_ascii=False, separators=(',', ':'))}\n\n"
