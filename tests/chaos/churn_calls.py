"""Calls of a Wazo that come and go: their legs and logs, and where they wait."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.chaos.churn_parts import Answers, Chance, Kind, page, wire
from tests.integration.bus import Wire

_LEGS, _PARKED, _PARTICIPANTS, _SWITCHBOARDS = 200, 20, 30, 10
"""At a time."""

_DIRECTIONS = ("internal", "inbound", "outbound")
_CAUSES = (16, 17, 19, 21, 34)
_BOARDS = "/calld/1.0/switchboards/"


@dataclass
class _Board:
    """A switchboard: how many calls wait in each state."""

    calls: dict[str, int] = field(default_factory=lambda: {"queued": 0, "held": 0})


class Calls:
    """The calls of a server that reach no queue."""

    def __init__(self, chance: Chance) -> None:
        self._chance = chance
        self._legs: dict[str, dict[str, object]] = {}
        self._parked: dict[str, None] = {}
        self._participants: dict[str, None] = {}
        self._boards = {chance.new_uuid(): _Board() for _ in range(_SWITCHBOARDS)}
        # The last conversations, of which a leg may still begin.
        self._conversations: deque[str] = deque(maxlen=_LEGS // 4)
        self.kinds: list[Kind] = [
            (60, self._leg_begins),
            (60, self._leg_changes),
            (40, self._leg_ends),
            (10, self._missed),
            (10, self._parks),
            (10, self._unparks),
            (10, self._joins_conference),
            (10, self._leaves_conference),
            (20, self._board_changes),
            (1, self._board_replaced),
        ]
        self.answers: Answers = {
            "/calld/1.0/calls": lambda: {"items": [*self._legs.values()]},
            "/calld/1.0/parkinglots": self._lots,
            "/confd/1.1/switchboards": self._listed_boards,
        }

    def opening(self) -> Iterator[Wire]:
        """Tell of all that is there at first."""
        for uuid in self._boards:
            yield self._board(uuid, "queued")

    def waiting_at(self, path: str) -> object | None:
        """Return the calls of a switchboard in a state; None if the path names none."""
        uuid, _, state = path.removeprefix(_BOARDS).partition("/calls/")
        board = self._boards.get(uuid)
        return None if board is None else {"items": _items(board.calls[state])}

    # Legs

    def _leg_begins(self) -> Iterator[Wire]:
        if len(self._legs) >= _LEGS:
            return
        chance, call = self._chance, self._chance.new_channel()
        if self._conversations and chance.random() < 0.5:
            conversation = chance.choice(self._conversations)
        else:
            conversation = call
            self._conversations.append(call)
        first = next((leg for leg in self._legs.values() if _of(leg) == conversation), None)
        self._legs[call] = {
            "call_id": call,
            "conversation_id": conversation,
            "status": "Ringing",
            "direction": first["direction"] if first else chance.choice(_DIRECTIONS),
            "on_hold": False,
            "line_id": chance.new(),
            "sip_call_id": f"{call}@192.0.2.1",
        }
        yield wire("call_created", **self._legs[call])

    def _leg_changes(self) -> Iterator[Wire]:
        call = self._chance.one_of(self._legs)
        if call is None:
            return
        leg = self._legs[call]
        if leg["status"] != "Up":
            leg["status"] = "Up"
            yield wire("call_answered", **leg)
        elif self._chance.random() < 0.3:
            yield wire("call_updated", **leg)
        else:
            leg["on_hold"] = not leg["on_hold"]
            yield wire("call_held" if leg["on_hold"] else "call_resumed", call_id=call)

    def _leg_ends(self) -> Iterator[Wire]:
        call = self._chance.one_of(self._legs)
        if call is None:
            return
        leg = self._legs.pop(call)
        yield wire("call_ended", **leg, reason_code=self._chance.choice(_CAUSES))
        yield wire("Hangup", Uniqueid=call)
        if not any(_of(other) == _of(leg) for other in self._legs.values()):
            if _of(leg) in self._conversations:
                self._conversations.remove(_of(leg))
            yield self._log(leg)

    def _log(self, leg: dict[str, object]) -> Wire:
        return wire(
            "call_log_created",
            id=self._chance.new(),
            conversation_id=_of(leg),
            call_direction=leg["direction"],
            call_status="answered",
            answered=True,
            duration=120,
            destination_details={"type": "user"},
        )

    def _missed(self) -> Iterator[Wire]:
        conversation = self._chance.new_channel()
        reason = self._chance.choice(("no-answer", "busy", "other"))
        yield wire("user_missed_call", conversation_id=conversation, reason=reason)

    # Where calls wait

    def _parks(self) -> Iterator[Wire]:
        if len(self._parked) < _PARKED:
            call = self._chance.new_channel()
            self._parked[call] = None
            yield wire("call_parked", parking_id=3, call_id=call)

    def _unparks(self) -> Iterator[Wire]:
        call = self._chance.one_of(self._parked)
        if call is not None:
            del self._parked[call]
            ends = ("call_unparked", "parked_call_timed_out", "parked_call_hungup")
            yield wire(self._chance.choice(ends), parking_id=3, call_id=call)
            yield wire("Hangup", Uniqueid=call)

    def _joins_conference(self) -> Iterator[Wire]:
        if len(self._participants) < _PARTICIPANTS:
            call = self._chance.new_channel()
            self._participants[call] = None
            yield wire("conference_participant_joined", id=call, call_id=call)

    def _leaves_conference(self) -> Iterator[Wire]:
        call = self._chance.one_of(self._participants)
        if call is not None:
            del self._participants[call]
            if self._chance.random() < 0.5:
                yield wire("conference_participant_left", id=call, call_id=call)
            yield wire("Hangup", Uniqueid=call)

    def _board_changes(self) -> Iterator[Wire]:
        uuid = self._chance.some(self._boards)
        state = self._chance.choice(("queued", "held"))
        self._boards[uuid].calls[state] = self._chance.randrange(5)
        yield self._board(uuid, state)

    def _board_replaced(self) -> Iterator[Wire]:
        old, new = next(iter(self._boards)), self._chance.new_uuid()
        del self._boards[old]
        yield wire("switchboard_deleted", uuid=old)
        self._boards[new] = _Board()
        yield self._board(new, "queued")

    def _board(self, uuid: str, state: str) -> Wire:
        items = _items(self._boards[uuid].calls[state])
        return wire(f"switchboard_{state}_calls_updated", switchboard_uuid=uuid, items=items)

    # The truth

    def _lots(self) -> object:
        return {
            "items": [{"id": 3, "name": "lot", "calls": [{"call_id": c} for c in self._parked]}]
        }

    def _listed_boards(self) -> object:
        return page([{"uuid": uuid, "name": f"board {uuid[:8]}"} for uuid in self._boards])


def _of(leg: dict[str, object]) -> str:
    return str(leg["conversation_id"])


def _items(count: int) -> list[dict[str, str]]:
    return [{"id": f"1772442000.{number}"} for number in range(count)]
