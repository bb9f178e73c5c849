"""How many calls are under way, how do they end, and whom do they miss?

Source: the events of legs of wazo-calld (`dataflows/events/calls.py`), which
`dataflows/legs.py` joins to conversations; the call logs of wazo-call-logd and the missed
calls of the dialplan (`dataflows/events/call_logs.py`). Each of the three has series from its first
event on. Names, numbers and users are never read.

Trouble: the order of events of a leg does not matter if they have time stamps. Duplicates change
nothing; a call log counts once for each conversation. A missed beginning: the leg counts from its
next event on, except that an update must show that it is no `Local/` channel. A missed end: the leg
ends with the `Hangup` of its channel, or when calld does not list it, or when Asterisk starts, or
after a day. wazo-calld publishes nothing while it restarts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import inf

from dataflows import listed_calls
from dataflows.call_metrics import (
    CALLS,
    CONVERSATIONS,
    DURATION,
    LEGS_ENDED,
    LEVELS,
    METRICS,
    MISSED,
)
from dataflows.duplicates import LastEvents
from dataflows.events import asterisk, call_logs, calls, channels
from dataflows.events.call_logs import CallMissed, ConversationLogged
from dataflows.events.calls import CallsListed, LegChanged, LegEnded, LegEvent, LegHeld
from dataflows.events.channels import ChannelEnded
from dataflows.knowledge import Drift
from dataflows.legs import Legs
from dataflows.listings import Source
from dataflows.merging import Changed
from dataflows.recent import Recent
from dataflows.subsystem import Context, Event, State, Subsystem
from dataflows.windows import Level

NAME = "calls"

MAX_LOGS = 4_096
"""Conversations whose call log is remembered, to recognise one that is published again."""


class CallsState(State[Event]):
    """The calls of one origin.

    While a caller from outside talks to a user:

        xivo_calls{origin_uuid="ca7f…",direction="inbound",state="up"} 1

    After the end:

        xivo_call_legs_ended_total{origin_uuid="ca7f…",direction="inbound",cause="normal"} 2
        xivo_conversations_total{origin_uuid="ca7f…",direction="inbound",status="answered",
                                 destination_type="user"} 1
    """

    def __init__(self, first: Event, context: Context) -> None:
        super().__init__(context)
        self._origin = (first.origin_uuid,)
        self._legs = Legs(self.samples, first.origin_uuid, self.entities)
        # None until something tells of legs.
        self._level: Level | None = None
        self._is_logged = self._is_missed = False
        self._logs = Recent(inf, MAX_LOGS)
        self._last_events = LastEvents()
        if isinstance(first, LegChanged | LegEnded):
            self._begin(first.at)

    def apply(self, event: Event) -> None:
        if self.asked:
            self.note(event)
        kind = type(event)
        if kind is LegChanged:
            assert isinstance(event, LegChanged)
            if self._level is None:
                self._begin(event.at)
            self._legs.change(event)
        elif kind is LegEnded:
            assert isinstance(event, LegEnded)
            self._begin(event.at)
            self._end(event)
        elif kind is ChannelEnded:
            assert isinstance(event, ChannelEnded)
            self._legs.hang_up(event.channel)
        elif kind is LegHeld:
            assert isinstance(event, LegHeld)
            self._legs.hold(event)
        else:
            self._count(event)
            return
        self._follow(event.at)

    def _end(self, event: LegEnded) -> None:
        direction = self._legs.end(event)
        if direction is not None:
            self.samples.add(LEGS_ENDED, (*self._origin, direction, event.cause))

    def _count(self, event: Event) -> None:
        match event:
            case ConversationLogged():
                self._log(event)
            case CallMissed(reason=reason):
                if not self._is_missed:
                    self._is_missed = True
                    self.samples.start(MISSED, self._origin)
                arrived = 0.0 if event.is_stamped else event.at
                if not self._last_events.has(event.digest, arrived):
                    self.samples.add(MISSED, (*self._origin, reason))

    def _log(self, event: ConversationLogged) -> None:
        if not self._is_logged:
            self._is_logged = True
            self.samples.start(CONVERSATIONS, self._origin)
            self.samples.start(DURATION, self._origin)
        if self._logs.has(event.log, event.at):
            return
        self._logs.add(event.log, event.at)
        labels = (*self._origin, event.direction, event.status, event.destination)
        self.samples.add(CONVERSATIONS, labels)
        if event.duration is not None:
            self.samples.observe(DURATION, (*self._origin, event.direction), event.duration)

    def _begin(self, at: float) -> None:
        """Show calls under way from the first event or answer on that tells of legs."""
        if self._level is None:
            self.samples.start(CALLS, self._origin)
            self.samples.start(LEGS_ENDED, self._origin)
            self._level = Level(self.samples, LEVELS, self._origin, self.windows, at=at, value=0)
            self.trackers = (self._level,)

    def _follow(self, at: float) -> None:
        if self._level is not None:
            self._level.follow(at, self._legs.conversations.count)
        if self._legs.refused:
            self.refused += self._legs.refused
            self._legs.refused = 0

    def note(self, event: Event) -> None:
        if isinstance(event, LegEvent):
            listed_calls.note(event, self._legs, self.asked[Source.CALLD])

    def merge(self, listing: CallsListed, changed: Changed) -> Mapping[Drift, int]:
        self._begin(listing.at)
        drift = listed_calls.follow_calls(self._legs, listing, changed)
        self._follow(listing.at)
        return drift

    def restart(self, at: float, started: float) -> None:
        self._legs.end_before(started)
        self._follow(at)

    def recheck(self, now: float) -> None:
        super().recheck(now)
        self._legs.recheck(now)
        self._logs.recheck(now)

    def shift(self, corrected: Callable[[float], float]) -> None:
        super().shift(corrected)
        self._legs.correct(corrected)

    def expire(self, now: float) -> float | None:
        count = self._legs.conversations.count
        due = self._legs.expire(now)
        if count != self._legs.conversations.count:
            self._follow(now)
        due = min(super().expire(now) or inf, due)
        return None if due == inf else due


SUBSYSTEM = Subsystem(
    NAME,
    "How many calls are under way, how do they end, and whom do they miss?",
    METRICS,
    CallsState,
    (*calls.DECODERS, *call_logs.DECODERS),
    starters=(LegChanged, LegEnded, ConversationLogged, CallMissed),
    also=(channels.ENDED, *asterisk.DECODERS),
    needs=(ChannelEnded,),
    listings=(CallsListed,),
    can_be_complete=True,
)
