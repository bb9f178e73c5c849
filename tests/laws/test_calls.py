"""Calls under way are the same whatever the order of their events, and as calld lists them."""

from __future__ import annotations

import copy
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.items import GapNoticed, SnapshotBegun, SnapshotFailed, SnapshotTaken
from dataflows.listings import Listing, Source
from tests.corpus import ORIGIN, Message, event
from tests.laws.legs import (
    CAUSES,
    CHANGES,
    HOLDS,
    RANKING,
    Deed,
    Numbers,
    Server,
    calls,
    ends,
    said,
)
from tests.pipeline import Pipeline

BUS = "default"
LEGS = tuple(f"1449700000.{number}" for number in range(1, 7))
CONVERSATIONS = LEGS[:3]

_LEG = st.sampled_from(LEGS)
_CONVERSATION = st.sampled_from(CONVERSATIONS)
_DIRECTION = st.sampled_from(RANKING)
_CAUSE = st.sampled_from([*CAUSES])
_NAMES = st.sampled_from((*CHANGES, *CHANGES, "call_ended", *HOLDS))

FIRST = said(
    "call_ended",
    1_772_462_000.0,
    call_id="1.1",
    conversation_id="1.1",
    direction="unknown",
    reason_code=16,
)
"""The first message of the server: a hold alone does not show that it tells of legs."""


def shown(pipeline: Pipeline, metric: str = "xivo_calls") -> Numbers:
    """Return the values of a metric by its labels, without those that are 0."""
    numbers = Numbers()
    for (name, labels), value in pipeline.series().items():
        if name == metric:
            assert isinstance(value, float | int)
            numbers[labels[1:]] = int(value)
    return +numbers


# --- Any messages in any order ------------------------------------------------------------------


@st.composite
def messages(draw: st.DrawFn) -> list[Message]:
    """Draw messages of few legs, each of another moment, in any order, some of them doubled."""
    found: list[Message] = []
    for number in range(draw(st.integers(1, 16))):
        at, call = 1_772_463_000.0 + number, draw(_LEG)
        name = draw(_NAMES)
        data: dict[str, Any] = {"call_id": call}
        if name not in HOLDS:
            data |= {"conversation_id": draw(_CONVERSATION), "direction": draw(_DIRECTION)}
        if name == "call_ended":
            data["reason_code"] = draw(_CAUSE)
            if draw(st.booleans()):
                data["conversation_id"] = None
        elif "direction" in data:
            data["status"] = draw(st.sampled_from(("Ring", "Ringing", "Up", "Busy")))
            data["on_hold"] = draw(st.none() | st.booleans())
            data["line_id"] = 7
        found.append(said(name, at, **data))
    found += draw(st.lists(st.sampled_from(found), max_size=4))
    return [FIRST, *draw(st.permutations(found))]


@given(messages())
def test_messages_in_any_order_have_the_result_of_the_oracle(sent: list[Message]) -> None:
    pipeline = Pipeline()
    for number, message in enumerate(sent, 1):
        pipeline.send(message)
        assert shown(pipeline) == calls(sent[:number])
        assert shown(pipeline, "xivo_call_legs_ended_total") == ends(sent[:number])
        assert not pipeline.rejected


@given(messages(), st.data())
def test_the_order_of_messages_does_not_matter(sent: list[Message], data: st.DataObject) -> None:
    one, other = Pipeline(), Pipeline()
    one.send(*sent)
    other.send(FIRST, *data.draw(st.permutations(sent)))
    other.send(*sent)
    assert shown(other) == shown(one)
    # Only the direction may be known later.
    assert shown(other, "xivo_call_legs_ended_total").total() == len(
        {each.content["data"]["call_id"] for each in sent if each.name == "call_ended"}
    )


def hangup(message: Message) -> Message:
    """Return what Asterisk says at the end of a leg."""
    return event("Hangup", {"Uniqueid": message.content["data"]["call_id"]})


@given(messages())
def test_the_end_of_a_channel_ends_its_leg_as_calld_does(sent: list[Message]) -> None:
    only_calld, both, only_asterisk = Pipeline(), Pipeline(), Pipeline()
    for message in sent:
        is_end = message.name == "call_ended" and message is not FIRST
        only_calld.send(message)
        both.send(*[hangup(message)] * is_end, message)
        only_asterisk.send(hangup(message) if is_end else message)
        assert shown(both) == shown(only_calld)
        if message.name not in HOLDS and message.content["data"]["conversation_id"]:
            # An end also tells a direction, which a hangup does not.
            assert shown(only_asterisk).total() == shown(only_calld).total()
    ends = "xivo_call_legs_ended_total"
    assert shown(both, ends) == shown(only_calld, ends)


# --- A server -----------------------------------------------------------------------------------

