"""Tracks unacknowledged deliveries, and keeps the bookmark among them.

The *bookmark* is the newest delivery that is done. It stays unacknowledged until a newer one is
done. So the broker redelivers it as the first delivery of the next connection. If it does not,
deliveries were lost. That is a gap.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import count
from typing import Any

CONFIRM_SECONDS = 30.0
"""Time after which the broker has certainly registered an acknowledgement, to which AMQP has no
reply. A connection to a dead peer ends earlier."""

REQUEUE_SECONDS = 5.0
"""Time after which a bookmark is requeued. Brokers close a channel on which a delivery stays
unacknowledged for their `consumer_timeout`, one minute or more. And the exporter soon notices if a
rule of the broker removes the bookmark."""

RETURN_SECONDS = 1.0
"""Time after which a requeued bookmark should have been redelivered."""


class UnackedDeliveries:
    """The unacknowledged deliveries of one connection. Times are monotonic, in seconds."""

    def __init__(self) -> None:
        # Numbers and tags.
        self._deliveries: deque[tuple[int, Any]] = deque()
        self._sent: deque[tuple[int, float]] = deque()
        self._acknowledged = 0
        self._kept_since = 0.0
        # The requeued bookmark, and when it was requeued.
        self._requeued: int | None = None
        self._requeued_at = 0.0

    def __len__(self) -> int:
        return len(self._deliveries)

    def clear(self) -> None:
        """Forget all deliveries when the connection ends: the broker will redeliver them."""
        self._deliveries.clear()
        self._sent.clear()
        self._requeued = None

    def track(self, first: int, tags: Sequence[Any]) -> None:
        """Add the next deliveries, by their delivery tags.

        Args:
            first: Number of the first one; the others follow.
            tags: Of the transport, in order.
        """
        self._deliveries.extend(zip(count(first), tags))

    def renumber(self, last: int) -> None:
        """Number the deliveries so that the last one has this number; all are consecutive."""
        if not self._deliveries or self._deliveries[-1][0] == last:
            return
        self._sent.clear()
        first = last - len(self._deliveries) + 1
        tags = [tag for _, tag in self._deliveries]
        self._deliveries.clear()
        self.track(first, tags)

    def acknowledge(self, number: int, now: float) -> list[Any]:
        """Remove the deliveries up to this number, and return their tags in order."""
        tags = []
        while self._deliveries and self._deliveries[0][0] <= number:
            last, tag = self._deliveries.popleft()
            tags.append(tag)
        if tags:
            # Not the given number: redeliveries up to it may still be on their way.
            self._acknowledged = last
            self._sent.append((last, now))
            self._kept_since = now
        return tags

    @property
    def acknowledged(self) -> int:
        """Number of the delivery that was acknowledged last."""
        return self._acknowledged

    def confirmed(self, now: float) -> int | None:
        """Return the number up to which the broker has certainly registered acknowledgements.

        It is None if there are no new ones since the last call.
        """
        number = None
        while self._sent and now - self._sent[0][1] > CONFIRM_SECONDS:
            number, _ = self._sent.popleft()
        return number

    def requeue(self, done: int, now: float) -> Any | None:  # noqa: ANN401 -- the transport's own
        """Return the tag of the bookmark, if it must be requeued now.

        That is when it was the only unacknowledged delivery for `REQUEUE_SECONDS`.

        Args:
            done: Number of the last delivery that is done.
            now: Current time.
        """
        if len(self._deliveries) != 1 or self._deliveries[0][0] > done:
            self._kept_since = now
        elif now - self._kept_since > REQUEUE_SECONDS:
            self._requeued, tag = self._deliveries.popleft()
            self._requeued_at = self._kept_since = now
            return tag
        return None

    @property
    def requeued(self) -> int | None:
        """Number of the requeued bookmark that was not redelivered yet."""
        return self._requeued

    def missing(self, now: float) -> int | None:
        """Return the number of a requeued bookmark that the broker should have redelivered."""
        return self._requeued if now - self._requeued_at > RETURN_SECONDS else None

    def track_requeued(self, tag: Any) -> None:  # noqa: ANN401 -- the transport's own
        """Track the requeued bookmark again.

        It becomes the oldest unacknowledged delivery: if a newer one is done meanwhile, the next
        `acknowledge` returns its tag.
        """
        assert self._requeued is not None
        self._deliveries.appendleft((self._requeued, tag))
        self._requeued = None
