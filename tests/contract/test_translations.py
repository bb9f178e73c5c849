"""A French page has the structure, the names and the numbers of its English page."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.contract.test_docs import ROOT, anchor, cells, text

FRENCH = sorted([*ROOT.glob("*.fr.md"), *(ROOT / "docs").glob("*.fr.md")])
TWINS = {page: page.with_name(page.name.replace(".fr.md", ".md")) for page in FRENCH}

# In these blocks, a text for people may differ.
WORDED = ("", "console")
# A comment behind a command.
COMMENT = re.compile(r"\s{2,}# .*")
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"(#+) (.+)")

by_name = pytest.mark.parametrize("page", FRENCH, ids=lambda page: str(page.relative_to(ROOT)))


@dataclass(frozen=True)
class Section:
    """What a translation must keep of the text below one heading.

    Attributes:
        level: That of the heading; 0 for what comes before the first one.
        tables: Rows and columns of each table.
        items: How many items its lists have.
        blocks: Language and content of each block of code; content for people by its length.
        names: All inline code.
        numbers: All runs of digits, so that 65.2 and 65,2 are equal, and 1,800 and 1 800.
        links: Where its links and pictures lead, as paths of the English page.
    """

    level: int
    tables: Sequence[Sequence[int]]
    items: int
    blocks: Sequence[tuple[str, str | int]]
    names: Sequence[str]
    numbers: Sequence[str]
    links: Sequence[str]


def sections(page: Path) -> list[Section]:
    return [_section(page, level, lines) for level, lines in _parts(page)]


def _parts(page: Path) -> list[tuple[int, list[str]]]:
    """Return the level of each heading with the lines below it."""
    parts: list[tuple[int, list[str]]] = [(0, [])]
    fenced = False
    for line in text(page).splitlines():
        fenced ^= line.startswith("```")
        heading = None if fenced else HEADING.fullmatch(line)
        if heading:
            parts.append((len(heading[1]), [heading[2]]))
        else:
            parts[-1][1].append(line)
    return parts


def _section(page: Path, level: int, lines: list[str]) -> Section:
    whole = "\n".join(lines)
    prose = _prose(whole)
    return Section(
        level=level,
        tables=[
            [len(cells(row)) for row in table.splitlines()]
            for table in re.findall(r"(?:^\|.*\n?)+", prose, re.MULTILINE)
        ],
        items=len(re.findall(r"^\* ", prose, re.MULTILINE)),
        blocks=[_block(*found) for found in re.findall(r"```(\w*)\n(.*?)\n```", whole, re.DOTALL)],
        names=sorted(re.findall(r"`([^`]+)`", prose)),
        numbers=sorted(re.findall(r"\d+", LINK.sub("", whole))),
        links=sorted(_place(page, target) for target in LINK.findall(prose)),
    )


def _prose(whole: str) -> str:
    return re.sub(r"```.*?\n```", "", whole, flags=re.DOTALL)


def _block(language: str, content: str) -> tuple[str, str | int]:
    if language not in WORDED:
        return language, content
    if language:
        return language, COMMENT.sub("", content)
    return language, len(content.splitlines())


def _place(page: Path, target: str) -> str:
    """Return where a link leads: an English page, and the number of the heading on it."""
    if "://" in target:
        return target
    path, _, name = target.partition("#")
    found = (page.parent / path).resolve() if path else page
    place = str(found.relative_to(ROOT)).replace(".fr.", ".").replace("/fr/", "/")
    if not name:
        return place
    headings = [anchor(lines[0]) for level, lines in _parts(found) if level]
    return f"{place}#{headings.index(name)}"


def test_there_are_french_pages() -> None:
    names = {str(page.relative_to(ROOT)) for page in FRENCH}
    assert names >= {"README.fr.md", "docs/calls.fr.md", "docs/tour.fr.md"}


@by_name
def test_a_french_page_says_the_same_as_its_english_page(page: Path) -> None:
    english, french = sections(TWINS[page]), sections(page)
    assert [each.level for each in french] == [each.level for each in english]
    for ours, theirs in zip(french, english, strict=True):
        assert ours == theirs


@by_name
def test_a_page_links_its_other_language_at_the_top(page: Path) -> None:
    for one, other in ((page, TWINS[page]), (TWINS[page], page)):
        assert f"]({other.name})" in "\n".join(text(one).splitlines()[:5])


@by_name
def test_a_french_page_links_french_pages_where_they_exist(page: Path) -> None:
    for target in LINK.findall(text(page)):
        found = (page.parent / target.partition("#")[0]).resolve()
        assert found == TWINS[page] or found not in TWINS.values(), target


@by_name
def test_a_french_page_is_set_as_french_is(page: Path) -> None:
    prose = re.sub(r"`[^`]*`", "`", LINK.sub("]", _prose(text(page))))
    prose = re.sub(r"^\|[-|]+\|$", "", prose, flags=re.MULTILINE)
    # Spaces that do not break a line, and the apostrophe of print.
    assert re.findall(r".*(?: [:;?!%»]|« |').*", prose) == []
