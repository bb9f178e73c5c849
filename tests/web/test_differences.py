"""What changes on the page: the messages, applied to what a browser has, make the page of now."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from exporter.web.board import QueueRow, ServerBoard
from exporter.web.differences import Differences
from exporter.web.landing import LandingPage
from exporter.web.parts import Part, Parts, page_parts
from tests.web import boards
from tests.web.boards import NINE

PAGE = LandingPage("fr", "1", lambda: NINE)


def parts_of(shown: Sequence[ServerBoard], reason: str | None = None) -> Parts:
    return page_parts(reason, boards.buses(), shown, {}, NINE)


class Browser:
    """The elements that a browser has: their HTML, and the children of those that have some."""

    def __init__(self) -> None:
        self.html: dict[str, str] = {}
        self.children: dict[str, list[str]] = {}

    def hear(self, message: str) -> None:
        assert message.startswith("data: ")
        assert message.endswith("\n\n")
        told = json.loads(message[len("data: ") :])
        self.children |= told["order"]
        self.html |= told["parts"]

    @property
    def visible(self) -> tuple[dict[str, str], dict[str, list[str]]]:
        """What is left when elements go that their parents do not have any more."""
        children = {key: each for key, each in self.children.items() if self._is_there(key)}
        rows = {row for each in children.values() for row in each}
        fixed = {key for key in self.html if key[:2] not in ("s-", "q-", "a-", "b-")}
        inner = {key for key in self.html if key.startswith("s-") and self._is_there(key)}
        return {key: self.html[key] for key in sorted(rows | fixed | inner)}, children

    def _is_there(self, key: str) -> bool:
        if not key.startswith("s-"):
            return True
        return key[: len("s-") + 12] in self.children["servers"]


NAMES = st.sampled_from(["lyon", "paris", "<b>", "été"])
ROWS = st.lists(
    st.builds(
        lambda queue, name, waiting, available, level: QueueRow(
            queue, name, waiting, available=available, level=level
        ),
        st.sampled_from("abcdef"),
        st.sampled_from(["x", "<script>", "\u202egnirts"]),
        st.none() | st.integers(0, 3),
        st.none() | st.integers(0, 1),
        st.none() | st.floats(0, 1),
    ),
    max_size=5,
    unique_by=lambda row: row.queue,
)
BOARDS = st.lists(
    st.builds(
        lambda name, rows, down: ServerBoard(name, name, "main", queues=rows, services_down=down),
        NAMES,
        ROWS,
        st.lists(st.sampled_from(["agentd", "calld"]), unique=True),
    ),
    max_size=3,
    unique_by=lambda each: each.origin,
)


@given(st.lists(BOARDS, min_size=1, max_size=5), st.data())
def test_a_browser_that_hears_all_changes_has_what_a_new_one_gets(
    times: list[list[ServerBoard]], data: st.DataObject
) -> None:
    page = Differences(PAGE.part, "build")
    old = Browser()
    # It may have missed some messages before it got the whole page.
    heard_from = data.draw(st.integers(0, len(times) - 1))
    for place, shown in enumerate(times):
        message = page.update(parts_of(shown), NINE)
        if place == heard_from:
            old.hear(page.whole(NINE))
        elif message is not None:
            old.hear(message)
    new, other = Browser(), Differences(PAGE.part, "build")
    other.update(parts_of(times[-1]), NINE)
    new.hear(other.whole(NINE))
    assert old.visible == new.visible
    first = PAGE.whole(parts_of(times[-1]))
    # The page that is rendered at once has the same elements.
    assert {*re.findall(r' id="([sqab]-[0-9a-f]{12}[a-z-]*)"', first)} >= {
        key for key in new.html if key[1] == "-"
    }
    assert all(html in first for key, html in new.html.items() if "data-frame" not in html)


def test_only_what_has_changed_is_rendered_once_and_sent() -> None:
    rendered: list[str] = []

    def render(key: str, part: Part) -> str:
        rendered.append(key)
        return PAGE.part(key, part)

    page = Differences(render, "build")
    page.update(parts_of([boards.board(queues=1000)]), NINE)
    rendered.clear()
    assert page.update(parts_of([boards.board(queues=1000)]), NINE) is None
    assert not rendered
    shown = boards.board(queues=1000)
    rows = [*shown.queues]
    rows[500] = rows[500]._replace(in_call=77)
    message = page.update(parts_of([dataclasses.replace(shown, queues=rows)]), NINE)
    assert message is not None
    assert len(rendered) == 1
    assert len(message) < 1000
    assert ">77<" in message


def test_the_memory_of_a_page_is_what_is_shown() -> None:
    page = Differences(PAGE.part, "build")
    for hour in range(50):
        page.update(parts_of([boards.board(f"server {hour}", queues=hour % 3)]), NINE)
    only, other = page.whole(NINE), Differences(PAGE.part, "build")
    other.update(parts_of([boards.board("server 49", queues=49 % 3)]), NINE)
    assert json.loads(only[6:]) == json.loads(other.whole(NINE)[6:])


def test_a_name_cannot_end_a_message() -> None:
    page = Differences(PAGE.part, "build")
    evil = "x\n\ndata: {}\r\n\r\n\u2028"
    message = page.update(parts_of([ServerBoard(evil, evil, evil)]), NINE)
    assert message is not None
    assert "\n" not in message[:-2]
    assert "\r" not in message
