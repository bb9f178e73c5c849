"""Recordings of real calls without their personal data."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from itertools import islice

import pytest

from exporter.recording.format import read
from tests.personal import Search
from tests.recordings.replay import FOLDER

SCENARIOS = sorted(
    f"scenarios/{path.name.removesuffix('.jsonl.gz')}"
    for path in FOLDER.glob("scenarios/*.jsonl.gz")
)
MESSAGES = 4000
"""Of a recording; the first ones contain all persons."""
WITH_TRUTH = ("sip_call_centre", "sip_member_delay")


def told_by_the_truth(name: str) -> Iterator[str]:
    """Yield the numbers of callers, and of agents."""
    truth = json.loads(gzip.decompress((FOLDER / f"{name}.truth.jsonl.gz").read_bytes()))
    for visit in truth["visits"]:
        yield visit["number"]
        yield visit.get("agent", "").removeprefix("Agent/")


def told_by_asterisk(name: str) -> Iterator[str]:
    """Yield the names of members and of their devices."""
    with gzip.open(FOLDER / f"{name}.snapshots.jsonl.gz", "rt") as lines:
        for line in lines:
            for part in json.loads(line)["answer"]:
                if part.get("Event") == "QueueMember":
                    yield from (part["Name"], part["StateInterface"])
                    yield part["Name"].partition("/")[2]
                    yield part["StateInterface"].partition("/")[2]
                if part.get("Event") == "QueueEntry":
                    yield from (part["CallerIDNum"], part["CallerIDName"])


@pytest.fixture(scope="module", params=["call_centre", *WITH_TRUTH])
def search(request: pytest.FixtureRequest) -> Search:
    name = request.param
    values = {*told_by_asterisk(name)} | {*(told_by_the_truth(name) if name in WITH_TRUTH else ())}
    assert len({value for value in values if len(value) > 3}) > 5
    return Search([*islice(read(FOLDER / f"{name}.jsonl.gz"), MESSAGES)], values)


def test_no_number_or_name_of_the_truth_is_left(search: Search) -> None:
    assert search.leaked() == set()


def test_no_word_stays_in_its_place(search: Search) -> None:
    assert search.unchanged() == set()


@pytest.mark.parametrize("name", SCENARIOS)
def test_no_word_of_a_scenario_stays_in_its_place(name: str) -> None:
    assert Search([*read(FOLDER / f"{name}.jsonl.gz")], ()).unchanged() == set()


def test_the_search_finds_what_is_not_replaced() -> None:
    search = Search([*read(FOLDER / "sip_member_delay.jsonl.gz")], {"petite", "055500001"})
    # The name of a queue stays.
    assert search.leaked() == {"petite"}
    search.redacted[5] = search.messages[5]
    assert search.unchanged()
