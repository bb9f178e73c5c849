"""A small model of app_queue: what happens to callers in queues, and what Asterisk says about it.

The model follows `app_queue.c` and the recordings; it shares no code with the exporter. It
notes what really happens in `Visit`s, apart from the events.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush

from tests.laws import call_messages as messages
from tests.laws.call_messages import MICROSECONDS, Channel, Channels, Data, Event, Ringing

INTERFACES = (
    "Local/id-1@agentcallback",
    "Local/id-2@agentcallback",
    "PJSIP/phone-3",
    "PJSIP/phone-4",
)

MILLISECOND = 1_000
_STEP = 60
"""Microseconds between two events of the same cause."""

_QUIET = (20_000, 900_000)
"""Things begin in this part of a second, so that a disorder of some ms changes no whole second."""

Process = Generator[int, None, None]
"""The life of a caller. It yields how many microseconds pass until it goes on."""


@dataclass
class Talk:
    """A talk of a caller with a member; times are Unix microseconds.

    Attributes:
        seconds: TalkTime; None if it never ended properly.
        by: Who ended it.
    """

    member: str
    began: int
    ended: int | None = None
    seconds: int | None = None
    by: str | None = None


@dataclass
class Visit:
    """A stay of a caller in a queue; times are Unix microseconds.

    Attributes:
        gone: When the caller left, or when it shows that he is gone.
        outcome: None while the caller waits.
        wait: HoldTime; None for a visit that was lost.
        ring: RingTime of an answered one.
    """

    queue: str
    joined: int
    gone: int | None = None
    outcome: str | None = None
    wait: int | None = None
    ring: int | None = None
    talk: Talk | None = None


@dataclass
class Caller:
    """A caller.

    Attributes:
        leg: The channel that waits; another one than the caller's until a transfer is done.
        visit: The visit that is under way, if any.
        talking: The talk that is under way, with its ringing and its visit, if any.
        is_silent: Whether nothing more is heard of the caller.
    """

    channel: Channel
    leg: Channel
    process: Process | None = None
    visit: Visit | None = None
    talking: tuple[Ringing, Visit, Talk] | None = None
    is_silent: bool = False


@dataclass
class Asterisk:
    """A server. Times are Unix microseconds."""

    now: int
    booted: int
    channels: Channels = field(default_factory=Channels)
    events: list[Event] = field(default_factory=list)
    visits: list[Visit] = field(default_factory=list)
    no_answers: list[tuple[int, str]] = field(default_factory=list)
    callers: list[Caller] = field(default_factory=list)
    queues: dict[str, list[tuple[Visit, int]]] = field(default_factory=dict)
    is_up: bool = True
    _agenda: list[tuple[int, int, Process]] = field(default_factory=list)
    _count: int = 0

    def begin(self, at: int, process: Process) -> None:
        """Let something begin at a time, or up to 0.12 s later."""
        low, high = _QUIET
        rest = at % MICROSECONDS
        if rest < low:
            at += low
        elif rest > high:
            at += MICROSECONDS - high + low
        self._count += 1
        heappush(self._agenda, (at, self._count, process))

    def run(self) -> None:
        """Let everything happen."""
        while self._agenda:
            due, _, process = heappop(self._agenda)
            self.now = max(due, self.now + _STEP)
            if (pause := next(process, None)) is not None:
                self.begin(self.now + pause, process)

    def say(self, name: str, data: Data) -> None:
        """Send an event."""
        self.events.append(messages.event(self.now, name, data))
        self.now += _STEP

    def seconds_since(self, at: int) -> int:
        """Return the difference of whole-second times, as Asterisk computes it."""
        return self.now // MICROSECONDS - at // MICROSECONDS

    # --- The life of a visit ---

    def join(self, caller: Caller, queue: str) -> Visit:
        """Let a caller, or the leg of a consultation, join a queue."""
        waiting = self.queues.setdefault(queue, [])
        self.say("UserEvent", messages.arrival(caller.leg, len(self.queues)))
        visit = caller.visit = Visit(queue, self.now)
        self.visits.append(visit)
        position = len(waiting) + 1
        waiting.append((visit, position))
        self.say("QueueCallerJoin", messages.place(caller.leg, queue, position, position))
        return visit

    def leave(self, caller: Caller, outcome: str) -> Visit:
        """Let the caller leave; the events are those of `app_queue.c`, in its order."""
        visit, caller.visit = caller.visit, None
        assert visit is not None
        waiting = self.queues[visit.queue]
        index = next(i for i, (each, _) in enumerate(waiting) if each is visit)
        visit.wait, visit.outcome = self.seconds_since(visit.joined), outcome
        if outcome in {"abandoned", "expired"}:
            original = waiting[index][1]
            data = messages.abandon(caller.leg, visit.queue, index + 1, original, visit.wait)
            self.say("QueueCallerAbandon", data)
        del waiting[index]
        visit.gone = self.now
        self.say(
            "QueueCallerLeave", messages.place(caller.leg, visit.queue, index + 1, len(waiting))
        )
        return visit

    def ring(self, caller: Caller, interface: str) -> Ringing:
        """Ring a member for the caller."""
        assert caller.visit is not None
        name = interface.replace("callback", "callback;1")
        destination = self.channels.new(self.now, name, "agentcallback", caller.channel)
        ringing = Ringing(caller.visit.queue, interface, self.now, destination)
        self.say("AgentCalled", ringing.data(caller.leg))
        return ringing

    def stop_ringing(self, caller: Caller, ringing: Ringing, *, is_no_answer: bool) -> None:
        """Stop ringing a member; only one who did not answer in time has an event for it."""
        if is_no_answer:
            self.no_answers.append((self.now, ringing.queue))
            ring = self.seconds_since(ringing.since) * 1000
            self.say("AgentRingNoAnswer", ringing.data(caller.leg, RingTime=str(ring)))
        self.say("Hangup", messages.hangup(ringing.destination, "0"))

    def answer(self, caller: Caller, ringing: Ringing) -> None:
        """Let a member answer the caller."""
        visit = self.leave(caller, "answered")
        visit.ring = self.seconds_since(ringing.since)
        visit.talk = Talk(ringing.interface, self.now)
        caller.talking = ringing, visit, visit.talk
        data = ringing.data(caller.leg, HoldTime=str(visit.wait), RingTime=str(visit.ring))
        self.say("AgentConnect", data)
        if "id-" in ringing.interface:
            # The Local channel of the member is optimised away; the talk goes on.
            self.say("Hangup", messages.hangup(ringing.destination))

    def complete(self, caller: Caller, by: str, ids: str = "both") -> None:
        """End the talk of a caller."""
        assert caller.talking is not None
        ringing, visit, talk = caller.talking
        caller.talking = None
        talk.ended, talk.by, talk.seconds = self.now, by, self.seconds_since(talk.began)
        hold = visit.wait or 0
        data = ringing.complete(caller.channel, ids, hold=hold, talk=talk.seconds, reason=by)
        self.say("AgentComplete", data)

    def hang_up(self, channel: Channel, *, cause: str = "16") -> None:
        """Let a channel end."""
        self.say("SoftHangupRequest", messages.request(channel, "16"))
        self.say("Hangup", messages.hangup(channel, cause))

    # --- What happens to the whole server ---

    def stop(self, *, is_orderly: bool) -> None:
        """Stop: by `core restart`, or by `kill -9`, of which nothing is heard."""
        self.is_up = False
        gone = {id(caller.process) for caller in self.callers}
        self._agenda = [each for each in self._agenda if id(each[2]) not in gone]
        heapify(self._agenda)
        if is_orderly:
            for caller in self.callers:
                if not caller.is_silent:
                    self.say("SoftHangupRequest", messages.request(caller.leg, "4"))
            for caller in self.callers:
                self._end(caller)
            self.now += 1100 * MILLISECOND
            self.say("Shutdown", messages.SHUTDOWN)

    def _end(self, caller: Caller) -> None:
        if caller.is_silent:
            return
        if caller.visit is not None:
            self.leave(caller, "expired")
        if caller.talking is not None:
            self.complete(caller, "agent")
            self.say("HangupRequest", messages.request(caller.channel, "0"))
        self.hang_up(caller.leg, cause="0")

    def boot(self, uptime: int) -> None:
        """Be fully booted, some seconds after the start; those who are not there are lost."""
        self.is_up, self.booted = True, self.now - uptime * MICROSECONDS
        for caller in self.callers:
            if caller.visit is not None:
                caller.visit.gone, caller.visit.outcome = self.now, "lost"
            if caller.talking is not None:
                caller.talking[2].ended = self.now
        self.callers.clear()
        for waiting in self.queues.values():
            waiting.clear()
        self.say("FullyBooted", messages.fully_booted(uptime))

    def log_in(self) -> None:
        """Let amid log in again."""
        uptime = (self.now - self.booted) // MICROSECONDS
        self.say("FullyBooted", messages.fully_booted(uptime))

    def pick(self, member: int, *, ringinuse: bool) -> str:
        """Return the interface of a member, of a free one if possible."""
        busy = {each.talking[2].member for each in self.callers if each.talking is not None}
        wanted = INTERFACES[member % len(INTERFACES)]
        free = [each for each in INTERFACES if each not in busy]
        return wanted if ringinuse or wanted not in busy or not free else free[0]
