"""Tracks unacknowledged deliveries, and keeps the bookmark among them.

The *bookmark* is the newest delivery that is done. It stays unacknowledged
until a newer one is done. So the broker redelivers it as the first delivery of
the next connection. If the broker does not, deliveries were lost: a gap.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

CONFIRM_SECONDS = 30.0
"""Time after which the broker has certainly registered an acknowledgement, to which AMQP has no
reply: a dead peer is noticed in less time."""

REQUEUE_SECONDS = 300.0
"""Time after which a bookmark is requeued: brokers close a channel on which a delivery stays
unacknowledged for 15 or 30 minutes."""


class _Unacked(Struct, frozen=True, gc=False):
    number: int
    tag: Any
    fingerprint: int


class UnackedDeliveries:
    """The unacknowledged deliveries of one connection. Times are monotonic, in seconds."""

    def __init__(self) -> None:
        self._deliveries: deque[_Unacked] = deque()
        self._sent: deque[tuple[int, float]] = deque()
        self._requeued: _Unacked | None = None
        self._kept_since = 0.0

    def __len__(self) -> int:
        return len(self._deliveries)

    def clear(self) -> None:
        """Forget all at the end of a connection: the broker will redeliver them."""
        self._deliveries.clear()
        self._sent.clear()
        self._requeued = None

    def track(self, number: int, tag: Any, fingerprint: int) -> None:  # noqa: ANN401 -- the transport's own
        """Add a delivery, with its number and its delivery tag. Numbers must rise."""
        self._deliveries.append(_Unacked(number, tag, fingerprint))

    def acknowledge(self, number: int, now: float) -> list[Any]:
        """Remove the deliveries up to this number, and return their tags in order."""
        tags = []
        while self._deliveries and self._deliveries[0].number <= number:
            tags.append(self._deliveries.popleft().tag)
        if tags:
            self._sent.append((number, now))
            self._kept_since = now
        return tags

    def confirmed(self, now: float) -> int:
        """Return the number up to which the broker has certainly registered acknowledgements.

        It is 0 if there are no new ones since the last call.
        """
        number = 0
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
        if len(self._deliveries) != 1 or self._deliveries[0].number > done:
            self._kept_since = now
        elif now - self._kept_since > REQUEUE_SECONDS:
            self._requeued = self._deliveries.popleft()
            self._kept_since = now
            return self._requeued.tag
        return None

    def track_requeued(self, fingerprint: int, tag: Any) -> bool:  # noqa: ANN401 -- the transport's own
        """Track a redelivery again if it is the requeued bookmark; return whether it is.

        It becomes the oldest unacknowledged delivery: if a newer one is done meanwhile, the next
        `acknowledge` returns its tag.
        """
        if self._requeued is None or self._requeued.fingerprint != fingerprint:
            return False
        self._deliveries.appendleft(replace(self._requeued, tag=tag))
        self._requeued = None
        return True
