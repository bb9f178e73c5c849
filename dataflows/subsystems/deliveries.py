"""What happened to each delivery? The exporter's own counters, for each bus.

Every delivery ends as used, unused, rejected or duplicate. One event contains the
counts of a whole batch and changes all counters at once, so at every scrape

    deliveries = used + unused + rejected (all reasons) + duplicates
"""

from __future__ import annotations

import msgspec

from dataflows.envelope import Reason
from dataflows.lengths import TODAY
from dataflows.metric import Kind, MetricSpec
from dataflows.subsystem import Context, Event, State, Subsystem
from dataflows.trackers import CLOCK_SLACK_SECONDS

NAME = "deliveries"

_CARDINALITY = "one per bus"

DELIVERIES = MetricSpec(
    "xivo_exporter_deliveries_total",
    Kind.COUNTER,
    "Deliveries that the exporter processed: the sum of used, unused, rejected and duplicate "
    "deliveries.",
    ("bus",),
    cardinality=_CARDINALITY,
)
USED = MetricSpec(
    "xivo_exporter_used_total",
    Kind.COUNTER,
    "Deliveries with an event that a subsystem uses, even if it changes no metric.",
    ("bus",),
    cardinality=_CARDINALITY,
)
UNUSED = MetricSpec(
    "xivo_exporter_unused_total",
    Kind.COUNTER,
    "Well-formed deliveries that no subsystem uses. Those that name their server also count in "
    "`xivo_bus_events_total`.",
    ("bus",),
    cardinality=_CARDINALITY,
)
DUPLICATES = MetricSpec(
    "xivo_exporter_duplicates_total",
    Kind.COUNTER,
    "Redeliveries of messages that were already processed before the connection broke. The "
    "exporter skips them.",
    ("bus",),
    cardinality=_CARDINALITY,
)
CLAMPED = MetricSpec(
    "xivo_exporter_clamped_timestamps_total",
    Kind.COUNTER,
    "Deliveries with a time stamp that cannot be true: more than 1 s after the arrival, or more "
    "than a day before it. The exporter uses the time of arrival instead.",
    ("bus",),
    cardinality=_CARDINALITY,
)
WINDOW_END = MetricSpec(
    "xivo_exporter_window_end_timestamp_seconds",
    Kind.GAUGE,
    "Unix time at which the last closed window ended. It stops rising when the dataflow stalls.",
    ("window",),
    cardinality="one per window, except `today`",
    closed_only=True,
)
REJECTED = MetricSpec(
    "xivo_exporter_rejected_total",
    Kind.COUNTER,
    "Deliveries that could not be used, by reason.",
    ("bus", "reason"),
    {"reason": tuple(Reason)},
    cardinality="10 per bus",
)
LAST_DELIVERY_AT = MetricSpec(
    "xivo_exporter_last_delivery_timestamp_seconds",
    Kind.GAUGE,
    "Unix time at which the newest delivery arrived; 0 before the first one.",
    ("bus",),
    cardinality=_CARDINALITY,
)


class DeliveriesProcessed(Event, frozen=True, gc=False):
    """A batch of deliveries of one bus was processed; `at` is the latest arrival."""

    bus: str
    deliveries: int = 0
    used: int = 0
    unused: int = 0
    duplicates: int = 0
    clamped: int = 0
    rejected: dict[Reason, int] = msgspec.field(default_factory=dict)


class DeliveriesState(State[DeliveriesProcessed]):
    """The counters of one bus.

    xivo_exporter_deliveries_total{bus="default"} 2
    xivo_exporter_used_total{bus="default"} 1
    xivo_exporter_rejected_total{bus="default",reason="not_json"} 1
    """

    def __init__(self, first: DeliveriesProcessed, context: Context) -> None:
        super().__init__(context)
        self._bus = (first.bus,)
        # Names of those that are shown.
        self._windows: set[str] = set()
        for spec in (DELIVERIES, USED, UNUSED, DUPLICATES, CLAMPED, REJECTED, LAST_DELIVERY_AT):
            self.samples.start(spec, self._bus)

    def restore(self, now: float) -> None:
        super().restore(now)
        for name in self._windows - {window.name for window in self.options.windows}:
            self._windows.discard(name)
            self.samples.retire(WINDOW_END, (name,))

    def apply(self, event: DeliveriesProcessed) -> None:
        samples, bus = self.samples, self._bus
        for spec, count in (
            (DELIVERIES, event.deliveries),
            (USED, event.used),
            (UNUSED, event.unused),
            (DUPLICATES, event.duplicates),
            (CLAMPED, event.clamped),
        ):
            if count:  # A sample that is not changed would be passed on too.
                samples.add(spec, bus, count)
        for reason, count in event.rejected.items():
            samples.add(REJECTED, (*bus, reason), count)
        if event.at:
            samples.set(LAST_DELIVERY_AT, bus, event.at)

    def recheck(self, now: float) -> None:
        super().recheck(now)
        for name in self._windows:
            # The time is not the end of a window; `expire` shows that again.
            self.samples.retire(WINDOW_END, (name,))

    def expire(self, now: float) -> float | None:
        # The windows of all states close by the same clock, so this state can speak for them.
        dues = []
        for window in self.options.windows:
            if window == TODAY:  # It is shown before it ends.
                continue
            end, due = window.bounds(now)
            dues.append(due)
            shown = self.samples.get(WINDOW_END, (window.name,))
            self._windows.add(window.name)
            if end > shown or now < shown - CLOCK_SLACK_SECONDS:
                self.samples.set(WINDOW_END, (window.name,), end)
        return min(dues, default=None)


SUBSYSTEM = Subsystem(
    NAME,
    "What happened to each delivery?",
    (DELIVERIES, USED, UNUSED, DUPLICATES, CLAMPED, REJECTED, LAST_DELIVERY_AT, WINDOW_END),
    DeliveriesState,
    is_per_bus=True,
)
