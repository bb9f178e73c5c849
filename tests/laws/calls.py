"""Random histories of calls through the queues of a server.

A history is a plan of calls and disasters, which `tests/laws/call_server.py` plays.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from hypothesis import strategies as st

from tests.laws import call_messages as messages
from tests.laws.call_messages import MICROSECONDS, Event, Ringing
from tests.laws.call_server import MILLISECOND, Asterisk, Caller, Process, Visit

QUEUES = ("support", "ventes", "urgence", "grp-acme-1")
DAYS_UP = 3 * 24 * 3600
"""Seconds since the server's start, when a history begins."""

DAY = 24 * 3600 * MICROSECONDS
"""After a day without an end, a visit is lost."""

ENDS = ("answered", "hung_up", "vanished", "timeout", "key", "silent")
GOES_ON = ("timeout", "key")
"""After these ends of a stay the caller may join again."""


@dataclass(frozen=True, repr=False)
class Stay:
    """A stay in a queue, as planned; times are milliseconds.

    Attributes:
        queue: Index of the queue.
        wait: Until its end.
        end: How it ends, one of `ENDS`.
        consulted: For a consultation that is transferred into the queue while it waits: how
            long it waits before. None if the caller himself joins.
        no_answers: Members who do not answer in the meantime.
        member: Index of the member who answers.
        ringinuse: Whether that member may be in a talk already.
        talk: Length of the talk.
        by: Who ends it; after a transfer, the next stay of the call begins.
        ids: Which channels AgentComplete describes.
        hangup_first: How long before AgentComplete the caller's Hangup is sent; None for after.
        after: How long until the next stay, or until the caller hangs up; 0 for at once.
    """

    queue: int
    wait: int
    end: str
    consulted: int | None = None
    no_answers: int = 0
    member: int = 0
    ringinuse: bool = False
    talk: int = 10_000
    by: str = "agent"
    ids: str = "both"
    hangup_first: int | None = None
    after: int = 0

    def __repr__(self) -> str:
        # Without what is as usual, so that Hypothesis can show a plan.
        values = [(each.name, getattr(self, each.name), each.default) for each in fields(self)]
        shown = [f"{name}={value!r}" for name, value, usual in values if value != usual]
        return f"Stay({', '.join(shown)})"


@dataclass(frozen=True)
class Call:
    """A call: when it begins, in milliseconds, and its stays in queues."""

    start: int
    stays: tuple[Stay, ...]


_MOMENT = 100 * MILLISECOND


@dataclass(frozen=True)
class Disaster:
    """Something that happens to the server, in milliseconds after the start of the history.

    Attributes:
        kind: `restart`, `kill` or `login` (of amid, again).
        down: How long until FullyBooted.
    """

    at: int
    kind: str
    down: int = 10_000


@dataclass(frozen=True)
class Plan:
    """What happens to a server with a number of queues."""

    calls: list[Call]
    disasters: list[Disaster]
    queues: int

    def play(self, began: float) -> History:
        """Let it happen, from a time in Unix seconds on."""
        return play(int(began) * MICROSECONDS, self.calls, self.disasters, self.queues)


@dataclass
class History:
    """What happened.

    Attributes:
        began: Unix microseconds.
        visits: What really happened to the callers.
        no_answers: Rings without an answer: when, and in which queue.
        events: What Asterisk said, in true order.
    """

    began: int
    visits: list[Visit]
    no_answers: list[tuple[int, str]]
    events: list[Event]


def play(began: int, calls: list[Call], disasters: list[Disaster], queues: int) -> History:
    """Let calls happen, from a time in Unix microseconds on."""
    server = Asterisk(began, began - DAYS_UP * MICROSECONDS)
    for call in calls:
        caller = Caller(channel := server.channels.new(began, "PJSIP/trunk", "queue"), channel)
        caller.process = _live(server, caller, call, queues)
        server.begin(began + call.start * MILLISECOND, caller.process)
    for disaster in disasters:
        server.begin(began + disaster.at * MILLISECOND, _strike(server, disaster))
    server.run()
    for visit in server.visits:
        if visit.gone is None:
            visit.gone, visit.outcome = visit.joined + DAY, "lost"
        if visit.talk is not None and visit.talk.ended is None:
            visit.talk.ended = visit.talk.began + DAY
    return History(began, server.visits, server.no_answers, server.events)


