"""Whatever the order of events, requests and lists of calld, lines and trunks become the true ones.

The other lists have the same laws in `test_listings.py`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dataflows.events.lines import Line, LinesListed
from dataflows.events.registration import Registered
from dataflows.events.trunks import Trunk, TrunksListed
from dataflows.listings import Listing, Source
from dataflows.metric import Histogram
from tests.corpus import ORIGIN, Message, event
from tests.laws.test_listings import Server, World

IDS = ("1", "2", "3", "4")
NAMES = ("voipms", "sipgate")
TENANT = "47bfdafc-2897-4369-8fb3-153d41fb835d"
VALUES = {True: Registered.YES, False: Registered.NO, None: Registered.UNKNOWN}
GAUGES = {
    "xivo_lines",
    "xivo_lines_in_call",
    "xivo_trunk_registered",
    "xivo_trunk_calls",
    "xivo_trunk_info",
}

State = tuple[bool | None, int]


@dataclass
class Calld(Server):
    """The lines and trunks of a server.

    Attributes:
        lines: By id: whether registered, and calls.
        trunks: By id: the name, and the same.
    """

    lines: dict[str, State] = field(default_factory=dict)
    trunks: dict[str, tuple[str, State]] = field(default_factory=dict)

    def line(self, line_id: str, state: State | None, _: object, _now: float) -> list[Message]:
        if line_id in self.deleted or self.lines.get(line_id) == state:
            return []
        if state is None:
            self.deleted.add(line_id)
            del self.lines[line_id]
            return [event("line_deleted", {"id": int(line_id)})]
        self.lines[line_id] = state
        data = {"id": int(line_id), "registered": state[0], "current_call_count": state[1]}
        return [event("line_status_updated", data)]

    def trunk(self, trunk_id: str, name: str, state: State | None, _now: float) -> list[Message]:
        wanted = None if state is None else (name, state)
        if f"trunk {trunk_id}" in self.deleted or self.trunks.get(trunk_id) == wanted:
            return []
        if state is None:
            self.deleted.add(f"trunk {trunk_id}")
            del self.trunks[trunk_id]
            return [event("trunk_deleted", {"id": int(trunk_id)})]
        self.trunks[trunk_id] = name, state
        data = {"id": int(trunk_id), "registered": state[0], "current_call_count": state[1]}
        return [event("trunk_status_updated", data | {"name": name, "technology": "sip"})]

    def answer(self, source: Source, number: int, now: float) -> tuple[Listing, ...]:
        assert source is Source.CALLD
        lines = {line_id: Line(VALUES[up], calls) for line_id, (up, calls) in self.lines.items()}
        trunks = {
            trunk_id: Trunk(name, "sip", VALUES[up], calls)
            for trunk_id, (name, (up, calls)) in self.trunks.items()
        }
        tenants = dict.fromkeys(trunks, TENANT)
        return (
            LinesListed(ORIGIN, now, number, lines),
            TrunksListed(ORIGIN, now, number, trunks, tenants),
        )

    def numbers(self) -> Counter[tuple[str, ...]]:
        numbers: Counter[tuple[str, ...]] = Counter()
        for up, calls in self.lines.values():
            numbers["xivo_lines", VALUES[up]] += 1
            numbers["xivo_lines_in_call",] += bool(calls)
        lost = {name for name, (up, _) in self.trunks.values() if up is False}
        for name, (up, calls) in self.trunks.values():
            numbers["xivo_trunk_registered", name] |= up is True and name not in lost
            numbers["xivo_trunk_calls", name] += calls
            numbers["xivo_trunk_info", name, "sip", TENANT] = 1
        return +numbers


class CalldWorld(World):
    """A server that only calld tells of, an exporter, and what is on the way between them."""

    def __init__(self, *, is_prompt: bool = False) -> None:
        super().__init__(is_prompt=is_prompt)
        self.server = self.calld = Calld()

    def settle(self, *, is_asked: bool) -> None:
        self.deliver(len(self.server.said))
        if is_asked:
            self.fail(Source.CALLD)
            # Twice, because an answer that lacks much is believed if the next one lacks it too.
            for _ in range(2):
                for kind in ("ask", "read", "answer"):
                    self.step((kind, Source.CALLD))
        self.pipeline.wait(70)

    def shown(self) -> Counter[tuple[str, ...]]:
        numbers: Counter[tuple[str, ...]] = Counter()
        for (name, labels), value in self.pipeline.series().items():
            if name in GAUGES:
                assert isinstance(value, float | int)
                numbers[name, *labels[1:]] = int(value)
        return +numbers

    def is_known(self) -> set[float | Histogram | None]:
        """Return the values of `xivo_state_known` of lines and trunks."""
        known = {self.pipeline.value("xivo_state_known", name) for name in ("lines", "trunks")}
        # Of a server without any there are no series.
        return known - {None}


_STATES = st.tuples(st.sampled_from((True, False, None)), st.integers(0, 2))
_DEEDS = st.one_of(
    st.tuples(st.just("line"), st.sampled_from(IDS), _STATES | st.none(), st.none()),
    st.tuples(st.just("trunk"), st.sampled_from(IDS), st.sampled_from(NAMES), _STATES | st.none()),
)
_MEANWHILE = st.lists(
    st.tuples(st.just("do"), _DEEDS) | st.tuples(st.just("deliver"), st.integers(1, 4)),
    max_size=5,
)
_SOURCE = st.just(Source.CALLD)
_HONEST = [
    st.tuples(st.just("snapshot"), st.tuples(_SOURCE, _MEANWHILE, _MEANWHILE)),
    st.tuples(st.just("do"), _DEEDS),
    st.tuples(st.just("do"), _DEEDS),
    st.tuples(st.just("deliver"), st.integers(1, 4)),
    *(st.tuples(st.just(kind), _SOURCE) for kind in ("ask", "read", "answer", "fail")),
    st.tuples(st.just("restart"), st.none()),
]
HONEST = st.lists(st.one_of(_HONEST), max_size=25)
ANY = st.lists(
    st.one_of(
        *_HONEST,
        st.tuples(st.just("silently"), _DEEDS),
        st.tuples(st.just("lose"), st.none()),
    ),
    max_size=25,
)

Steps = list[tuple[str, Any]]


def without_tenants(numbers: Counter[tuple[str, ...]]) -> dict[tuple[str, ...], int]:
    return {key: number for key, number in numbers.items() if key[0] != "xivo_trunk_info"}


@given(HONEST)
def test_answers_change_nothing_in_the_end_if_events_tell_everything(steps: Steps) -> None:
    world = CalldWorld()
    for step in steps:
        world.step(step)
    world.settle(is_asked=False)
    assert without_tenants(world.shown()) == without_tenants(world.calld.numbers())


@given(ANY)
def test_after_an_answer_the_state_is_that_of_the_server(steps: Steps) -> None:
    world = CalldWorld()
    for step in steps:
        world.step(step)
    world.settle(is_asked=True)
    assert world.shown() == world.calld.numbers()
    losses = world.total("xivo_trunk_registration_losses_total")
    assert losses <= world.delivered["trunk_status_updated"]


@given(HONEST)
def test_if_events_tell_everything_in_time_nothing_was_wrong(steps: Steps) -> None:
    world = CalldWorld(is_prompt=True)
    for step in steps:
        world.step(step)
    world.settle(is_asked=True)
    assert world.total("xivo_state_drift_total") == 0
    assert world.is_known() <= {1}
