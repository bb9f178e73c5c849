"""The names of queues for people."""

from __future__ import annotations

from collections.abc import Iterable

from dataflows.events.queue_names import QueueKind, QueueName
from dataflows.metric import LabelValues, Samples
from dataflows.parts import MAX_PARTS
from dataflows.queue_metrics import INFO


class QueueNames:
    """The series that tell how the queues of an origin are called.

    Args:
        samples: Where to show them.
        origin: The server.
    """

    __slots__ = ("_ids", "_origin", "_samples", "_shown")

    def __init__(self, samples: Samples, origin: str) -> None:
        self._samples = samples
        self._origin = origin
        # By name in Asterisk.
        self._shown: dict[str, LabelValues] = {}
        self._ids: dict[tuple[QueueKind, str], str] = {}

    def show(self, names: Iterable[QueueName]) -> None:
        """Show these names and no others; as many as there can be queues."""
        shown = [each for each, _ in zip(names, range(MAX_PARTS), strict=False)]
        self._ids = {(each.kind, each.queue_id): each.queue for each in shown}
        wanted: dict[str, LabelValues] = {
            each.queue: (
                self._origin,
                each.queue,
                each.display_name,
                each.kind,
                each.tenant_uuid,
            )
            for each in shown
        }
        self._show(wanted)

    def find(self, kind: QueueKind, queue_id: str) -> str | None:
        """Return the name in Asterisk of a queue or group, by its id; None if it is not known."""
        return self._ids.get((kind, queue_id))

    def remove(self, queue: str) -> None:
        """Show no longer how a queue is called."""
        self._show({name: each for name, each in self._shown.items() if name != queue})

    def _show(self, wanted: dict[str, LabelValues]) -> None:
        before, after = {*self._shown.values()}, {*wanted.values()}
        for gone in before - after:
            self._samples.retire(INFO, gone)
        for new in after - before:
            self._samples.set(INFO, new, 1)
        self._shown = wanted
