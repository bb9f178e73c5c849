"""The series of single entities."""

from __future__ import annotations

from dataflows.metric import LabelValues, MetricSpec, Samples
from dataflows.quota import Allocation
from dataflows.slope import Slope


class Details(Samples):
    """The series of single entities, as many entities as the allocation admits.

    They follow from the entities, so a snapshot does not contain them;
    `State.restore` makes them again. The label values of a series identify its entity.

    Attributes:
        hidden: Samples that were not admitted, since `Stage` last read this.
    """

    __slots__ = ("_allocation", "_shown", "hidden")

    def __init__(self, allocation: Allocation) -> None:
        super().__init__()
        self._allocation = allocation
        # The number of series of each entity.
        self._shown: dict[LabelValues, int] = {}
        self.hidden = 0

    def is_shown(self, labels: LabelValues) -> bool:
        """Return whether an entity has series."""
        return labels in self._shown

    def set(self, spec: MetricSpec, labels: LabelValues, value: float | Slope) -> None:
        """Set the value of a series, if its entity is admitted."""
        if self._admits(spec, labels):
            super().set(spec, labels, value)

    def set_state(self, spec: MetricSpec, labels: LabelValues, state: str) -> None:
        """Set the current state in a state set, if its entity is admitted."""
        if self._admits(spec, labels):
            super().set_state(spec, labels, state)

    def retire(self, spec: MetricSpec, labels: LabelValues) -> bool:
        """End one series; return whether it existed."""
        existed = super().retire(spec, labels)
        if existed:
            self._shown[labels] -= 1
            if not self._shown[labels]:
                del self._shown[labels]
                self._allocation.release()
        return existed

    def _admits(self, spec: MetricSpec, labels: LabelValues) -> bool:
        if (spec.name, labels) in self._values:
            return True
        series = self._shown.get(labels, 0)
        if not series and not self._allocation.take():
            self.hidden += 1
            return False
        self._shown[labels] = series + 1
        return True
