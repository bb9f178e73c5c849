"""The metrics of calls through queues."""

from __future__ import annotations

from enum import StrEnum

from dataflows.levels import levels
from dataflows.metric import Kind, MetricSpec

_QUEUE = ("origin_uuid", "queue")


class Outcome(StrEnum):
    """How a visit ended: a caller's stay in a queue."""

    ANSWERED = "answered"
    ABANDONED = "abandoned"
    EXPIRED = "expired"
    LEFT = "left"
    LOST = "lost"


class EndedBy(StrEnum):
    """Who ended the talk of a caller and a member."""

    AGENT = "agent"
    CALLER = "caller"
    TRANSFER = "transfer"


class ServiceResult(StrEnum):
    """How a visit counts for the service level."""

    IN_TIME = "in_time"
    MISSED = "missed"
    ABANDONED_EARLY = "abandoned_early"


class Wait(StrEnum):
    """How a wait ended."""

    ANSWERED = "answered"
    UNANSWERED = "unanswered"


WAITING = MetricSpec(
    "xivo_queue_callers_waiting",
    Kind.GAUGE,
    "Callers who wait in the queue now. A caller who joins raises it; the end of a wait lowers it. "
    "After a start of the exporter without kept state, callers who joined before the start do not "
    "count.",
    _QUEUE,
    cardinality="one per queue",
)
OLDEST_WAIT = MetricSpec(
    "xivo_queue_oldest_wait_timestamp_seconds",
    Kind.GAUGE,
    "Unix time at which the caller who waits longest joined the queue; 0 while nobody waits. "
    "The longest current wait, in seconds: `(time() - x) * (x > bool 0)`.",
    _QUEUE,
    cardinality="one per queue",
)
JOINED = MetricSpec(
    "xivo_queue_calls_joined_total",
    Kind.COUNTER,
    "Visits that began: a caller joined the queue. A caller who joins again counts again. Refused "
    "calls do not count.",
    _QUEUE,
    cardinality="one per queue",
)
CALLS = MetricSpec(
    "xivo_queue_calls_total",
    Kind.COUNTER,
    "Visits that ended. `answered`: a member answered. `abandoned`: the caller hung up. `expired`: "
    "Asterisk ended the wait, for example after a timeout or because no member was left. `left`: "
    "the caller pressed the key to leave. `lost`: the end was not seen, for example because "
    "Asterisk crashed. If it is not clear at once how a visit ended, it counts about two seconds "
    "later, and `left` up to a minute later.",
    (*_QUEUE, "outcome"),
    {"outcome": tuple(Outcome)},
    cardinality="5 per queue",
)
WAIT = MetricSpec(
    "xivo_queue_wait_seconds",
    Kind.HISTOGRAM,
    "How long callers waited, in whole seconds. A wait counts when it ends: with an answer, or "
    "`unanswered` as `abandoned`, `expired` or `left`. The wait of a `lost` visit is not known.",
    (*_QUEUE, "outcome"),
    {"outcome": tuple(Wait)},
    cardinality="30 per queue",
    # The usual targets of call centres, then the time until most people hang up.
    buckets=(5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600),
)
RING = MetricSpec(
    "xivo_queue_ring_seconds",
    Kind.HISTOGRAM,
    "How long the phone of the member who answered rang. It counts at the answer.",
    _QUEUE,
    cardinality="15 per queue",
    buckets=(5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600),
)
TALK = MetricSpec(
    "xivo_queue_talk_seconds",
    Kind.HISTOGRAM,
    "How long members and callers talked. A talk counts when it ends.",
    _QUEUE,
    cardinality="13 per queue",
    buckets=(15, 30, 60, 120, 180, 300, 600, 900, 1800, 3600),
)
COMPLETED = MetricSpec(
    "xivo_queue_calls_completed_total",
    Kind.COUNTER,
    "Talks that ended, by who ended them: the `agent` or the `caller` hung up, or the agent "
    "transferred the caller.",
    (*_QUEUE, "by"),
    {"by": tuple(EndedBy)},
    cardinality="3 per queue",
)
RING_NO_ANSWER = MetricSpec(
    "xivo_queue_ring_no_answer_total",
    Kind.COUNTER,
    "How often a member was called and did not answer in time, or rejected the call.",
    _QUEUE,
    cardinality="one per queue",
)
IN_CALL = MetricSpec(
    "xivo_queue_members_in_call",
    Kind.GAUGE,
    "Members who talk to a caller of this queue now. An answer raises it; the end of a talk lowers "
    "it. After a start of the exporter without kept state, earlier talks do not count.",
    _QUEUE,
    cardinality="one per queue",
)
THRESHOLD = MetricSpec(
    "xivo_queue_service_level_threshold_seconds",
    Kind.GAUGE,
    "The longest wait after which an answer is still in time. Set it with `--service-level`.",
    _QUEUE,
    cardinality="one per queue",
)
SERVICE = MetricSpec(
    "xivo_queue_service_level_calls_total",
    Kind.COUNTER,
    "Visits that ended, by what they mean for the service level. `in_time`: answered within the "
    "threshold. `missed`: answered later, expired, or abandoned after the threshold. "
    "`abandoned_early`: abandoned within it. Visits that ended as `left` or `lost` do not count.",
    (*_QUEUE, "result"),
    {"result": tuple(ServiceResult)},
    cardinality="3 per queue",
)
REFUSED = MetricSpec(
    "xivo_queue_refused_total",
    Kind.COUNTER,
    "Calls that arrived for the queue but never joined it: it was full, closed, or had no members "
    "who could answer, or the caller hung up before. Only on XiVO and Wazo, which publish "
    "arrivals. They count as soon as the exporter has seen one call join the queue.",
    _QUEUE,
    cardinality="one per queue",
)
WAITING_LEVELS = levels(
    "xivo_queue_callers_waiting_min",
    "xivo_queue_callers_waiting_max",
    "xivo_queue_callers_waiting_avg",
    "callers waiting in the queue",
    _QUEUE,
    per="queue",
    gauge="`xivo_queue_callers_waiting`",
)
WINDOW_CALLS = MetricSpec(
    "xivo_queue_window_calls",
    Kind.GAUGE,
    "Visits that ended during the last closed window, or so far in the window `today`, by outcome.",
    (*_QUEUE, "outcome", "window"),
    cardinality="5 per window and queue",
    beyond_promql="`increase` of `xivo_queue_calls_total` estimates; this metric is exact, a whole "
    "number.",
)
SERVICE_RATIO = MetricSpec(
    "xivo_queue_service_level_ratio",
    Kind.GAUGE,
    "Service level of the last closed window, or so far of the window `today`, from 0 to 1: "
    "in_time / (in_time + missed), see `xivo_queue_service_level_calls_total`. Absent if there "
    "were no such visits.",
    (*_QUEUE, "window"),
    cardinality="one per window and queue",
    beyond_promql="`increase` of `xivo_queue_service_level_calls_total` estimates, so the quotient "
    "of two is not exact. This metric is.",
)
WINDOW_SERVICE = MetricSpec(
    "xivo_queue_window_service_level_calls",
    Kind.GAUGE,
    "Visits that ended during the last closed window, or so far in the window `today`, and count "
    "for the service level: `in_time` or `missed`, see `xivo_queue_service_level_calls_total`. The "
    "service level of several queues is the sum of those in time, divided by the sum of all.",
    (*_QUEUE, "result", "window"),
    cardinality="2 per window and queue",
    beyond_promql="`increase` of `xivo_queue_service_level_calls_total` estimates; this metric is "
    "exact, so that the service level of several queues is exact too.",
)
WAIT_MAX = MetricSpec(
    "xivo_queue_wait_max_seconds",
    Kind.GAUGE,
    "Longest wait that ended during the last closed window, or so far in the window `today`. "
    "Absent if no wait ended.",
    (*_QUEUE, "window"),
    cardinality="one per window and queue",
    beyond_promql="`increase` of `xivo_queue_wait_seconds` counts waits by bucket, so a query "
    "cannot find the longest one.",
)

METRICS = (
    WAITING,
    OLDEST_WAIT,
    JOINED,
    CALLS,
    WAIT,
    RING,
    TALK,
    COMPLETED,
    RING_NO_ANSWER,
    IN_CALL,
    THRESHOLD,
    SERVICE,
    REFUSED,
    *WAITING_LEVELS,
    WINDOW_CALLS,
    WINDOW_SERVICE,
    SERVICE_RATIO,
    WAIT_MAX,
)
