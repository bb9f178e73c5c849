"""Hypothesis strategies for traffic of servers of any release, with few ids that collide."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from dataflows.envelope import Delivery, Reason
from dataflows.items import Duplicates, Item
from tests.corpus import ARRIVED
from tests.oracle import DAY, LINE_STATES, PRESENCES, Fact

ORIGINS = ("ca7f87e9-c2c8-5fad-ba1b-c3140ebb9be3", "0d6c1e5b-7d0f-4f2e-9f0a-5b1c2d3e4f50")
BUSES = ("default", "lyon")
UUIDS = ("cc8de31a-2fb3-4b07-9a0f-5ae7d9c7ac5c", "7c4d3f2a-0001-4f2e-9f0a-5b1c2d3e4f50")

Draw = st.DrawFn
Data = dict[str, Any]


def numbers(values: st.SearchStrategy[int]) -> st.SearchStrategy[int | str]:
    """Return a strategy for integers, or their digits as text."""
    return values | values.map(str)


IDS = numbers(st.integers(1, 3))
TEXTS = st.text(max_size=5)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | TEXTS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=4,
)


@dataclass(frozen=True)
class Kind:
    """A kind of event: its names, its data, and the required fields of the data."""

    names: tuple[str, ...]
    data: st.SearchStrategy[Data]
    required: tuple[str, ...]


def _data(
    required: dict[str, st.SearchStrategy[Any]],
    optional: dict[str, st.SearchStrategy[Any]] | None = None,
) -> st.SearchStrategy[Data]:
    return st.fixed_dictionaries(required, optional=optional or {})


_XIVO_ID = {"xivo_id": st.sampled_from(ORIGINS)}
_ANY_CASE = st.sampled_from((*UUIDS, *(uuid.upper() for uuid in UUIDS)))
_PRESENCE = st.sampled_from((*PRESENCES, "réunion", "Available"))
_CODES = numbers(st.sampled_from((0, 1, 2, 4, 8, 9, 16, 17, 3, 18, -1, -2)))
_SERVICE = {
    "service_name": st.sampled_from(("xivo-agentd", "wazo-agentd")),
    "service_id": st.sampled_from(("A1", "b2", "c3", "d4", "e5", "f6")),
}
_TAGS = {"tags": st.none() | st.lists(TEXTS, max_size=2)}
_USER = st.tuples(st.sampled_from(ORIGINS), IDS | _ANY_CASE).map(list)

# Shortly before and after what happens, by the clock of the server.
_RECENT = st.integers(-20, 3).map(lambda seconds: str(int(ARRIVED) + seconds))
_MEMBER_NAMES = st.sampled_from(
    ("SIP/a", "sip/A", "Local/id-1@agentcallback", "SIP/b", "local/id-02@agentcallback")
)
_QUEUE = st.sampled_from(("petak", "support"))
_FULL = {
    "Queue": _QUEUE,
    "Status": numbers(st.integers(0, 8)),
    "Paused": numbers(st.integers(0, 1)),
    "Membership": st.sampled_from(("static", "dynamic", "realtime")),
}
_REASONS = st.sampled_from(("", "lunch", "coffee", "Besprechung"))
_EXTRAS = {
    "Privilege": st.just("agent,all"),
    "MemberName": st.just("Agent/1"),
    "Penalty": st.just("0"),
    "LastCall": st.just("0") | _RECENT,
    "Ringinuse": numbers(st.integers(0, 1)) | st.just("yes"),
    "Wrapuptime": st.sampled_from(("0", "5", "1000000", "soon")),
    "InCall": st.sampled_from(("0", "1")),
    "PausedReason": _REASONS,
    "Reason": _REASONS,
}
_NEWER = {"LoginTime": numbers(st.integers(0, 3)) | st.just("")}


def _named(data: st.SearchStrategy[Data]) -> st.SearchStrategy[Data]:
    """Add the member's `Location`, as Asterisk 11, its `Interface`, as later versions, or both."""

    def put(both: tuple[Data, str, str]) -> Data:
        rest, name, field = both
        names: Data = {"Interface": name}
        if field == "Location":
            names = {"Location": name}
        elif field == "both":
            names = {"Interface": "", "Location": name}
        return {**rest, **names}

    return st.tuples(data, _MEMBER_NAMES, st.sampled_from(("Location", "Interface", "both"))).map(
        put
    )


