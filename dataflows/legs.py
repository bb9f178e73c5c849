"""The legs of calls on a server, which belong to conversations.

Events may arrive in any order. A leg is answered from the first event on that says so. What
conversation it belongs to, and whether it is on hold, is as its newest event says, by the time of
the event. A leg that has ended stays so, because the id of a channel is never used again. It also
ends with its channel: while wazo-calld restarts, nothing tells of ends but Asterisk. A channel
that may be no leg does not count until an event tells that it is one: of `Local/` channels, some
versions of wazo-calld tell that they change, but not that they end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import inf

from msgspec import Struct

from dataflows.call_metrics import Direction
from dataflows.conversations import Conversation, Conversations, better
from dataflows.events.calls import LegChanged, LegEnded, LegHeld
from dataflows.metric import Samples
from dataflows.quota import Allocation
from dataflows.recent import Recent

MAX_LEG_SECONDS = 24 * 3600.0
"""A leg whose end is not seen for a day is dropped, unless an API goes on to list it."""

MAX_ENDED = 4_096
"""Legs that are remembered after their end: more than end in a minute on the largest servers."""

MAX_HUNG_UP = 4_096
"""Channels that are remembered after their hangup, until wazo-calld tells of it too: some tenths of
a second. It never does for channels that are no legs."""

MAX_HOLDS = 256
"""Holds that are remembered of legs of which nothing else is known. Some are `Local/` channels."""


class Leg(Struct, gc=False):
    """A leg; times are Unix seconds, -inf for never.

    Attributes:
        conversation: To which it belongs.
        told: When the newest event happened that names the conversation.
        is_up: Whether it is answered.
        is_held: Whether it is on hold.
        hold_told: When the newest event happened that says whether it is on hold.
        listed: When an API listed it.
        seen: When `expire` saw it first, or after an API listed it, by the clock of the exporter;
            infinite for not yet.
    """

    conversation: Conversation
    told: float = -inf
    is_up: bool = False
    is_held: bool = False
    hold_told: float = -inf
    listed: float = -inf
    seen: float = inf


class Legs:
    """The legs of one server.

    Args:
        samples: Of the state.
        origin: The server.
        allocation: Each leg takes a place.

    Attributes:
        conversations: To which they belong.
        refused: Legs that were not admitted, because the quota was full.
    """

    def __init__(self, samples: Samples, origin: str, allocation: Allocation) -> None:
        self.conversations = Conversations(samples, origin)
        self._allocation = allocation
        # In the order in which they became known.
        self._legs: dict[str, Leg] = {}
        self._ended = Recent(inf, MAX_ENDED)
        # Channels that ended, with the direction of the conversation if they were legs.
        self._hung_up: dict[str, Direction] = {}
        # Of legs that are not known: when it happened, and whether they are on hold since then.
        self._holds: dict[str, tuple[float, bool]] = {}
        # Those that `expire` has not seen.
        self._new: list[Leg] = []
        self.refused = 0

    def __iter__(self) -> Iterator[tuple[str, Leg]]:
        return iter(self._legs.items())

    def get(self, call: str) -> Leg | None:
        """Return a leg, or None if it is not known."""
        return self._legs.get(call)

    def has_ended(self, call: str) -> bool:
        """Return whether a leg ended lately."""
        return call in self._hung_up or self._ended.has(call, 0.0)

    def change(self, event: LegChanged) -> None:
        """Follow an event that tells of a whole leg."""
        at, call = event.at, event.call
        conversation = self.conversations.tell(event.conversation, event.direction)
        leg = self._legs.get(call)
        if leg is None and event.is_leg and not self.has_ended(call):
            leg = self.add(call, conversation)
        if leg is None:
            return
        if at >= leg.told:
            leg.told = at
            if leg.conversation is not conversation:
                self.move(leg, conversation)
        if event.is_up and not leg.is_up:
            self.answer(leg)
        if event.is_held is not None:
            self._hold(leg, at, is_held=event.is_held)

    def hold(self, event: LegHeld) -> None:
        """Follow an event that tells only whether a leg is on hold."""
        leg = self._legs.get(event.call)
        if leg is not None:
            self._hold(leg, event.at, is_held=event.is_held)
        elif not self.has_ended(event.call):
            at, _ = self._holds.get(event.call, (-inf, False))
            if event.at >= at:
                self._holds[event.call] = event.at, event.is_held
                if len(self._holds) > MAX_HOLDS:
                    del self._holds[next(iter(self._holds))]

    def end(self, event: LegEnded) -> Direction | None:
        """End a leg; return the direction of its conversation, or None if it had ended before."""
        call = event.call
        leg = self._legs.get(call)
        is_first = not self._ended.has(call, 0.0)
        of_channel = self._hung_up.pop(call, Direction.UNKNOWN)
        if event.conversation:
            direction = self.conversations.tell(event.conversation, event.direction).direction
        else:
            of_leg = leg.conversation.direction if leg else of_channel
            direction = better(of_leg, event.direction)
        if leg is not None:
            self.remove(call, leg)
        self._holds.pop(call, None)
        if not is_first:
            return None
        self._ended.add(call, event.at)
        return direction

    def hang_up(self, call: str) -> None:
        """End the leg of a channel that ended; why, `end` is told later."""
        if self.has_ended(call):
            return
        leg = self._legs.get(call)
        self._hung_up[call] = leg.conversation.direction if leg else Direction.UNKNOWN
        if len(self._hung_up) > MAX_HUNG_UP:
            del self._hung_up[next(iter(self._hung_up))]
        if leg is not None:
            self.remove(call, leg)
        self._holds.pop(call, None)

    def add(self, call: str, conversation: Conversation) -> Leg | None:
        """Add a leg that is not known; return None if the quota is full.

        It is on hold if an event said so.
        """
        if not self._allocation.take():
            self.refused += 1
            return None
        leg = self._legs[call] = Leg(conversation)
        self._new.append(leg)
        self.conversations.change(conversation, legs=1)
        leg.hold_told, is_held = self._holds.pop(call, (-inf, False))
        self.set_held(leg, is_held=is_held)
        return leg

    def renew(self, call: str) -> None:
        """Let the time begin anew after which a leg is dropped."""
        leg = self._legs[call] = self._legs.pop(call)
        self._new.append(leg)

    def move(self, leg: Leg, conversation: Conversation) -> None:
        """Let a leg belong to another conversation."""
        up, held, before = int(leg.is_up), int(leg.is_held), leg.conversation
        leg.conversation = conversation
        # First, because a conversation without legs may be forgotten.
        self.conversations.change(conversation, legs=1, up=up, held=held)
        self.conversations.change(before, legs=-1, up=-up, held=-held)

    def answer(self, leg: Leg) -> None:
        """Let a leg be answered that was not."""
        leg.is_up = True
        self.conversations.change(leg.conversation, up=1)

    def set_held(self, leg: Leg, *, is_held: bool) -> None:
        """Let a leg be on hold, or not."""
        if leg.is_held is not is_held:
            leg.is_held = is_held
            self.conversations.change(leg.conversation, held=1 if is_held else -1)

    def remove(self, call: str, leg: Leg) -> None:
        """Forget a leg."""
        del self._legs[call]
        self._allocation.release()
        up, held = int(leg.is_up), int(leg.is_held)
        self.conversations.change(leg.conversation, legs=-1, up=-up, held=-held)

    def end_before(self, started: float) -> None:
        """Forget the legs of which nothing was told since a time, Unix seconds."""
        for call, leg in [*self._legs.items()]:
            if max(leg.told, leg.hold_told, leg.listed) < started:
                self.remove(call, leg)

    def expire(self, now: float) -> float:
        """Drop the legs that are too old; return when to look again, Unix seconds."""
        for leg in self._new:
            leg.seen = now
        self._new.clear()
        while self._legs:
            call, leg = next(iter(self._legs.items()))
            if leg.seen + MAX_LEG_SECONDS > now:
                return leg.seen + MAX_LEG_SECONDS
            self.remove(call, leg)
        return inf

    def correct(self, corrected: Callable[[float], float]) -> None:
        """Correct all times of events."""
        for leg in self._legs.values():
            leg.told = _corrected(leg.told, corrected)
            leg.hold_told = _corrected(leg.hold_told, corrected)
        self._holds = {call: (corrected(at), held) for call, (at, held) in self._holds.items()}

    def recheck(self, now: float) -> None:
        """Have no time in the future, after the clock was set back."""
        self.correct(lambda at: min(at, now))
        for leg in self._legs.values():
            leg.listed = min(leg.listed, now)
            leg.seen = min(leg.seen, now)

    def _hold(self, leg: Leg, at: float, *, is_held: bool) -> None:
        if at >= leg.hold_told:
            leg.hold_told = at
            if leg.is_held is not is_held:
                self.set_held(leg, is_held=is_held)


def _corrected(at: float, corrected: Callable[[float], float]) -> float:
    return corrected(at) if at > -inf else at