def _strike(server: Asterisk, disaster: Disaster) -> Process:
    if not server.is_up:
        return
    if disaster.kind == "login":
        server.log_in()
        return
    while any(server.now - visit.joined < _MOMENT for visit in server.visits):
        # Of a caller who left and joined again, nothing would tell which visit has just ended.
        yield _MOMENT
    server.stop(is_orderly=disaster.kind == "restart")
    yield disaster.down * MILLISECOND
    server.boot(min(disaster.down // 1000, 5))


def _live(server: Asterisk, caller: Caller, call: Call, queues: int) -> Process:
    if not server.is_up:
        return
    server.callers.append(caller)
    for stay, following in zip(call.stays, (*call.stays[1:], None), strict=True):
        yield from _stay(server, caller, stay, queues)
        if stay.end == "silent":
            return
        if stay.end == "answered":
            yield from _talk(server, caller, stay, following)
        if stay.end in GOES_ON and following is None:
            yield from _end_call(server, caller, stay)
        elif stay.end in GOES_ON and stay.after:
            yield stay.after * MILLISECOND
        if not (stay.end in GOES_ON or (stay.end == "answered" and stay.by == "transfer")):
            break
    server.callers.remove(caller)


def _stay(server: Asterisk, caller: Caller, stay: Stay, queues: int) -> Process:
    if stay.consulted is not None:
        caller.leg = server.channels.new(server.now, "PJSIP/phone-8", "queue", caller.channel)
    server.join(caller, QUEUES[stay.queue % queues])
    if stay.end == "silent":
        caller.is_silent = True
        return
    part = stay.wait * MILLISECOND // (stay.no_answers + 1)
    for number in range(stay.no_answers + 1):
        is_last = number == stay.no_answers
        interface = server.pick(stay.member + number, ringinuse=stay.ringinuse)
        ringing = server.ring(caller, interface)
        if number == 0 and stay.consulted is not None:
            yield stay.consulted * MILLISECOND
            _transfer(server, caller)
        yield part
        if not is_last:
            server.stop_ringing(caller, ringing, is_no_answer=True)
    _end_wait(server, caller, stay, ringing)


def _transfer(server: Asterisk, caller: Caller) -> None:
    """Put the caller in the place of the consultation."""
    old, caller.leg = caller.leg, caller.channel
    first = server.channels.new(server.now, "PJSIP/phone-8", "queue", caller.channel)
    server.say("AttendedTransfer", messages.attended_transfer(first, old, caller.channel))
    if caller.talking is not None:
        server.complete(caller, "transfer")
    server.say("Hangup", messages.hangup(first))
    server.hang_up(old)


def _end_wait(server: Asterisk, caller: Caller, stay: Stay, ringing: Ringing) -> None:
    if stay.end == "answered":
        server.answer(caller, ringing)
        return
    if stay.end == "hung_up":
        server.say("HangupRequest", messages.request(caller.leg, "16" if stay.member else None))
    if stay.end == "vanished":
        server.say("SoftHangupRequest", messages.request(caller.leg, "1"))
    if stay.end == "timeout":
        server.stop_ringing(caller, ringing, is_no_answer=True)
    outcomes = {"timeout": "expired", "key": "left"}
    server.leave(caller, outcomes.get(stay.end, "abandoned"))
    if stay.end != "timeout":
        server.stop_ringing(caller, ringing, is_no_answer=False)
    if stay.end not in GOES_ON:
        server.hang_up(caller.leg, cause="44" if stay.end == "vanished" else "16")


def _talk(server: Asterisk, caller: Caller, stay: Stay, following: Stay | None) -> Process:
    yield stay.talk * MILLISECOND
    is_consulted = following is not None and following.consulted is not None
    if stay.by == "transfer" and is_consulted:
        return  # The talk ends when the consultation in the next queue is transferred.
    assert caller.talking is not None
    destination = caller.talking[0].destination
    if stay.by == "transfer":
        server.say("BlindTransfer", messages.blind_transfer(destination, caller.channel))
        server.complete(caller, "transfer", stay.ids)
        return
    ender = caller.channel if stay.by == "caller" else destination
    server.say("HangupRequest", messages.request(ender))
    if stay.hangup_first is not None:
        server.hang_up(caller.channel)
        server.now += stay.hangup_first * MILLISECOND
    server.complete(caller, stay.by, stay.ids)
    if stay.hangup_first is None:
        server.hang_up(caller.channel)


def _end_call(server: Asterisk, caller: Caller, stay: Stay) -> Process:
    if stay.after:
        yield stay.after * MILLISECOND
        server.say("HangupRequest", messages.request(caller.channel))
    server.hang_up(caller.channel)


# Around the threshold of the service level, and any others.
_WAITS = st.sampled_from((600, 19_000, 20_000, 21_000)) | st.integers(600, 45_000)
_PAUSES = st.just(0) | st.integers(500, 70_000)


def _stays(ends: tuple[str, ...]) -> st.SearchStrategy[Stay]:
    return st.builds(
        Stay,
        queue=st.integers(0, len(QUEUES) - 1),
        wait=_WAITS,
        end=st.sampled_from(ends),
        consulted=st.sampled_from((None, None, None, 700, 4_000)),
        no_answers=st.sampled_from((0, 0, 1, 2)),
        member=st.integers(0, 3),
        ringinuse=st.booleans(),
        talk=st.integers(100, 90_000),
        by=st.sampled_from(("agent", "caller", "transfer")),
        ids=st.sampled_from(("both", "both", "caller", "member", "none")),
        hangup_first=st.sampled_from((None, None, 1, 15)),
        after=_PAUSES,
    )


def _calls(stays: st.SearchStrategy[Stay]) -> st.SearchStrategy[Call]:
    several = st.lists(stays, min_size=1, max_size=4).map(tuple)
    return st.builds(Call, start=st.integers(0, 200_000), stays=several)


_DISASTERS = st.builds(
    Disaster,
    at=st.integers(1_000, 300_000),
    kind=st.sampled_from(("restart", "kill", "login")),
    down=st.integers(6_000, 40_000),
)


def plans(*, are_heard: bool = True) -> st.SearchStrategy[Plan]:
    """Return a strategy for histories, before they are played.

    Args:
        are_heard: Whether something is heard of each caller at the end.
    """
    stays = _stays(("answered", "answered", *(ENDS[:-1] if are_heard else ENDS)))
    return st.builds(
        Plan,
        st.lists(_calls(stays), min_size=1, max_size=12),
        st.lists(_DISASTERS, max_size=2),
        st.integers(1, len(QUEUES)),
    )
