"""Series that exist as long as an API lists what they are about."""

from __future__ import annotations

from collections.abc import Mapping

from dataflows.metric import LabelValues, MetricSpec, Samples


class ListedSeries:
    """The series of one metric that an API lists.

    Args:
        samples: Where to show them.
        spec: The metric.
    """

    __slots__ = ("_samples", "_shown", "_spec")

    def __init__(self, samples: Samples, spec: MetricSpec) -> None:
        self._samples = samples
        self._spec = spec
        self._shown: dict[LabelValues, float] = {}

    def show(self, wanted: Mapping[LabelValues, float]) -> None:
        """Show these series, by label values, and no others."""
        for gone in self._shown.keys() - wanted.keys():
            self._samples.retire(self._spec, gone)
        for labels, value in wanted.items():
            if self._shown.get(labels) != value:
                self._samples.set(self._spec, labels, value)
        self._shown = {**wanted}
