"""The oracle of the subsystems of calld: switchboards, voicemail, parking, conferences and faxes.

As `tests/oracle.py`, it evaluates the whole history at each call.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import inf
from typing import Any, Protocol

Numbers = dict[tuple[str, tuple[str, ...]], Any]

MINUTE = 60
DAY = 24 * 3600

EVENTS = {
    "switchboards": {
        "switchboard_queued_calls_updated",
        "switchboard_held_calls_updated",
        "switchboard_deleted",
    },
    "voicemail": {
        f"{box}_voicemail_message_{action}"
        for box in ("user", "global")
        for action in ("created", "deleted")
    },
    "parking": {"call_parked", "call_unparked", "parked_call_timed_out", "parked_call_hungup"},
    "conferences": {"conference_participant_joined", "conference_participant_left"},
    "faxes": {"fax_outbound_succeeded", "fax_outbound_failed"},
}
"""The events of each subsystem."""

COUNTERS = {"voicemail", "faxes", "conferences"}
"""Subsystems that can never be complete."""


class Fact(Protocol):
    """What this oracle reads of a `tests.oracle.Fact`."""

    @property
    def name(self) -> str:
        """Of the event."""

    @property
    def at(self) -> float:
        """When it happened, Unix seconds."""

    @property
    def data(self) -> Any:  # noqa: ANN401 -- JSON
        """The data of the event."""


def expect(subsystem: str, origin: str, events: list[Any], now: float) -> Numbers:
    """Compute the series of one subsystem of one server.

    Args:
        subsystem: Its name.
        origin: The server.
        events: All events of the server, in order.
        now: Unix seconds.
    """
    told = [fact for fact in events if fact.name in EVENTS[subsystem]]
    if subsystem == "switchboards":
        return _switchboards(origin, told)
    if subsystem == "voicemail":
        return _voicemail(origin, told)
    if subsystem == "faxes":
        return _faxes(origin, told)
    metric = {"parking": "xivo_parked_calls", "conferences": "xivo_conference_participants"}
    first = events.index(told[0])
    return {(metric[subsystem], (origin,)): _open_calls(subsystem, events[first:], now)}


def _switchboards(origin: str, events: Iterable[Fact]) -> Numbers:
    calls: dict[str, dict[str, int]] = {}
    deleted_at: dict[str, float] = {}
    for fact in events:
        switchboard = str(fact.data.get("switchboard_uuid") or fact.data["uuid"]).lower()
        if fact.name == "switchboard_deleted":
            deleted_at[switchboard] = fact.at
            calls.pop(switchboard, None)
        elif fact.at - deleted_at.get(switchboard, -inf) >= MINUTE:
            state = fact.name.split("_")[1]
            known = calls.setdefault(switchboard, {"queued": 0, "held": 0})
            known[state] = len(fact.data["items"])
    return {
        ("xivo_switchboard_calls", (origin, switchboard, state)): count
        for switchboard, counts in calls.items()
        for state, count in counts.items()
    }


def _voicemail(origin: str, events: Iterable[Fact]) -> Numbers:
    first: dict[tuple[str, str], str] = {}
    for fact in events:
        action = fact.name.rpartition("_")[2]
        box = "global" if fact.name.startswith("global") else "personal"
        first.setdefault((fact.data["message_id"].lower(), action), box)
    counted = [(action, box) for (_, action), box in first.items()]
    return {
        ("xivo_voicemail_messages_total", (origin, action, box)): counted.count((action, box))
        for action in ("created", "deleted")
        for box in ("personal", "global")
    }


def _faxes(origin: str, events: Iterable[Fact]) -> Numbers:
    first: dict[str, str] = {}
    for fact in events:
        first.setdefault(fact.data["id"], fact.name.rpartition("_")[2])
    outcomes = [*first.values()]
    return {
        ("xivo_faxes_total", (origin, outcome)): outcomes.count(outcome)
        for outcome in ("succeeded", "failed")
    }


def _open_calls(subsystem: str, events: Iterable[Fact], now: float) -> int:
    key = {"parking": "call_id", "conferences": "id"}[subsystem]
    begins = {"parking": "call_parked", "conferences": "conference_participant_joined"}[subsystem]
    entered: dict[str, float] = {}
    left: dict[str, float] = {}
    hung_up: dict[str, float] = {}
    for fact in events:
        if fact.name == "Hangup":
            channel = fact.data["Uniqueid"]
            hung_up[channel] = fact.at
            entered.pop(channel, None)
        elif fact.name == begins:
            channel = fact.data[key]
            is_over = fact.at - hung_up.get(channel, -inf) < MINUTE
            if not is_over and not 0 < left.get(channel, -inf) - fact.at < MINUTE:
                entered[channel] = fact.at
        elif fact.name in EVENTS[subsystem]:
            channel = fact.data[key]
            if not 0 < entered.get(channel, -inf) - fact.at < MINUTE:
                entered.pop(channel, None)
                left[channel] = fact.at
    return sum(at + DAY > now for at in entered.values())
