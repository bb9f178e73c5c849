"""Queries about deliveries, by exporter, because each replica has its own deliveries."""

from __future__ import annotations

from dashboards.promql import RATE, Signal, age, own, total, worst
from dataflows.metric import MetricSpec
from dataflows.subsystems import deliveries

_BUS = "{{bus}} {{instance}}"


def _rate(spec: MetricSpec, word: str) -> Signal:
    each = total(own(spec, "rate", RATE), "job", "instance")
    return Signal(each, legend=f"{word} {{{{instance}}}}")


ALL = _rate(deliveries.DELIVERIES, "all")
USED = _rate(deliveries.USED, "used")
UNUSED = _rate(deliveries.UNUSED, "unused")
DUPLICATES = _rate(deliveries.DUPLICATES, "duplicates")
REJECTED = _rate(deliveries.REJECTED, "rejected")

_REJECTED = own(deliveries.REJECTED, "increase")
REJECTED_COUNT = Signal(worst(_REJECTED))
BY_REASON = Signal(f"sort_desc({worst(_REJECTED, 'reason')})", legend="{{reason}}")
CLAMPED = Signal(own(deliveries.CLAMPED, "increase"), legend=_BUS)
SILENCE = Signal(age(own(deliveries.LAST_DELIVERY_AT)), "s", _BUS)
WINDOW_LAG = Signal(age(own(deliveries.WINDOW_END)), "s", "{{window}} {{instance}}")
