"""The metrics of calls, and their vocabularies."""

from __future__ import annotations

from enum import StrEnum

from dataflows.levels import levels
from dataflows.metric import Kind, MetricSpec


class Direction(StrEnum):
    """Where a conversation comes from and goes to, seen from the server."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"
    INTERNAL = "internal"
    UNKNOWN = "unknown"


class CallState(StrEnum):
    """The state of a conversation, from those of its legs."""

    RINGING = "ringing"
    UP = "up"
    HELD = "held"


class Cause(StrEnum):
    """Why a leg ended: groups of the causes of Q.850."""

    NORMAL = "normal"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    REJECTED = "rejected"
    UNALLOCATED = "unallocated"
    CONGESTION = "congestion"
    FAILURE = "failure"
    OTHER = "other"


class LogStatus(StrEnum):
    """How a conversation ended, as wazo-call-logd says it."""

    ANSWERED = "answered"
    BLOCKED = "blocked"
    VOICEMAIL = "voicemail"
    UNKNOWN = "unknown"
    OTHER = "other"


class Destination(StrEnum):
    """The type of the destination of a conversation, as wazo-call-logd says it."""

    USER = "user"
    GROUP = "group"
    CONFERENCE = "conference"
    MEETING = "meeting"
    VOICEMAIL = "voicemail"
    UNKNOWN = "unknown"
    OTHER = "other"


class MissedReason(StrEnum):
    """Why a user missed a call, as the dialplan of Wazo says it."""

    BUSY = "busy"
    NO_ANSWER = "no-answer"
    CHANNEL_UNAVAILABLE = "channel-unavailable"
    PHONE_UNREACHABLE = "phone-unreachable"
    DO_NOT_DISTURB = "dnd-enabled"
    OTHER = "other"


_DIRECTIONS = {"direction": tuple(Direction)}

CALLS = MetricSpec(
    "xivo_calls",
    Kind.GAUGE,
    "Calls under way. A call counts once, however many phones and trunks (legs) take part. "
    "`ringing`: no leg is answered. `up`: a leg is answered, by a person or by the server, such as "
    "a voice menu or a queue. `held`: a leg is on hold. The direction is `unknown` until the "
    "server publishes it. A call with legs of several directions counts as `inbound` if one is "
    "inbound, otherwise as `outbound`. The number rises with the first event of a call, and falls "
    "when its last leg ends, or after 24 hours.",
    ("origin_uuid", "direction", "state"),
    _DIRECTIONS | {"state": tuple(CallState)},
    cardinality="12 per origin",
)
LEGS_ENDED = MetricSpec(
    "xivo_call_legs_ended_total",
    Kind.COUNTER,
    "Legs of calls that ended. Each phone or trunk that took part in a call, or rang, is a leg. "
    "The causes are those of Q.850: 16 is `normal`, 17 `busy`, 18 and 19 `no_answer`, 21 "
    "`rejected`, 1 `unallocated`, 34 and 42 `congestion`, 27, 38 and 41 `failure`. The direction "
    "is that of the conversation, as far as it was known at the end of the leg.",
    ("origin_uuid", "direction", "cause"),
    _DIRECTIONS | {"cause": tuple(Cause)},
    cardinality="32 per origin",
)
CONVERSATIONS = MetricSpec(
    "xivo_conversations_total",
    Kind.COUNTER,
    "Conversations that ended, from the call logs that the server writes some seconds later. Each "
    "conversation counts once.",
    ("origin_uuid", "direction", "status", "destination_type"),
    _DIRECTIONS | {"status": tuple(LogStatus), "destination_type": tuple(Destination)},
    cardinality="140 per origin",
)
DURATION = MetricSpec(
    "xivo_conversation_duration_seconds",
    Kind.HISTOGRAM,
    "How long conversations lasted after the answer, from the call logs. Those that nobody "
    "answered do not count.",
    ("origin_uuid", "direction"),
    _DIRECTIONS,
    cardinality="52 per origin",
    buckets=(15, 30, 60, 120, 180, 300, 600, 900, 1800, 3600),
)
MISSED = MetricSpec(
    "xivo_missed_calls_total",
    Kind.COUNTER,
    "Calls that users missed, by reason. A call counts once for each user whom it did not reach.",
    ("origin_uuid", "reason"),
    {"reason": tuple(MissedReason)},
    cardinality="6 per origin",
)
LEVELS = levels(
    "xivo_calls_min",
    "xivo_calls_max",
    "xivo_calls_avg",
    "calls under way in any direction and state",
    ("origin_uuid",),
    gauge="the sum of `xivo_calls` over directions and states",
)

METRICS = (CALLS, LEGS_ENDED, CONVERSATIONS, DURATION, MISSED, *LEVELS)
