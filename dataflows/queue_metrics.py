"""The metrics of the members of queues."""

from __future__ import annotations

from dataflows.events.queue_members import DEVICE_STATES, Membership
from dataflows.levels import levels
from dataflows.members import Change
from dataflows.metric import Kind, MetricSpec

_QUEUE = ("origin_uuid", "queue")

MEMBERS = MetricSpec(
    "xivo_queue_members",
    Kind.GAUGE,
    "Members of the queue, by membership. On Asterisk 11, pause events lack the membership: a "
    "member known only from a pause counts when another event reports its membership.",
    (*_QUEUE, "membership"),
    {"membership": tuple(Membership)},
    cardinality="3 per queue",
)
STATES = MetricSpec(
    "xivo_queue_member_states",
    Kind.GAUGE,
    "Members of the queue, by the state of their device. A removed member does not count.",
    (*_QUEUE, "status"),
    {"status": DEVICE_STATES},
    cardinality="9 per queue",
)
PAUSED = MetricSpec(
    "xivo_queue_members_paused",
    Kind.GAUGE,
    "Paused members of the queue. The state of their device does not matter.",
    _QUEUE,
    cardinality="one per queue",
)
WRAP_UP = MetricSpec(
    "xivo_queue_members_wrap_up",
    Kind.GAUGE,
    "Members of the queue in wrap-up: Asterisk rings them again only some time after the end of "
    "their last call. A pause and the state of their device do not matter. The wrap-up time of a "
    "queue is known after the end of a call, only on the Asterisk of XiVO and Wazo. That of a "
    "member is known from Asterisk 16 on.",
    _QUEUE,
    cardinality="one per queue",
)
AVAILABLE = MetricSpec(
    "xivo_queue_members_available",
    Kind.GAUGE,
    "Members of the queue that Asterisk would ring now: not paused, not in wrap-up, with a device "
    "that is not in use or of unknown state. If the queue rings busy members (`ringinuse`), a "
    "device that is in use, busy, ringing or on hold counts too. The wrap-up time of a queue is "
    "known after the end of a call, only on the Asterisk of XiVO and Wazo. That of a member is "
    "known from Asterisk 16 on.",
    _QUEUE,
    cardinality="one per queue",
)
CHANGES = MetricSpec(
    "xivo_queue_member_changes_total",
    Kind.COUNTER,
    "How often members were added, removed, paused or unpaused. A repeated event, and the first "
    "status of an unknown member, do not count.",
    (*_QUEUE, "change"),
    {"change": tuple(Change)},
    cardinality="4 per queue",
)

AVAILABLE_LEVELS = levels(
    "xivo_queue_members_available_min",
    "xivo_queue_members_available_max",
    "xivo_queue_members_available_avg",
    "members that can take a call",
    _QUEUE,
    per="queue",
    gauge="`xivo_queue_members_available`",
)

INFO = MetricSpec(
    "xivo_queue_info",
    Kind.GAUGE,
    "Always 1. The name of the queue for people, whether it is a call-centre queue or a group of "
    "users, and its tenant. Only with an API; joins with other metrics of queues by `origin_uuid` "
    "and `queue`.",
    ("origin_uuid", "queue", "display_name", "kind", "tenant_uuid"),
    cardinality="one per queue, with an API",
)
