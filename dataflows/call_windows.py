"""Windows of the calls of a queue: how many ended, the service level, and the longest wait."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from dataflows.days import Today
from dataflows.lengths import Length
from dataflows.metric import LabelValues, MetricSpec, Samples
from dataflows.queue_call_metrics import (
    SERVICE_RATIO,
    WAIT_MAX,
    WINDOW_CALLS,
    WINDOW_SERVICE,
    Outcome,
    ServiceResult,
)
from dataflows.trackers import Results, Tracker, Window


class CallMetrics(NamedTuple):
    """The window metrics of the calls of a queue.

    Attributes:
        calls: Visits that ended. Its last labels are the outcome and the window.
        service_level: Share of those in time; absent if no visit counted.
        longest_wait: In seconds; absent if no wait ended.
    """

    calls: MetricSpec
    service_level: MetricSpec
    longest_wait: MetricSpec


METRICS = CallMetrics(WINDOW_CALLS, SERVICE_RATIO, WAIT_MAX)

_OUTCOMES = tuple(Outcome)

_SERIES: tuple[tuple[MetricSpec, LabelValues], ...] = (
    *((WINDOW_CALLS, (outcome.value,)) for outcome in _OUTCOMES),
    (WINDOW_SERVICE, (ServiceResult.IN_TIME.value,)),
    (WINDOW_SERVICE, (ServiceResult.MISSED.value,)),
    (SERVICE_RATIO, ()),
    (WAIT_MAX, ()),
)
"""The metric of each result of a window, and its labels between the queue and the window."""


class CallWindows(Tracker["_CallWindow"]):
    """The windows of the visits of one queue: their number, service level and longest wait."""

    def __init__(
        self,
        samples: Samples,
        specs: CallMetrics,
        labels: LabelValues,
        lengths: Iterable[Length | Today],
        *,
        at: float,
    ) -> None:
        super().__init__(samples, specs, labels, lengths, at)

    def end(
        self, at: float, outcome: Outcome, wait: float | None, result: ServiceResult | None
    ) -> None:
        """Count a visit; `today` does not count one that ended before midnight.

        Args:
            at: When it ended, Unix seconds.
            outcome: How it ended.
            wait: Duration of the wait in seconds; None if it is not known.
            result: What it means for the service level; None for nothing.
        """
        self.advance(at)
        for labels, window in self._windows:
            if not window.is_live:
                window.count(outcome, wait, result)
            elif at >= window.start:
                before = window.results()
                window.count(outcome, wait, result)
                self._show(labels, window.results(), before)

    def _open(self, length: Length | Today, at: float) -> _CallWindow:
        return _CallWindow(length, at)

    def _show(self, labels: LabelValues, results: Results, before: Results | None = None) -> None:
        for position, value in enumerate(results):
            if before is not None and value == before[position]:
                continue
            spec, series = self._series(labels, position)
            if value is None:
                self._samples.retire(spec, series)
            else:
                self._samples.set(spec, series, value)

    def _retire(self, labels: LabelValues) -> None:
        for position in range(len(_SERIES)):
            self._samples.retire(*self._series(labels, position))

    def _series(self, labels: LabelValues, position: int) -> tuple[MetricSpec, LabelValues]:
        """Return the series of a window that shows one of its results."""
        spec, own = _SERIES[position]
        return spec, (*self._labels, *own, labels[-1])


class _CallWindow(Window):
    __slots__ = ("_counts", "_in_time", "_longest", "_missed")

    def open(self, at: float) -> None:
        super().open(at)
        # Of each outcome, in the order of the enumeration.
        self._counts = (0,) * len(_OUTCOMES)
        self._in_time = self._missed = 0
        self._longest: float | None = None

    def count(self, outcome: Outcome, wait: float | None, result: ServiceResult | None) -> None:
        self._counts = tuple(
            [n + (each is outcome) for each, n in zip(_OUTCOMES, self._counts, strict=True)]
        )
        self._in_time += result is ServiceResult.IN_TIME
        self._missed += result is ServiceResult.MISSED
        if wait is not None and (self._longest is None or wait > self._longest):
            self._longest = wait

    def results(self) -> Results:
        in_time, missed = self._in_time, self._missed
        ratio = in_time / (in_time + missed) if in_time + missed else None
        return *self._counts, in_time, missed, ratio, self._longest
