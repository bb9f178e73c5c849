"""The findings as text for people: a line each, and what to do below it."""

from __future__ import annotations

import os
import shutil
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple, TextIO

from dataflows.unprintable import replace_unprintable
from exporter.checks.report import Finding, Result, counts, result

_MARKS = {
    Result.GOOD: ("good", "32"),
    Result.WARNING: ("warning", "33"),
    Result.FAILED: ("FAILED", "1;31"),
    Result.NOT_TRIED: ("not tried", "2"),
}
"""The word of each result, and its colour as a terminal knows it."""

_WORD = max(len(word) for word, _ in _MARKS.values())

_NARROWEST = 20
"""Columns. A narrower text could not be read, so a narrower terminal breaks the lines itself."""

_NARROW = 60
"""Columns. In a narrower window the details begin on a line of their own."""

_WIDE = 100
"""Columns from which on the longest names of rights leave enough room for the details."""

_SHORT_NAMES = 30
"""Columns of names in a narrower window; longer ones push their details to the right."""


class Style(NamedTuple):
    """How the text is shown.

    Attributes:
        width: Columns; None if lines must not be wrapped.
        colours: Whether the results are coloured.
    """

    width: int | None = None
    colours: bool = False


def style_of(stream: TextIO, environment: Mapping[str, str] = os.environ) -> Style:
    """Return how to show the text: with colours and as wide as the window on a terminal only."""
    if not stream.isatty():
        return Style()
    is_plain = environment.get("NO_COLOR") or environment.get("TERM") == "dumb"
    return Style(max(shutil.get_terminal_size().columns, _NARROWEST), not is_plain)


def table(findings: Sequence[Finding], style: Style) -> str:
    """Return the findings as text, and a summary at its end."""
    lines: list[str] = []
    for subject, group in groupby(findings, lambda finding: finding.subject):
        own = [*group]
        width = max(len(_safe(each.check)) for each in own)
        if style.width is not None and style.width < _WIDE:
            width = min(width, _SHORT_NAMES)
        lines.append(_safe(subject))
        for each in own:
            lines += _lines(each, width, style)
        lines.append("")
    lines.append(_summary(findings))
    return "\n".join(lines)


def _lines(finding: Finding, width: int, style: Style) -> Iterator[str]:
    word, colour = _MARKS[finding.result]
    mark = f"{word:{_WORD}}"
    check = f"{_safe(finding.check):{width}}"
    shown = f"\x1b[{colour}m{mark}\x1b[0m" if style.colours else mark
    is_narrow = style.width is not None and style.width < _NARROW
    margin = " " * (4 if is_narrow else _WORD + width + 6)
    details = _wrapped(finding.detail, margin, style)
    # A long name stands out to the right in its own line only.
    first = "" if is_narrow else details.pop(0).removeprefix(margin)
    yield f"  {shown}  {check}  {first}".rstrip()
    yield from details
    if finding.advice:
        advice = _wrapped(f"-> {finding.advice}", margin, style)
        yield advice[0]
        yield from (f"   {line}" for line in advice[1:])


def _wrapped(text: str, margin: str, style: Style) -> list[str]:
    words = _safe(text)
    if style.width is None:
        return [margin + words]
    # Three columns less, for the lines after the first one of an advice.
    lines = textwrap.wrap(
        words,
        style.width - 3,
        initial_indent=margin,
        subsequent_indent=margin,
        # Paths, URLs and commands are copied.
        break_long_words=False,
        break_on_hyphens=False,
    )
    return lines or [margin]


def _safe(text: str) -> str:
    """Return text on one line, with nothing that a terminal would obey."""
    return replace_unprintable(" ".join(text.split()))


_CONCLUSIONS = {
    Result.GOOD: "Everything works.",
    Result.WARNING: "Everything works; look at the warnings.",
    Result.FAILED: "Something does not work.",
}


def _summary(findings: Sequence[Finding]) -> str:
    found = counts(findings)
    numbers = ", ".join(
        f"{found[each]} {_MARKS[each][0].lower()}" for each in Result if found[each]
    )
    return f"{_CONCLUSIONS[result(findings)]} {numbers}."