def _named_member(data: st.SearchStrategy[Data]) -> st.SearchStrategy[Data]:
    """Add the member's `Member`, as Asterisk 11, or its `Interface`, as later versions."""
    fields = st.sampled_from(("Member", "Interface"))
    return st.tuples(data, fields, _MEMBER_NAMES).map(lambda each: {**each[0], each[1]: each[2]})


_OF_ENDPOINT = {
    "registered": st.none() | st.booleans(),
    "current_call_count": st.none() | st.integers(0, 2),
}
_UNIQUEIDS = st.integers(1, 4).map(lambda number: f"1449700000.{number}")
_CHANNEL = {"Uniqueid": _UNIQUEIDS}
_CONVERSATIONS = st.integers(1, 2).map(lambda number: f"1449700000.{number}")
_DIRECTION = st.none() | st.sampled_from(("inbound", "outbound", "internal", "unknown", "up"))
_CALLER = {"Queue": _QUEUE, **_CHANNEL}
_SECONDS = numbers(st.integers(0, 30)) | st.just("soon")
_WRAP_UPS = numbers(st.sampled_from((0, 3, 60))) | st.just("never")
_FULL_MEMBER = _named(_data(_FULL, _EXTRAS | _NEWER))
_PAUSE_ALONE = _named(_data({"Queue": _QUEUE, "Paused": _FULL["Paused"]}, _EXTRAS))
_SETTING_ALONE = _named(_data({"Queue": _QUEUE}, {"Penalty": st.just("5")}))
_RINGINUSE_ALONE = _named(_data({"Queue": _QUEUE, "Ringinuse": numbers(st.integers(0, 1))}))
_CALL = _named_member(
    _data({"Queue": _QUEUE, "TalkTime": numbers(st.integers(0, 3))}, {"Reason": TEXTS})
)

