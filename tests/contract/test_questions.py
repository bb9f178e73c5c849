"""Each first question is answered by a panel, a part of the live page or an alert that exists."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.contract.test_alerts import NAMES
from tests.contract.test_docs import ROOT, anchor, rows, text

PAGE = ROOT / "docs" / "questions.md"
HEADS = (
    ("people who run the call centre ask", "answer", "what you see there"),
    ("people who run the servers ask", "answer", "what you see there"),
)
PREFIX = "XiVO: "
TEMPLATES = sorted((ROOT / "exporter" / "web" / "templates").glob("*.html"))
# `[Call centre](dashboards.md#call-centre): *Queues now*`, or `[XivoTrunkLost](runbooks.md#…)`.
LABEL = re.compile(r"{{\w+}}")
ANSWER = re.compile(r"\[([^\]]+)\]\(([^)]+)\)(?:: \*([^*]+)\*)?")


@dataclass(frozen=True)
class Answer:
    """A place that answers a question: a link, and the panel or the part that it speaks of."""

    text: str
    target: str
    part: str

    def __str__(self) -> str:
        return f"{self.text}-{self.part}".replace(" ", "_")


def answers() -> Iterator[Answer]:
    for head in HEADS:
        for _, cell, _ in rows(PAGE, *head):
            found = ANSWER.findall(cell)
            assert found, cell
            assert set(ANSWER.sub("", cell)) <= {",", " "}, cell
            yield from (Answer(*each) for each in found)


def dashboards() -> dict[str, set[str]]:
    """Return what panels and their numbers are called, by the title of the dashboard."""
    files = sorted((ROOT / "dashboards").glob("*.json"))
    loaded = [json.loads(text(file)) for file in files]
    return {each["title"].removeprefix(PREFIX): set(_titles(each["panels"])) for each in loaded}


def _titles(panels: list[dict[str, Any]]) -> Iterator[str]:
    for panel in panels:
        yield panel["title"]
        # A number of the wallboard has its name beside it instead of a title.
        for target in panel.get("targets", ()):
            yield LABEL.sub("…", target["legendFormat"])
        yield from _titles(panel.get("panels", []))


DASHBOARDS = dashboards()
ANSWERS = list(answers())


def test_both_audiences_have_fifteen_questions() -> None:
    for head in HEADS:
        questions = [question for question, _, _ in rows(PAGE, *head)]
        assert len(set(questions)) == 15
        assert all(question.endswith("?") for question in questions)


@pytest.mark.parametrize("answer", ANSWERS, ids=str)
def test_an_answer_exists(answer: Answer) -> None:
    page, _, name = answer.target.partition("#")
    if page == "dashboards.md":
        assert name == anchor(answer.text)
        assert answer.part in DASHBOARDS[answer.text]
    elif page == "runbooks.md":
        assert answer.text in NAMES
        assert name == anchor(answer.text)
        assert answer.part == ""
    else:
        assert page == "page.md"
        assert any(f'"{answer.part}"' in text(template) for template in TEMPLATES)


def test_all_kinds_of_answers_are_used() -> None:
    kinds = {answer.target.partition("#")[0] for answer in ANSWERS}
    assert kinds == {"dashboards.md", "runbooks.md", "page.md"}


def test_every_dashboard_answers_a_question() -> None:
    assert {answer.text for answer in ANSWERS} >= DASHBOARDS.keys()