_DEEDS = st.one_of(
    st.tuples(st.just("create"), _LEG, _CONVERSATION),
    st.tuples(st.just("create"), _LEG, _CONVERSATION),
    st.tuples(st.just("answer"), _LEG, st.none()),
    st.tuples(st.just("hold"), _LEG, st.booleans()),
    st.tuples(st.just("update"), _LEG, st.none()),
    st.tuples(st.just("direct"), _CONVERSATION, _DIRECTION),
    st.tuples(st.just("merge"), _CONVERSATION, _CONVERSATION),
    st.tuples(st.just("end"), _LEG, _CAUSE),
)


class World:
    """A server, the messages on their way, and an exporter.

    Args:
        is_prompt: Whether all that a server has said arrives before an answer of its API.
    """

    def __init__(self, *, is_prompt: bool = False) -> None:
        self.server = Server()
        self.pipeline = Pipeline()
        self.ended = 0
        self._is_prompt = is_prompt
        self._asked: tuple[int, Listing | None] | None = None
        self._number = 0

    def step(self, step: tuple[str, Any]) -> None:
        kind, of = step
        self.pipeline.wait(0.25)
        getattr(self, kind)(of)

    def do(self, deed: Deed) -> None:
        self.server.messages += self.server.do(deed, self.pipeline.now)

    def tell(self, deed: Deed) -> None:
        """Change something, of which everybody hears at once."""
        self.do(deed)
        self.deliver(len(self.server.messages))

    def silently(self, deed: Deed) -> None:
        """Change something while calld restarts."""
        self.server.do(deed, self.pipeline.now)

    def deliver(self, count: int) -> None:
        for _ in range(min(count, len(self.server.messages))):
            message = self.server.messages.popleft()
            self.ended += message.name == "call_ended"
            self.pipeline.wait(0.25)
            self.pipeline.send(message)

    def lose(self, _: object) -> None:
        self.server.messages.clear()
        self.pipeline.take([GapNoticed(BUS, self.pipeline.now)])

    def ask(self, _: object) -> None:
        if self._asked is None:
            self._number += 1
            self._asked = self._number, None
            begun = SnapshotBegun(BUS, self.pipeline.now, ORIGIN, Source.CALLD, self._number)
            self.pipeline.take([begun])

    def read(self, _: object) -> None:
        if self._asked is not None and self._asked[1] is None:
            number = self._asked[0]
            listing = self.server.listing(number, self.pipeline.now)
            self._asked = number, copy.deepcopy(listing)

    def answer(self, _: object) -> None:
        if self._asked is None or self._asked[1] is None:
            return
        (number, listing), self._asked = self._asked, None
        assert listing is not None
        if self._is_prompt:
            self.deliver(len(self.server.messages))
        now = self.pipeline.now
        self.pipeline.take([SnapshotTaken(BUS, now, ORIGIN, Source.CALLD, number, (listing,))])

    def fail(self, _: object) -> None:
        if self._asked is not None:
            number, self._asked = self._asked[0], None
            failed = SnapshotFailed(BUS, self.pipeline.now, ORIGIN, Source.CALLD, number)
            self.pipeline.take([failed])

    def snapshot(self, of: tuple[list[tuple[str, Any]], list[tuple[str, Any]]]) -> None:
        before, after = of
        for step in (("ask", None), *before, ("read", None), *after, ("answer", None)):
            self.step(step)

    def settle(self, *, is_asked: bool) -> None:
        """Let all that is on the way arrive; ask the API if wanted."""
        self.deliver(len(self.server.messages))
        if is_asked:
            self.fail(None)
            self.snapshot(([], []))

    @property
    def drift(self) -> int:
        series = self.pipeline.series().items()
        values = [value for (name, _), value in series if name == "xivo_state_drift_total"]
        return sum(int(value) for value in values if isinstance(value, float | int))


_NOTHING = st.none()
_MEANWHILE = st.lists(
    st.tuples(st.just("tell"), _DEEDS)
    | st.tuples(st.just("do"), _DEEDS)
    | st.tuples(st.just("deliver"), st.integers(1, 4)),
    max_size=5,
)
_HONEST = [
    st.tuples(st.just("snapshot"), st.tuples(_MEANWHILE, _MEANWHILE)),
    *[st.tuples(st.just("do"), _DEEDS)] * 2,
    *[st.tuples(st.just("tell"), _DEEDS)] * 2,
    st.tuples(st.just("deliver"), st.integers(1, 4)),
    *(st.tuples(st.just(kind), _NOTHING) for kind in ("ask", "read", "answer", "fail")),
]
HONEST = st.lists(st.one_of(_HONEST), max_size=30)
ANY = st.lists(
    st.one_of(
        *_HONEST,
        st.tuples(st.just("silently"), _DEEDS),
        st.tuples(st.just("lose"), _NOTHING),
    ),
    max_size=30,
)


@given(st.lists(_DEEDS, max_size=20), st.data())
def test_what_a_server_tells_in_any_order_within_a_moment_is_shown(
    deeds: list[Deed], data: st.DataObject
) -> None:
    world = World()
    world.pipeline.send(FIRST)
    moment: list[Message] = []
    for number, deed in enumerate(deeds):
        world.pipeline.wait(0.01)
        moment += world.server.do(deed, world.pipeline.now)
        if data.draw(st.booleans()) or number == len(deeds) - 1:
            moment += data.draw(st.lists(st.sampled_from(moment), max_size=2)) if moment else []
            world.pipeline.wait(0.1)
            world.pipeline.send(*data.draw(st.permutations(moment)))
            moment = []
            assert shown(world.pipeline) == world.server.numbers()


