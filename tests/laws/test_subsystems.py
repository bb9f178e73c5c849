"""What a subsystem shows does not depend on the others: any of them may be left out."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings

from dataflows.items import SnapshotBegun, SnapshotTaken
from dataflows.subsystem import Subsystem
from dataflows.subsystems import OPTIONAL, SUBSYSTEMS, kept
from exporter.snapshots import agentd, amid, calld, chatd, confd
from exporter.snapshots.source import SnapshotError
from tests import corpus
from tests.laws.strategies import (
    BUSES,
    ORIGINS,
    Letter,
    Pause,
    Rubbish,
    Step,
    letters,
    of_kinds,
    traffic,
)
from tests.laws.test_laws import post
from tests.pipeline import ALL_DETAILS, Pipeline, SeriesValues
from tests.snapshots.answering import ORIGIN, body, listings
from tests.snapshots.whole import BODIES

BY_NAME = {subsystem.name: subsystem for subsystem in SUBSYSTEMS}
OF_BUS = {spec.name for each in kept(()) for spec in each.metrics}
MODULES = (amid.MODULE, agentd.MODULE, chatd.MODULE, calld.MODULE, confd.MODULE)
KNOWLEDGE = "xivo_state_"


def bound(subsystem: Subsystem) -> set[str]:
    """Return the names of the events that the inbox receives if only this one is kept."""
    return {decoder.name for decoder in subsystem.all_decoders}


def shown(pipeline: Pipeline, subsystem: Subsystem) -> SeriesValues:
    """Return the series of a subsystem, and what is known of it."""
    mine = {spec.name for spec in subsystem.metrics}
    return {
        (metric, labels): value
        for (metric, labels), value in pipeline.series().items()
        if metric in mine or (metric.startswith(KNOWLEDGE) and labels[1] == subsystem.name)
    }


def telephony(pipeline: Pipeline) -> SeriesValues:
    """Return all series but those of the bus and of the exporter itself."""
    return {key: value for key, value in pipeline.series().items() if key[0] not in OF_BUS}


def received(steps: list[Step], subsystem: Subsystem) -> list[Step]:
    """Return what arrives of the traffic if only one subsystem is kept."""
    names = bound(subsystem)
    return [
        step
        if isinstance(step, Pause)
        else [each for each in step if isinstance(each, Rubbish) or each.name in names]
        for step in steps
    ]


def on_its_bus(each: Letter | Rubbish) -> Letter | Rubbish:
    """Return it on the only bus that carries its server: the first event on one decides."""
    if isinstance(each, Rubbish):
        return each
    return replace(each, bus=BUSES[ORIGINS.index(each.origin)])


@pytest.mark.parametrize("name", OPTIONAL)
def test_a_subsystem_alone_shows_what_it_shows_among_all(name: str) -> None:
    subsystem = BY_NAME[name]
    # Much of what it is about, among all that a server does.
    some = of_kinds(bound(subsystem).__contains__) | letters()

    @given(traffic(some))
    @settings(max_examples=40)
    def check(steps: list[Step]) -> None:
        steps = [
            step if isinstance(step, Pause) else [on_its_bus(each) for each in step]
            for step in steps
        ]
        every, alone = (
            Pipeline(details=ALL_DETAILS, subsystems=names) for names in (OPTIONAL, (name,))
        )
        post(every, steps)
        post(alone, received(steps, subsystem))
        assert shown(alone, subsystem) == shown(every, subsystem)
        assert telephony(alone) == shown(alone, subsystem)

    check()


@given(traffic())
def test_what_arrives_for_subsystems_that_are_left_out_changes_nothing(steps: list[Step]) -> None:
    subsystem = BY_NAME["queue_calls"]
    every, alone = (
        Pipeline(details=ALL_DETAILS, subsystems=names) for names in (OPTIONAL, (subsystem.name,))
    )
    # As with `--bind-all`, or with bindings of an earlier start that could not be removed.
    for pipeline in (every, alone):
        post(pipeline, steps)
    assert shown(alone, subsystem) == shown(every, subsystem)
    assert telephony(alone) == shown(alone, subsystem)


class _Answers(dict[str, bytes | SnapshotError]):
    """What a server answers to the requests of a source, by path without its query."""

    def __init__(self, source: str) -> None:
        own = f"/{source}"
        super().__init__(
            {
                path.removeprefix(own) if path.startswith(own) else path.lstrip("/"): body(name)
                for path, name in BODIES.items()
            }
        )

    def get(self, path: str, default: Any = None) -> Any:  # noqa: ANN401 -- as in dict
        """Return an answer."""
        return super().get(path.partition("?")[0], default)


@pytest.mark.parametrize("name", OPTIONAL)
def test_answers_of_all_apis_only_change_what_is_kept(name: str) -> None:
    every, alone = (
        Pipeline(details=ALL_DETAILS, subsystems=names) for names in (OPTIONAL, (name,))
    )
    for number, module in enumerate(MODULES):
        listed, _ = listings(module, _Answers(module.source))
        for pipeline in (every, alone):
            asked = ("default", pipeline.now, ORIGIN, module.source, number)
            pipeline.take([SnapshotBegun(*asked)])
            pipeline.take([SnapshotTaken(*asked, listed)])
            pipeline.wait(10)
    assert shown(alone, BY_NAME[name]) == shown(every, BY_NAME[name])
    assert telephony(alone) == shown(alone, BY_NAME[name])


@pytest.mark.parametrize("name", OPTIONAL)
def test_the_corpus_shows_something_of_each_subsystem_alone(name: str) -> None:
    every, alone = (
        Pipeline(details=ALL_DETAILS, subsystems=names) for names in (OPTIONAL, (name,))
    )
    for pipeline in (every, alone):
        for message in corpus.names():
            pipeline.send(corpus.load(message))
    assert shown(alone, BY_NAME[name]) == shown(every, BY_NAME[name])
    assert {metric for metric, _ in telephony(alone)} & {
        spec.name for spec in BY_NAME[name].metrics
    }
    assert telephony(alone) == shown(alone, BY_NAME[name])
