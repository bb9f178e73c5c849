"""A server with calls, and what must be shown of the messages that arrived, computed slowly."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from dataflows.call_metrics import Direction
from dataflows.events.calls import CallsListed, ListedCall
from tests.corpus import ORIGIN, Message, event

Numbers = Counter[tuple[str, ...]]

RANKING = ("unknown", "internal", "outbound", "inbound")
CAUSES = {16: "normal", 17: "busy", 99: "other"}
HOLDS = {"call_held": True, "call_resumed": False}
CHANGES = ("call_created", "call_updated", "call_answered")


def stamp(at: float) -> str:
    """Return a time stamp as Wazo writes it."""
    return datetime.fromtimestamp(at, UTC).replace(tzinfo=None).isoformat()


def said(name: str, at: float, **data: object) -> Message:
    """Return a message with a time stamp."""
    return event(name, data, timestamp=stamp(at))


# --- The oracle ---------------------------------------------------------------------------------


def _data(message: Message) -> dict[str, Any]:
    data: dict[str, Any] = message.content["data"]
    return data


def _newest(messages: Iterable[Message]) -> Message | None:
    return max(messages, key=lambda message: str(message.content["timestamp"]), default=None)


def _conversation(messages: Sequence[Message], call: str) -> str | None:
    """Return the conversation of a leg under way, or None if it is not known or has ended."""
    mine = [each for each in messages if _data(each)["call_id"] == call]
    if any(each.name == "call_ended" for each in mine):
        return None
    newest = _newest(each for each in mine if each.name in CHANGES)
    return None if newest is None else str(_data(newest)["conversation_id"])


def _is_held(messages: Sequence[Message], call: str) -> bool:
    newest = _newest(
        each
        for each in messages
        if _data(each)["call_id"] == call
        and (each.name in HOLDS or _data(each).get("on_hold") is not None)
    )
    if newest is None:
        return False
    return bool(HOLDS.get(newest.name, _data(newest).get("on_hold")))


def _is_up(messages: Sequence[Message], call: str) -> bool:
    return any(
        _data(each).get("status") == "Up"
        for each in messages
        if _data(each)["call_id"] == call and each.name in CHANGES
    )


def direction_of(messages: Sequence[Message], conversation: str) -> str:
    """Return the best direction that messages tell of a conversation."""
    told = [
        _data(each).get("direction") or "unknown"
        for each in messages
        if _data(each).get("conversation_id") == conversation
    ]
    return max(told, key=RANKING.index, default="unknown")


def calls(messages: Sequence[Message]) -> Numbers:
    """Return the conversations under way, by direction and state, after messages in any order."""
    legs: dict[str, list[str]] = {}
    for call in dict.fromkeys(_data(each)["call_id"] for each in messages):
        conversation = _conversation(messages, call)
        if conversation is not None:
            legs.setdefault(conversation, []).append(call)
    numbers = Numbers()
    for conversation, mine in legs.items():
        state = "up" if any(_is_up(messages, call) for call in mine) else "ringing"
        state = "held" if any(_is_held(messages, call) for call in mine) else state
        numbers[direction_of(messages, conversation), state] += 1
    return numbers


def ends(messages: Sequence[Message]) -> Numbers:
    """Return the legs that ended, by direction and cause, after messages in this order."""
    numbers = Numbers()
    ended = set()
    for index, each in enumerate(messages):
        data = _data(each)
        if each.name != "call_ended" or data["call_id"] in ended:
            continue
        ended.add(data["call_id"])
        conversation = data["conversation_id"] or _conversation(messages[:index], data["call_id"])
        direction = data["direction"]
        if conversation is not None:
            known = direction_of(messages[: index + 1], conversation)
            direction = max(known, direction, key=RANKING.index)
        numbers[direction, CAUSES[data["reason_code"]]] += 1
    return numbers


# --- The server ---------------------------------------------------------------------------------

Deed = tuple[str, Any, Any]


@dataclass
class Leg:
    """A leg: its conversation, whether it is answered, and whether it is on hold."""

    conversation: str
    is_up: bool = False
    is_held: bool = False


@dataclass
class Server:
    """What is true on a server, and what it says of its changes.

    Attributes:
        legs: Those under way.
        directions: The best direction of each conversation so far.
        past: All legs that ever were; an id never comes again.
        messages: Messages that have not arrived.
    """

    legs: dict[str, Leg] = field(default_factory=dict)
    directions: dict[str, str] = field(default_factory=dict)
    past: set[str] = field(default_factory=set)
    messages: deque[Message] = field(default_factory=deque)

    def do(self, deed: Deed, at: float) -> list[Message]:
        """Change something at a time; return the messages that tell of it."""
        kind, first, second = deed
        found: list[Message] = getattr(self, kind)(first, second, at)
        return found

    def create(self, call: str, conversation: str, at: float) -> list[Message]:
        if call in self.past:
            return []
        self.past.add(call)
        self.legs[call] = Leg(conversation)
        return [self._tell("call_created", call, at)]

    def answer(self, call: str, _: object, at: float) -> list[Message]:
        leg = self.legs.get(call)
        if leg is None or leg.is_up:
            return []
        leg.is_up = True
        return [
            self._tell("call_updated", call, at),
            self._tell("call_answered", call, at + 0.001),
        ]

    def hold(self, call: str, is_held: bool, at: float) -> list[Message]:
        leg = self.legs.get(call)
        if leg is None or leg.is_held is is_held:
            return []
        leg.is_held = is_held
        return [said("call_held" if is_held else "call_resumed", at, call_id=call)]

    def update(self, call: str, _: object, at: float) -> list[Message]:
        return [self._tell("call_updated", call, at)] if call in self.legs else []

    def direct(self, conversation: str, direction: str, at: float) -> list[Message]:
        """Find out the direction of a conversation, when two legs are joined."""
        self.directions[conversation] = max(
            self.directions.get(conversation, "unknown"), direction, key=RANKING.index
        )
        return self._tell_all(conversation, at)

    def merge(self, conversation: str, other: str, at: float) -> list[Message]:
        """Let one conversation become part of another, as after a consultation."""
        for leg in self.legs.values():
            if leg.conversation == conversation:
                leg.conversation = other
        return self._tell_all(other, at)

    def end(self, call: str, cause: int, at: float) -> list[Message]:
        if call not in self.legs:
            return []
        message = self._tell("call_ended", call, at, reason_code=cause)
        del self.legs[call]
        return [message]

    def listing(self, number: int, at: float) -> CallsListed:
        """Return what calld lists: all channels, also `Local/` channels."""
        local = ListedCall("9.1", "9.1", Direction.INBOUND, True, True, False)
        listed = [
            ListedCall(
                call,
                leg.conversation,
                Direction(self.directions.get(leg.conversation, "unknown")),
                leg.is_up,
                leg.is_held,
                True,
            )
            for call, leg in self.legs.items()
        ]
        return CallsListed(ORIGIN, at, number, (local, *listed))

    def numbers(self) -> Numbers:
        """Return the conversations under way, by direction and state."""
        conversations: dict[str, list[Leg]] = {}
        for leg in self.legs.values():
            conversations.setdefault(leg.conversation, []).append(leg)
        numbers = Numbers()
        for conversation, legs in conversations.items():
            state = "up" if any(leg.is_up for leg in legs) else "ringing"
            state = "held" if any(leg.is_held for leg in legs) else state
            numbers[self.directions.get(conversation, "unknown"), state] += 1
        return numbers

    def _tell(self, name: str, call: str, at: float, **more: object) -> Message:
        leg = self.legs[call]
        data = {
            "call_id": call,
            "conversation_id": leg.conversation,
            "direction": self.directions.get(leg.conversation, "unknown"),
            "status": "Up" if leg.is_up else "Ringing",
            "on_hold": leg.is_held,
            "line_id": 7,
        }
        return said(name, at, **data, **more)

    def _tell_all(self, conversation: str, at: float) -> list[Message]:
        calls = [call for call, leg in self.legs.items() if leg.conversation == conversation]
        return [
            self._tell("call_updated", call, at + number / 1000)
            for number, call in enumerate(calls)
        ]
