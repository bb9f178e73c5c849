"""The names of queues for people."""

from __future__ import annotations

from collections.abc import Iterable

from dataflows.events.queue_names import QueueName
from dataflows.metric import LabelValues, Samples
from dataflows.parts import MAX_PARTS
from dataflows.queue_metrics import INFO


class QueueNames:
    """The series that tell how the queues of an origin are called.

    Args:
        samples: Where to show them.
        origin: The server.
    """

    __slots__ = ("_origin", "_samples", "_shown")

    def __init__(self, samples: Samples, origin: str) -> None:
        self._samples = samples
        self._origin = origin
        self._shown: set[LabelValues] = set()

    def show(self, names: Iterable[QueueName]) -> None:
        """Show these names and no others; as many as there can be queues."""
        by_queue = {each.queue: each for each, _ in zip(names, range(MAX_PARTS), strict=False)}
        # One for each queue: with two, PromQL could not join other series with them.
        wanted: set[LabelValues] = {
            (self._origin, each.queue, each.display_name, each.kind, each.tenant_uuid)
            for each in by_queue.values()
        }
        for gone in self._shown - wanted:
            self._samples.retire(INFO, gone)
        for new in wanted - self._shown:
            self._samples.set(INFO, new, 1)
        self._shown = wanted