@given(st.lists(_DEEDS, max_size=20), st.data())
def test_calls_whose_beginning_was_lost_are_known_after_an_update(
    deeds: list[Deed], data: st.DataObject
) -> None:
    world = World()
    world.pipeline.send(FIRST)
    for deed in deeds:
        world.pipeline.wait(0.01)
        for message in world.server.do(deed, world.pipeline.now):
            # The end of a leg is not lost; nothing but an API could tell of it.
            if message.name == "call_ended" or data.draw(st.booleans()):
                world.pipeline.send(message)
    for call in world.server.legs:
        world.pipeline.wait(0.01)
        world.pipeline.send(*world.server.update(call, None, world.pipeline.now))
    assert shown(world.pipeline) == world.server.numbers()


@given(HONEST)
def test_answers_change_nothing_in_the_end_if_events_tell_everything(
    steps: list[tuple[str, Any]],
) -> None:
    world = World()
    for step in steps:
        world.step(step)
    world.settle(is_asked=False)
    assert shown(world.pipeline) == world.server.numbers()
    assert shown(world.pipeline, "xivo_call_legs_ended_total").total() == world.ended


@given(ANY)
def test_after_a_snapshot_the_calls_are_those_of_the_server(steps: list[tuple[str, Any]]) -> None:
    world = World()
    for step in steps:
        world.step(step)
    world.settle(is_asked=True)
    assert shown(world.pipeline) == world.server.numbers()
    assert shown(world.pipeline, "xivo_call_legs_ended_total").total() == world.ended


@given(HONEST)
def test_if_events_tell_everything_in_time_nothing_was_wrong(
    steps: list[tuple[str, Any]],
) -> None:
    world = World(is_prompt=True)
    for step in steps:
        world.step(step)
    world.settle(is_asked=True)
    assert world.drift == 0
    if world.pipeline.value("xivo_state_known", "calls") is not None:
        assert world.pipeline.value("xivo_state_known", "calls") == 1


SILENT: list[tuple[Deed, str]] = [
    (("create", LEGS[3], CONVERSATIONS[2]), "added"),
    (("end", LEGS[1], 16), "removed"),
    (("answer", LEGS[1], None), "changed"),
    (("hold", LEGS[0], True), "changed"),
    (("merge", CONVERSATIONS[1], CONVERSATIONS[0]), "changed"),
    (("direct", CONVERSATIONS[1], "outbound"), "changed"),
]


@pytest.mark.parametrize(("silent", "kind"), SILENT, ids=str)
def test_a_silent_change_is_repaired_and_counted(silent: Deed, kind: str) -> None:
    world = World()
    for deed in (
        ("create", LEGS[0], CONVERSATIONS[0]),
        ("answer", LEGS[0], None),
        ("create", LEGS[1], CONVERSATIONS[0]),
        ("create", LEGS[2], CONVERSATIONS[1]),
    ):
        world.step(("do", deed))
    world.settle(is_asked=True)
    assert world.drift == 0
    world.step(("silently", silent))
    world.settle(is_asked=True)
    assert shown(world.pipeline) == world.server.numbers()
    assert world.pipeline.value("xivo_state_drift_total", "calls", kind) == 1
    assert world.drift == 1
    assert world.pipeline.value("xivo_state_known", "calls") == 1


@pytest.mark.parametrize(
    "deed",
    [
        ("create", LEGS[1], CONVERSATIONS[0]),
        ("hold", LEGS[0], True),
        ("merge", CONVERSATIONS[0], CONVERSATIONS[1]),
        ("end", LEGS[0], 16),
    ],
    ids=str,
)
def test_an_answer_does_not_undo_what_events_told_meanwhile(deed: Deed) -> None:
    world = World()
    world.step(("tell", ("create", LEGS[0], CONVERSATIONS[0])))
    world.step(("tell", ("direct", CONVERSATIONS[1], "inbound")))
    for step in (("ask", None), ("read", None), ("tell", deed), ("answer", None)):
        world.step(step)
    assert shown(world.pipeline) == world.server.numbers()
    assert world.drift == 0


def test_the_state_is_complete_before_the_first_event() -> None:
    world = World()
    world.silently(("create", LEGS[0], CONVERSATIONS[0]))
    world.settle(is_asked=True)
    assert shown(world.pipeline) == Counter({("unknown", "ringing"): 1})
    assert world.pipeline.value("xivo_state_known", "calls") == 1


def test_a_server_of_which_only_local_channels_are_known_has_no_series_of_calls() -> None:
    world = World()
    world.settle(is_asked=True)
    assert not {name for name, _ in world.pipeline.series() if name.startswith("xivo_call")}
