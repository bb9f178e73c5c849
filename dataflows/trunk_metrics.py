"""The metrics of trunks."""

from __future__ import annotations

from dataflows.metric import Kind, MetricSpec

_TRUNK = ("origin_uuid", "trunk")
_PER_TRUNK = "one per trunk"

REGISTERED = MetricSpec(
    "xivo_trunk_registered",
    Kind.GAUGE,
    "1 if Asterisk can reach the peer of the trunk, 0 if not. Absent while that is unknown: for a "
    "custom trunk, which wazo-calld does not track, and for a trunk with neither registration nor "
    "`qualify`, which Asterisk does not check. If several trunks have the same name, it is 0 if "
    "one of them is lost.",
    _TRUNK,
    cardinality=_PER_TRUNK,
)
CALLS = MetricSpec(
    "xivo_trunk_calls",
    Kind.GAUGE,
    "Calls that use the trunk, which may also ring or be on hold. Absent while it is unknown. "
    "If several trunks have the same name, their calls are added.",
    _TRUNK,
    cardinality=_PER_TRUNK,
)
LOSSES = MetricSpec(
    "xivo_trunk_registration_losses_total",
    Kind.COUNTER,
    "How often the trunk was lost: how many events said that Asterisk no longer reaches its peer. "
    "If the exporter missed the event, the loss does not count, even if an API shows it.",
    _TRUNK,
    cardinality=_PER_TRUNK,
)
INFO = MetricSpec(
    "xivo_trunk_info",
    Kind.GAUGE,
    "Always 1. The labels are the technology of the trunk, such as `sip`, and its tenant. It "
    "exists if an API is configured (`--api-url`). Join it with the other metrics of trunks by "
    "`origin_uuid` and `trunk`.",
    (*_TRUNK, "technology", "tenant_uuid"),
    cardinality="one per trunk, with an API",
)
