"""The metrics of services."""

from __future__ import annotations

from dataflows.levels import HelpTexts, levels
from dataflows.metric import Kind, MetricSpec

_SERVICE = ("origin_uuid", "service_name")


def _metric(name: str, kind: Kind, text: str) -> MetricSpec:
    return MetricSpec(name, kind, text, _SERVICE, cardinality="one per service")


UP = _metric(
    "xivo_service_up",
    Kind.GAUGE,
    "1 while the latest instance of the service is registered, 0 after it deregistered. It stays "
    "1 after a crash, because a service that crashes does not deregister.",
)
INFO = MetricSpec(
    "xivo_service_info",
    Kind.GAUGE,
    "Always 1. The labels describe the instance of the service that registered last.",
    (*_SERVICE, "service_id", "address", "port"),
    cardinality="one per service",
)
REGISTRATIONS = _metric(
    "xivo_service_registrations_total",
    Kind.COUNTER,
    "Registrations of instances of the service. A repeated registration does not count.",
)
DEREGISTRATIONS = _metric(
    "xivo_service_deregistrations_total",
    Kind.COUNTER,
    "Deregistrations of the latest instance of the service. Those of earlier instances and "
    "repeated ones do not count.",
)
UNCLEAN_RESTARTS = _metric(
    "xivo_service_unclean_restarts_total",
    Kind.COUNTER,
    "Registrations of a new instance while the previous one was still registered. The previous "
    "one crashed, because it did not deregister. The first registration after a gap does not "
    "count, because events may have been missed.",
)
REGISTERED_AT = _metric(
    "xivo_service_registered_timestamp_seconds",
    Kind.GAUGE,
    "Unix time of the last registration of the service. Absent if only consul told of it.",
)
DEREGISTERED_AT = _metric(
    "xivo_service_deregistered_timestamp_seconds",
    Kind.GAUGE,
    "Unix time of the last deregistration of the service, or of the answer of consul that showed "
    "it.",
)
COMPONENT_UP = MetricSpec(
    "xivo_service_component_up",
    Kind.GAUGE,
    "Whether a component of a daemon works: 1 if its status is `ok`, 0 if it is `fail`. The "
    "component `api` is the daemon itself: 1 if it answered, 0 if it failed or could not be "
    "reached. `service_name` is the name without a prefix, such as `agentd`. Only with an API.",
    (*_SERVICE, "component"),
    cardinality="one per component, up to 100 per daemon",
)

UP_LEVELS = levels(
    "xivo_service_up_min",
    "xivo_service_up_max",
    "xivo_service_up_avg",
    HelpTexts(
        "0 if the service was down at any moment of the last closed window, else 1.",
        "1 if the service was up at any moment of the last closed window, or so far in the window "
        "`today`, else 0.",
        "Availability: the fraction of the last closed window in which the service was up, "
        "from 0 to 1.",
    ),
    _SERVICE,
    per="service",
    gauge="`xivo_service_up`",
)

METRICS = (
    UP,
    INFO,
    REGISTRATIONS,
    DEREGISTRATIONS,
    UNCLEAN_RESTARTS,
    REGISTERED_AT,
    DEREGISTERED_AT,
    *UP_LEVELS,
    COMPONENT_UP,
)
"""All metrics of services."""
