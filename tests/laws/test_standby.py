"""What a standby shows, and what an exporter shows that reads a bus again."""

from __future__ import annotations

from enum import Enum, auto

from hypothesis import given
from hypothesis import strategies as st

from dataflows.items import ReadingContinued, ReadingResumed, StandbyBegan
from dataflows.waits import SETTLE_SECONDS
from tests.laws.strategies import BUSES, ORIGINS, Letter, Pause, Step, letters, traffic
from tests.laws.test_laws import domain, post
from tests.laws.test_recovery import BETWEEN_BATCHES
from tests.pipeline import ALL_DETAILS, GROWING, Pipeline, SeriesValues

LIMIT = 12
BUS_OF = dict(zip(ORIGINS, BUSES, strict=True))


class Turn(Enum):
    """What happens to the exporter on one bus."""

    STANDBY = auto()
    RESUMED = auto()
    RESUMED_AFTER_A_GAP = auto()
    RESTART = auto()


def _on_the_bus_of_its_origin(letter: Letter) -> Letter:
    return Letter(**{**letter.__dict__, "bus": BUS_OF[letter.origin]})


def _without(buses: set[str], step: Step) -> Step:
    return step if isinstance(step, Pause) else [each for each in step if each.bus not in buses]


LETTERS = letters().map(_on_the_bus_of_its_origin)
TURNS = st.lists(st.tuples(st.sampled_from(Turn), st.sampled_from(BUSES), traffic(LETTERS)))


def exporter() -> Pipeline:
    return Pipeline(details=ALL_DETAILS, max_entities=LIMIT, max_series=LIMIT)


def of_origin(pipeline: Pipeline, origin: str) -> SeriesValues:
    """Return the series of an origin but times, which may wait after a restart."""
    shown = domain(pipeline.series())
    return {k: v for k, v in shown.items() if origin in k[1] and k[0] not in GROWING}


@given(traffic(LETTERS), TURNS)
def test_a_standby_shows_nothing_and_a_reader_what_it_has_read_without_a_gap(
    before: list[Step], turns: list[tuple[Turn, str, list[Step]]]
) -> None:
    pipeline = exporter()
    # For each bus, a process that was never away since the last gap.
    steady = {bus: exporter() for bus in BUSES}
    withheld: set[str] = set()

    def check(steps: list[Step]) -> None:
        # A standby receives nothing, but time passes and windows close.
        received = [_without(withheld, step) for step in steps]
        for each in (pipeline, *steady.values()):
            post(each, received)
            # A new process waits for events of the same moment from its start on.
            each.wait(2 * SETTLE_SECONDS)
        for origin, bus in BUS_OF.items():
            expected = {} if bus in withheld else of_origin(steady[bus], origin)
            assert of_origin(pipeline, origin) == expected

    check(before)
    for turn, bus, steps in turns:
        match turn:
            case Turn.STANDBY:
                pipeline.take([StandbyBegan(bus)])
                withheld.add(bus)
            case Turn.RESTART:
                # It shows what was kept, until it finds that it is a standby.
                check([Pause(BETWEEN_BATCHES)])
                pipeline.restart()
                pipeline.take([ReadingContinued(bus) for bus in BUSES])
                withheld.clear()
            case _:
                is_complete = turn is Turn.RESUMED
                pipeline.take([ReadingResumed(bus, pipeline.now, is_complete)])
                withheld.discard(bus)
                if not is_complete:
                    steady[bus] = exporter()
                    steady[bus].now = pipeline.now
        check([])
        check(steps)


@given(traffic(), traffic(), st.booleans())
def test_after_a_gap_on_all_buses_nothing_is_left_of_shared_servers(
    before: list[Step], after: list[Step], was_standby: bool
) -> None:
    pipeline, fresh = exporter(), exporter()
    post(pipeline, before)
    if was_standby:
        pipeline.take([StandbyBegan(bus) for bus in BUSES])
        assert domain(pipeline.series()) == {}
    pipeline.take([ReadingResumed(bus, pipeline.now, is_complete=False) for bus in BUSES])
    assert {key.partition("\t")[0] for key in pipeline.keys} <= {"deliveries"}
    fresh.now = pipeline.now
    for each in (pipeline, fresh):
        post(each, after)
    assert domain(pipeline.series()) == domain(fresh.series())


def test_the_account_of_the_deliveries_of_a_standby_is_shown() -> None:
    pipeline = exporter()
    post(pipeline, [[Letter("some_event", ORIGINS[0], {})]])
    pipeline.take([StandbyBegan(BUSES[0])])
    for is_complete in (True, False):
        assert pipeline.value("xivo_exporter_deliveries_total", BUSES[0]) == 1
        pipeline.take([ReadingResumed(BUSES[0], pipeline.now, is_complete)])
    assert pipeline.value("xivo_exporter_deliveries_total", BUSES[0]) == 1
