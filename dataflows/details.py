"""The series of single entities."""

from __future__ import annotations

from collections import defaultdict

from dataflows.metric import LabelValues, MetricSpec, Sample, Value
from dataflows.quota import Allocation


class Details:
    """The series of single entities, as many entities as the allocation admits.

    They follow from the entities, so a snapshot does not contain them;
    `State.restore` makes them again. The label values of a series identify its entity. No value
    is a time, so a change of the clock changes none.

    Attributes:
        hidden: Samples that were not admitted, since `Stage` last read this.
    """

    __slots__ = ("_allocation", "_changed", "_series", "hidden")

    def __init__(self, allocation: Allocation) -> None:
        self._allocation = allocation
        # The values of each metric by label values. Unlike in `Samples`, there may be 100,000:
        # a key of metric and label values for each would take more memory than all else here.
        self._series: defaultdict[str, dict[LabelValues, Value]] = defaultdict(dict)
        # What changed since the last `drain`; None for a series that ended. It keeps the order.
        self._changed: dict[tuple[str, LabelValues], Value | None] = {}
        self.hidden = 0

    def __len__(self) -> int:
        return sum(map(len, self._series.values()))

    def is_shown(self, labels: LabelValues) -> bool:
        """Return whether an entity has series."""
        return any(labels in series for series in self._series.values())

    def set(self, spec: MetricSpec, labels: LabelValues, value: Value) -> None:
        """Set the value of a series, if its entity is admitted; in a state set, its state."""
        series = self._series[spec.name]
        if labels not in series and not self.is_shown(labels) and not self._allocation.take():
            self.hidden += 1
            return
        series[labels] = self._changed[spec.name, labels] = value

    def retire(self, spec: MetricSpec, labels: LabelValues) -> bool:
        """End one series; return whether it existed."""
        existed = self._series[spec.name].pop(labels, None) is not None
        if existed:
            self._changed[spec.name, labels] = None
            if not self.is_shown(labels):
                self._allocation.release()
        return existed

    def mark_all(self) -> None:
        """Let the next `drain` return the samples of all series."""
        for metric, series in self._series.items():
            self._changed.update({(metric, labels): value for labels, value in series.items()})

    def retire_all(self) -> None:
        """End every series of the state."""
        self.mark_all()
        self._changed = dict.fromkeys(self._changed)
        self._series.clear()

    def drain(self) -> tuple[Sample, ...]:
        """Return the samples of all series that changed since the last call."""
        if not self._changed:
            return ()
        drained = tuple([(*key, value) for key, value in self._changed.items()])
        self._changed.clear()
        return drained
