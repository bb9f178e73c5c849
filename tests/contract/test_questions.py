"""Each first question is answered by a panel, a part of the live page or an alert that exists."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from babel.messages.pofile import read_po

from tests.contract.test_alerts import NAMES
from tests.contract.test_docs import ROOT, anchor, cells, text

DOCS = ROOT / "docs"
DASHBOARDS = ROOT / "dashboards"
TEMPLATES = ROOT / "exporter" / "web" / "templates"
CATALOGUE = ROOT / "exporter" / "web" / "locale" / "fr" / "LC_MESSAGES" / "page.po"

# `[Call centre](dashboards.md#call-centre): *Queues now*`, or `[XivoTrunkLost](runbooks.md#…)`.
ANSWER = re.compile(r"\[([^\]]+)\]\(([^)]+)\)(?:\s?: \*([^*]+)\*)?")
LABEL = re.compile(r"{{\w+}}")
PREFIX = re.compile(r"XiVO ?: ")


@dataclass(frozen=True)
class Answer:
    """A place that answers a question: a link, and the panel or the part that it speaks of."""

    text: str
    target: str
    part: str

    def __str__(self) -> str:
        return f"{self.text}-{self.part}".replace(" ", "_")


@dataclass(frozen=True)
class Board:
    """A dashboard: the anchor of its description, and what its panels and numbers are called."""

    anchor: str
    names: frozenset[str]


def plain(words: str) -> str:
    """Return a text with spaces and apostrophes as a keyboard makes them."""
    return re.sub(r"\s", " ", words).replace("’", "'")  # noqa: RUF001 -- that of print


def tables(page: str) -> list[list[tuple[str, str]]]:
    """Return the questions of each table with their answers."""
    found = re.findall(r"(?:^\|.*\n)+", text(DOCS / page), re.MULTILINE)
    rows = [[cells(line) for line in table.splitlines()[2:]] for table in found]
    return [[(question, answer) for question, answer, _ in table] for table in rows]


def answers(page: str) -> Iterator[Answer]:
    for _, cell in (row for table in tables(page) for row in table):
        found = ANSWER.findall(cell)
        assert found, cell
        assert set(ANSWER.sub("", cell)) <= {",", " "}, cell
        yield from (Answer(name, target, plain(part)) for name, target, part in found)


@cache
def dashboards(language: str) -> dict[str, Board]:
    """Return the dashboards in a language by their titles."""
    found = {}
    for file in sorted(DASHBOARDS.glob("*.json")):
        english, own = _load(file), _load(DASHBOARDS / language / file.name)
        names = frozenset(map(plain, _names(own["panels"])))
        found[_title(own)] = Board(anchor(_title(english)), names)
    return found


def _load(file: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(text(file))
    return loaded


def _title(dashboard: Mapping[str, Any]) -> str:
    return PREFIX.sub("", plain(dashboard["title"]))


def _names(panels: list[dict[str, Any]]) -> Iterator[str]:
    for panel in panels:
        yield panel["title"]
        # A number of the wallboard has its name beside it instead of a title.
        for target in panel.get("targets", ()):
            yield LABEL.sub("…", target["legendFormat"])
        yield from _names(panel.get("panels", []))


@cache
def parts(language: str) -> set[str]:
    """Return what the live page calls its parts."""
    found = "".join(text(file) for file in sorted(TEMPLATES.glob("*.html")))
    english = set(re.findall(r'_\("([^"]+)"\)', found))
    if language == "":
        return english
    with CATALOGUE.open("rb") as file:
        catalogue = read_po(file)
    return {plain(str(message.string)) for message in catalogue if message.id in english}


# The folder of dashboards in a language has its name.
LANGUAGES = {"questions.md": "", "questions.fr.md": "fr"}
ANSWERS = [(page, answer) for page in LANGUAGES for answer in answers(page)]

each_page = pytest.mark.parametrize("page", LANGUAGES)


@each_page
def test_both_audiences_have_fifteen_questions(page: str) -> None:
    for table in tables(page):
        questions = {question for question, _ in table}
        assert len(questions) == 15
        assert all(question.endswith("?") for question in questions)
    assert len(tables(page)) == 2


@pytest.mark.parametrize(("page", "answer"), ANSWERS, ids=str)
def test_an_answer_exists(page: str, answer: Answer) -> None:
    target, _, name = answer.target.partition("#")
    if target == "dashboards.md":
        board = dashboards(LANGUAGES[page])[plain(answer.text)]
        assert name == board.anchor
        assert answer.part in board.names
    elif target == "runbooks.md":
        assert answer.text in NAMES
        assert name == anchor(answer.text)
        assert answer.part == ""
    else:
        assert target == "page.md"
        assert answer.part in parts(LANGUAGES[page])


@each_page
def test_every_dashboard_answers_a_question(page: str) -> None:
    named = {plain(answer.text) for where, answer in ANSWERS if where == page}
    assert named >= dashboards(LANGUAGES[page]).keys()