KINDS: tuple[Kind, ...] = (
    Kind(
        ("agent_status_update",),
        _data({"agent_id": IDS, "status": st.sampled_from(("logged_in", "logged_out"))}, _XIVO_ID),
        ("agent_id", "status"),
    ),
    Kind(("agent_created", "agent_deleted"), _data({"id": IDS}), ("id",)),
    Kind(
        ("endpoint_status_update",),
        _data({"endpoint_id": IDS, "status": _CODES}, _XIVO_ID),
        ("endpoint_id", "status"),
    ),
    Kind(("line_deleted",), _data({"id": IDS}), ("id",)),
    Kind(("line_status_updated",), _data({"id": IDS}, _OF_ENDPOINT), ("id",)),
    Kind(
        ("trunk_status_updated",),
        _data(
            {
                "id": IDS,
                "name": st.sampled_from(("voipms", "légère")),
                "technology": st.sampled_from(("sip", "iax")),
            },
            _OF_ENDPOINT,
        ),
        ("id", "name", "technology"),
    ),
    Kind(("trunk_deleted",), _data({"id": IDS}), ("id",)),
    Kind(
        ("user_status_update",),
        _data({"user_id": IDS, "status": _PRESENCE}, _XIVO_ID),
        ("user_id", "status"),
    ),
    Kind(
        ("user_status_update",),
        _data({"user_uuid": _ANY_CASE, "status": _PRESENCE}, {"user_id": st.none()}),
        ("user_uuid", "status"),
    ),
    Kind(
        ("chatd_presence_updated",),
        _data(
            {
                "uuid": _ANY_CASE,
                "state": st.sampled_from(
                    ("available", "away", "unavailable", "invisible", "asleep")
                ),
            },
            {
                "do_not_disturb": st.none() | st.booleans(),
                "connected": st.none() | st.booleans(),
                "line_state": st.none() | st.sampled_from((*LINE_STATES, "", "parked")),
                "status": st.none() | TEXTS,
            },
        ),
        ("uuid", "state"),
    ),
    Kind(
        ("user_deleted",),
        _data({"id": IDS}, {"uuid": st.none() | _ANY_CASE}),
        ("id",),
    ),
    Kind(
        ("service_registered_event", "service_registered"),
        _data(
            _SERVICE
            | {
                "address": st.sampled_from(("", "10.0.0.1")),
                "port": numbers(st.sampled_from((0, 9495))),
            },
            _TAGS,
        ),
        ("service_name", "service_id", "address", "port"),
    ),
    Kind(
        ("service_deregistered_event", "service_deregistered"),
        _data(_SERVICE, _TAGS),
        ("service_name", "service_id"),
    ),
    Kind(
        ("chat_message_event", "chat_message_sent"),
        _data({"from": _USER}, {"to": _USER, "msg": TEXTS, "alias": TEXTS, "alice": TEXTS}),
        ("from",),
    ),
    Kind(
        ("call_form_result",),
        _data({"user_id": IDS}, {"variables": st.dictionaries(TEXTS, JSON, max_size=2)}),
        ("user_id",),
    ),
    Kind(
        ("QueueMemberStatus", "QueueMemberAdded"),
        _FULL_MEMBER,
        ("Queue", "Status", "Paused", "Membership"),
    ),
    Kind(
        ("QueueMemberPause", "QueueMemberPaused"), _FULL_MEMBER | _PAUSE_ALONE, ("Queue", "Paused")
    ),
    Kind(("QueueMemberPenalty", "QueueMemberRinginuse"), _FULL_MEMBER, ("Queue",)),
    Kind(("QueueMemberRinginuse",), _RINGINUSE_ALONE, ("Queue",)),
    Kind(
        ("AgentComplete",),
        st.tuples(_CALL, _WRAP_UPS).map(lambda both: {**both[0], "WrapupTime": both[1]}),
        ("Queue",),
    ),
    Kind(
        ("QueueCallerJoin", "Join", "QueueCallerLeave", "Leave", "QueueCallerAbandon"),
        _data(_CALLER, {"HoldTime": _SECONDS}),
        ("Queue", "Uniqueid"),
    ),
    Kind(
        ("AgentConnect",),
        _named_member(_data(_CALLER, {"HoldTime": _SECONDS, "RingTime": _SECONDS})),
        ("Queue", "Uniqueid"),
    ),
    Kind(("AgentRingNoAnswer",), _named_member(_data(_CALLER)), ("Queue",)),
    Kind(("HangupRequest", "Hangup"), _data(_CHANNEL), ("Uniqueid",)),
    Kind(
        ("SoftHangupRequest",),
        _data(_CHANNEL | {"Cause": st.sampled_from(("1", 1))}),
        ("Uniqueid",),
    ),
    Kind(
        ("AttendedTransfer",),
        _data(
            {
                "DestType": st.just("App"),
                "SecondTransfererUniqueid": _UNIQUEIDS,
                "TransfereeUniqueid": _UNIQUEIDS,
            }
        ),
        ("SecondTransfererUniqueid",),
    ),
    Kind(
        ("UserEvent",),
        _data(_CHANNEL | {"UserEvent": st.just("Queue"), "XIVO_DSTID": IDS}),
        ("Uniqueid",),
    ),
    Kind(
        ("call_created", "call_updated", "call_answered"),
        _data(
            {
                "call_id": _UNIQUEIDS,
                "status": st.sampled_from(("Ring", "Ringing", "Up", "Down")),
                "conversation_id": _CONVERSATIONS,
            },
            {
                "direction": _DIRECTION,
                "on_hold": st.none() | st.booleans(),
                "line_id": st.none() | IDS,
                "sip_call_id": st.none() | TEXTS,
            },
        ),
        ("call_id", "status"),
    ),
    Kind(
        ("call_ended",),
        _data(
            {"call_id": _UNIQUEIDS, "conversation_id": _CONVERSATIONS},
            {"direction": _DIRECTION, "reason_code": st.none() | st.sampled_from((0, 16, 17, 99))},
        ),
        ("call_id",),
    ),
    Kind(
        ("call_held", "call_resumed"),
        _data({"call_id": _UNIQUEIDS}, {"user_uuid": st.just("None")}),
        ("call_id",),
    ),
    Kind(
        ("call_log_created",),
        _data(
            {"id": IDS},
            {
                "conversation_id": st.none() | _CONVERSATIONS,
                "call_direction": _DIRECTION,
                "call_status": st.sampled_from(("answered", "voicemail", "lost")),
                "answered": st.booleans(),
                # Sums of quarters are exact in any order.
                "duration": st.sampled_from((None, 0, 12.25, 3600, -1)),
                "destination_details": st.sampled_from((None, {}, {"type": "user"})),
            },
        ),
        ("id",),
    ),
    Kind(
        ("user_missed_call",),
        _data({"reason": st.sampled_from(("busy", "no-answer", "moon"))}),
        ("reason",),
    ),
    Kind(("QueueMemberRemoved",), _FULL_MEMBER | _named(_data({"Queue": _QUEUE})), ("Queue",)),
)
_SWITCHBOARDS = st.sampled_from((*UUIDS, UUIDS[0].upper()))
_MESSAGES = st.sampled_from(("1764079420-00000001", "1764079420-0000000A", "1764079420-0000000a"))
_CALLD = (
    Kind(
        ("switchboard_queued_calls_updated", "switchboard_held_calls_updated"),
        _data(
            {
                "switchboard_uuid": _SWITCHBOARDS,
                "items": st.lists(
                    st.fixed_dictionaries({}, optional={"id": _UNIQUEIDS, "caller_id_name": JSON}),
                    max_size=3,
                ),
            }
        ),
        ("switchboard_uuid", "items"),
    ),
    Kind(
        ("switchboard_deleted",),
        _data({"uuid": _SWITCHBOARDS}, {"name": TEXTS, "timeout": st.none()}),
        ("uuid",),
    ),
    Kind(
        tuple(
            f"{box}_voicemail_message_{action}"
            for box in ("user", "global")
            for action in ("created", "deleted")
        ),
        _data({"message_id": _MESSAGES}, {"voicemail_id": IDS, "message": JSON}),
        ("message_id",),
    ),
    Kind(
        ("call_parked", "call_unparked", "parked_call_timed_out", "parked_call_hungup"),
        _data({"call_id": _UNIQUEIDS}, {"slot": TEXTS, "timeout_at": st.none() | TEXTS}),
        ("call_id",),
    ),
    Kind(
        ("conference_participant_joined", "conference_participant_left"),
        _data({"id": _UNIQUEIDS}, {"user_uuid": st.none() | _ANY_CASE, "conference_id": IDS}),
        ("id",),
    ),
    Kind(
        ("fax_outbound_succeeded", "fax_outbound_failed"),
        _data({"id": _UNIQUEIDS}, {"user_uuid": st.none() | _ANY_CASE, "error": TEXTS}),
        ("id",),
    ),
    Kind(
        ("chatd_user_room_message_created",),
        _data(
            {"uuid": _ANY_CASE, "user_uuid": _ANY_CASE},
            {"wazo_uuid": st.none() | st.sampled_from(ORIGINS), "content": st.none() | TEXTS},
        ),
        ("uuid", "user_uuid"),
    ),
)
KINDS += _CALLD
_UNUSED = (
    Kind(("QueueMemberPenalty", "QueueMemberRinginuse"), _SETTING_ALONE, ("Queue",)),
    Kind(("SoftHangupRequest",), _data(_CHANNEL, {"Cause": st.sampled_from(("16", 16))}), ()),
    Kind(("Newchannel", "some_event", "chat_message_received"), _data({}, {"x": JSON}), ()),
)


