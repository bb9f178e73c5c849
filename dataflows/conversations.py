"""The conversations under way on a server, and the gauge that counts them.

A conversation has the direction of highest rank that any event told: the server may tell it late,
and may call a leg internal that belongs to a call from outside.
"""

from __future__ import annotations

from msgspec import Struct

from dataflows.call_metrics import CALLS, CallState, Direction
from dataflows.metric import LabelValues, Samples

MAX_IDLE = 1_024
"""Conversations without legs whose direction is remembered, for legs that are told of late."""

_RANKS = {
    Direction.UNKNOWN: 0,
    Direction.INTERNAL: 1,
    Direction.OUTBOUND: 2,
    Direction.INBOUND: 3,
}


def better(one: Direction, other: Direction) -> Direction:
    """Return which of two directions of a conversation counts."""
    return other if _RANKS[one] < _RANKS[other] else one


class Conversation(Struct, gc=False):
    """A conversation.

    Attributes:
        name: Its id.
        direction: As far as it is known.
        legs: How many legs it has.
        up: How many of them are answered.
        held: How many of them are on hold.
        shown: Label values of the series in which it counts; empty while it has no legs.
    """

    name: str
    direction: Direction = Direction.UNKNOWN
    legs: int = 0
    up: int = 0
    held: int = 0
    shown: LabelValues = ()


class Conversations:
    """The conversations of one server.

    Args:
        samples: Of the state.
        origin: The server.

    Attributes:
        count: Conversations that have legs.
    """

    def __init__(self, samples: Samples, origin: str) -> None:
        self._samples = samples
        self._labels = {
            (direction, state): (origin, str(direction), str(state))
            for direction in Direction
            for state in CallState
        }
        self._known: dict[str, Conversation] = {}
        # Those without legs, the oldest first.
        self._idle: dict[str, None] = {}
        self.count = 0

    def tell(self, name: str, direction: Direction) -> Conversation:
        """Note the direction of a conversation; return the conversation."""
        conversation = self._known.get(name)
        if conversation is None:
            conversation = self._known[name] = Conversation(name)
            self._rest(conversation)
        before = conversation.direction
        if before is not direction and better(before, direction) is direction:
            conversation.direction = direction
            if conversation.legs:
                self._show(conversation)
        return conversation

    def change(
        self, conversation: Conversation, *, legs: int = 0, up: int = 0, held: int = 0
    ) -> None:
        """Change the numbers of its legs: all, those that are answered, and those on hold."""
        if not conversation.legs:
            del self._idle[conversation.name]
        conversation.legs += legs
        conversation.up += up
        conversation.held += held
        self._show(conversation)

    def _show(self, conversation: Conversation) -> None:
        """Count a conversation as what it is now."""
        before = conversation.shown
        if not conversation.legs:
            conversation.shown = ()
            self.count -= 1
            self._samples.add(CALLS, before, -1)
            self._rest(conversation)
            return
        state = CallState.UP if conversation.up else CallState.RINGING
        state = CallState.HELD if conversation.held else state
        after = conversation.shown = self._labels[conversation.direction, state]
        if not before:
            self.count += 1
            self._samples.add(CALLS, after)
        elif before != after:
            self._samples.move(CALLS, before, after)

    def _rest(self, conversation: Conversation) -> None:
        """Remember a conversation without legs."""
        self._idle[conversation.name] = None
        if len(self._idle) > MAX_IDLE:
            name = next(iter(self._idle))
            del self._idle[name], self._known[name]
