"""Calls that arrived for a queue, and whether they joined it.

The dialplan of XiVO and Wazo publishes the arrival, with the id of the queue. A queue that is full,
has no members or is closed refuses the call, without an event. The name of a queue is learnt when
an arrival is followed by a Join; calls that it refused before count then.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from dataflows.recent_channels import MAX_CHANNELS
from dataflows.visits import REVERSED_SECONDS

MAX_ARRIVALS = 10_000
"""Calls that arrived and have not joined: more than a server can have. The oldest are forgotten."""

MAX_NAMES = 2_000
"""Queues, as many as are shown."""


class Arrivals:
    """The arrivals of one server that have not joined.

    Attributes:
        refused: Names of the queues that refused calls, once for each call, until it is read.
    """

    __slots__ = ("_ended", "_joined", "_names", "_open", "_unnamed", "refused")

    def __init__(self) -> None:
        # By channel: the id of the queue, and when, Unix seconds.
        self._open: dict[str, tuple[str, float]] = {}
        # The last Joins: amid may publish an arrival after its Join.
        self._joined: dict[str, tuple[str, float]] = {}
        self._names: dict[str, str] = {}
        # Calls that queues refused whose names are not known, by the id of the queue.
        self._unnamed: Counter[str] = Counter()
        self.refused: list[str] = []
        # Channels that ended; a Join that was published later may still come.
        self._ended: set[str] = set()

    def arrive(self, channel: str, queue_id: str, at: float) -> None:
        """Note an arrival; if the call arrived before and did not join, it was refused."""
        self.leave(channel)
        queue, joined = self._joined.pop(channel, ("", 0.0))
        if not queue or abs(joined - at) > REVERSED_SECONDS:
            _put(self._open, channel, (queue_id, at), MAX_ARRIVALS)
        elif queue_id not in self._names:
            self._learn(queue_id, queue)

    def join(self, channel: str, queue: str, at: float) -> None:
        """Note that a caller joined a queue."""
        self._ended.discard(channel)
        arrived = self._open.pop(channel, None)
        if arrived is None:
            _put(self._joined, channel, (queue, at), MAX_CHANNELS)
        elif self._names.get(arrived[0]) != queue:
            self._learn(arrived[0], queue)

    def end(self, channel: str) -> bool:
        """Note that a channel ended; return whether it had arrived and not joined."""
        if channel not in self._open:
            return False
        self._ended.add(channel)
        return True

    def has_ended(self, channel: str) -> bool:
        """Return whether a call ended that had arrived and not joined."""
        return channel in self._ended

    def leave(self, channel: str) -> None:
        """Note that a call ended or goes to another queue; if it had not joined, it was refused."""
        self._ended.discard(channel)
        arrived = self._open.pop(channel, None)
        if arrived is None:
            return
        queue = self._names.get(arrived[0])
        if queue is not None:
            self.refused.append(queue)
        elif arrived[0] in self._unnamed or len(self._unnamed) < MAX_NAMES:
            self._unnamed[arrived[0]] += 1

    def _learn(self, queue_id: str, queue: str) -> None:
        if queue_id in self._names or len(self._names) < MAX_NAMES:
            self._names[queue_id] = queue
            self.refused += [queue] * min(self._unnamed.pop(queue_id, 0), MAX_ARRIVALS)

    def forget(self, before: float) -> None:
        """Forget the arrivals before a time, Unix seconds."""
        self._open = {channel: each for channel, each in self._open.items() if each[1] >= before}

    def correct(self, corrected: Callable[[float], float]) -> None:
        """Correct the times of the arrivals."""
        for each in (self._open, self._joined):
            for channel, (name, at) in each.items():
                each[channel] = name, corrected(at)


def _put(
    entries: dict[str, tuple[str, float]], channel: str, entry: tuple[str, float], limit: int
) -> None:
    entries.pop(channel, None)
    entries[channel] = entry
    if len(entries) > limit:
        del entries[next(iter(entries))]