@dataclass(frozen=True)
class Letter:
    """A delivery before it is sent, independent of the time of sending.

    Attributes:
        name: Of the event.
        origin: The server that publishes it.
        data: The data of the event.
        bus: Name of the bus.
        seconds_ago: How long before its arrival it happened, if it has a time stamp.
        stamp: Where the time stamp is: "body", "header", "broker", or "" for none.
        more: Other keys of the envelope.
        is_text: Whether the body is text instead of bytes.
        is_duplicate: It was processed before.
    """

    name: str
    origin: str
    data: Any
    bus: str = "default"
    seconds_ago: float = 0.0
    stamp: str = ""
    more: tuple[tuple[str, Any], ...] = ()
    is_text: bool = False
    is_duplicate: bool = False

    def post(self, now: float) -> tuple[Item, Fact]:
        """Return the item at a time, and the fact for the oracle."""
        if self.is_duplicate:
            return Duplicates(self.bus, 1, now), Fact(self.bus, now, is_duplicate=True)
        happened = now - self.seconds_ago
        naive = datetime.fromtimestamp(happened, UTC).replace(tzinfo=None).isoformat()
        content = {**dict(self.more), "name": self.name, "origin_uuid": self.origin}
        content |= {"data": self.data}
        if self.stamp == "body":
            content["timestamp"] = naive
        body = json.dumps(content, ensure_ascii=len(self.name) % 2 == 0)
        delivery = Delivery(
            self.bus,
            body if self.is_text else body.encode(),
            now,
            naive if self.stamp == "header" else None,
            round(happened * 1000) if self.stamp == "broker" else None,
        )
        has_stamp = bool(self.stamp)
        is_clamped = has_stamp and not -1 <= self.seconds_ago <= DAY
        at = min(now, happened) if has_stamp and not is_clamped else now
        fact = Fact(self.bus, now, at, self.name, self.origin, self.data, is_clamped=is_clamped)
        return delivery, fact


_MORE = st.sampled_from(
    (
        (),
        (("required_acl", None),),
        (("required_access", "event.x"), ("tenant_uuid", UUIDS[0]), ("user_uuid:*", True)),
    )
)
# Quarters of a second are exact in binary, so the sums of session durations are exact.
_AGO = st.sampled_from(
    (0.0, 0.25, 0.75, 1.0, 2.0, 600.0, 5000.0, DAY, DAY + 0.25, 400 * DAY, -1.0, -1.25, -30.0)
)


@st.composite
def letters(draw: Draw, kinds: tuple[Kind, ...] = KINDS + _UNUSED) -> Letter:
    """Draw a well-formed event of any release."""
    kind = draw(st.sampled_from(kinds))
    return Letter(
        draw(st.sampled_from(kind.names)),
        draw(st.sampled_from(ORIGINS)),
        draw(kind.data),
        draw(st.sampled_from(BUSES)),
        draw(_AGO),
        draw(st.sampled_from(("", "", "body", "header", "broker"))),
        draw(_MORE),
        draw(st.booleans()),
    )


def _garbage() -> st.SearchStrategy[tuple[bytes | str | None, Reason]]:
    examples: tuple[tuple[bytes | str | None, Reason], ...] = (
        (None, Reason.TOO_LARGE),
        (b"\xff{}", Reason.NOT_UTF8),
        ("\ud800", Reason.NOT_UTF8),
        (rb'{"name":"x\ud800","origin_uuid":"o"}', Reason.NOT_JSON),
        (b"{", Reason.NOT_JSON),
        ("", Reason.NOT_JSON),
        (b"[" * 100_000, Reason.TOO_DEEP),
        (b"[]", Reason.NOT_OBJECT),
        (b'{"origin_uuid":"o"}', Reason.NO_NAME),
        (b'{"name":"x","origin_uuid":[]}', Reason.NO_ORIGIN),
        (b'{"name":"agent_status_update","origin_uuid":"o","data":null}', Reason.BAD_DATA),
        (b'{"name":"agent_status_update","origin_uuid":"o","data":{}}', Reason.BAD_FIELD),
    )
    return st.sampled_from(examples)


@dataclass(frozen=True)
class Rubbish:
    """A delivery that must be rejected."""

    body: bytes | str | None
    reason: Reason
    bus: str = "default"

    def post(self, now: float) -> tuple[Delivery, Fact]:
        """Return the delivery at a time, and the fact for the oracle."""
        return Delivery(self.bus, self.body, now), Fact(self.bus, now, reason=self.reason)


def rubbish() -> st.SearchStrategy[Rubbish]:
    """Return a strategy for deliveries that must be rejected."""
    return _garbage().map(lambda both: Rubbish(*both))


@dataclass(frozen=True)
class Pause:
    """Time that passes between two batches, in seconds."""

    seconds: float


Step = list[Letter | Rubbish] | Pause

_PAUSES = st.sampled_from((0.25, 1.0, 60.0, 6 * 3600.0, 24 * 3600.0, 7 * 24 * 3600.0)).map(Pause)


@st.composite
def traffic(draw: Draw, letter: st.SearchStrategy[Letter] | None = None) -> list[Step]:
    """Draw batches of deliveries, some of them repeated, with pauses between."""
    steps: list[Step] = []
    sent: list[Letter] = []
    for _ in range(draw(st.integers(1, 6))):
        batch: list[Letter | Rubbish] = []
        for _ in range(draw(st.integers(0, 12))):
            choice = draw(st.integers(0, 11))
            if choice == 0:
                batch.append(draw(rubbish()))
            elif choice == 1 and sent:
                again = draw(st.sampled_from(sent))
                batch.append(Letter(**{**again.__dict__, "is_duplicate": draw(st.booleans())}))
            else:
                fresh = draw(letter if letter is not None else letters())
                sent.append(fresh)
                batch.append(fresh)
        steps.append(batch)
        steps.extend(draw(st.lists(_PAUSES, max_size=1)))
    return steps


def of_kinds(choose: Callable[[str], bool]) -> st.SearchStrategy[Letter]:
    """Return a strategy for well-formed events with names for which `choose` is true."""
    chosen = tuple(kind for kind in KINDS + _UNUSED if choose(kind.names[0]))
    return letters(chosen)
