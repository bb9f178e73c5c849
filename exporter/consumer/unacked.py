"""What is owed to the broker: an acknowledgement for each delivery, but for the bookmark.

The *bookmark* is the newest delivery that is done. It stays unacknowledged
until a newer one is, so the broker delivers it again at the head of the next
connection. If it does not, deliveries were lost, and that can be told.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

UNSURE_SECONDS = 30.0
"""Until an acknowledgement is certainly registered: a dead peer is noticed within less."""

RENEW_SECONDS = 300.0
"""How long a bookmark is kept: brokers close a channel that owes one for 15 or 30 minutes."""


class _Unacked(Struct, frozen=True, gc=False):
    number: int
    tag: Any
    fingerprint: int


class UnackedDeliveries:
    """The deliveries of one connection. Times are seconds of a clock that never goes back."""

    def __init__(self) -> None:
        self._deliveries: deque[_Unacked] = deque()
        self._sent: deque[tuple[int, float]] = deque()
        self._requeued: _Unacked | None = None
        self._kept_since = 0.0

    def __len__(self) -> int:
        return len(self._deliveries)

    def clear(self) -> None:
        """Begin with another connection, which delivers all that was owed again."""
        self._deliveries.clear()
        self._sent.clear()
        self._requeued = None

    def track(self, number: int, tag: Any, fingerprint: int) -> None:  # noqa: ANN401 -- the transport's own
        """Note a delivery, by its number and the transport's tag."""
        self._deliveries.append(_Unacked(number, tag, fingerprint))

    def acknowledge(self, number: int, now: float) -> list[Any]:
        """Give the tags to acknowledge for deliveries up to this number, in their order."""
        tags = []
        while self._deliveries and self._deliveries[0].number <= number:
            tags.append(self._deliveries.popleft().tag)
        if tags:
            self._sent.append((number, now))
            self._kept_since = now
        return tags

    def confirmed(self, now: float) -> int:
        """Give the number up to which acknowledgements have certainly been registered."""
        number = 0
        while self._sent and now - self._sent[0][1] > UNSURE_SECONDS:
            number, _ = self._sent.popleft()
        return number

    def requeue(self, done: int, now: float) -> Any | None:  # noqa: ANN401 -- the transport's own
        """Give the tag of a bookmark that was kept for long, to be delivered anew."""
        if len(self._deliveries) != 1 or self._deliveries[0].number > done:
            self._kept_since = now
        elif now - self._kept_since > RENEW_SECONDS:
            self._requeued = self._deliveries.popleft()
            self._kept_since = now
            return self._requeued.tag
        return None

    def is_requeued(self, fingerprint: int, tag: Any) -> bool:  # noqa: ANN401 -- the transport's own
        """Tell whether a redelivery is what was given back; then it is owed again.

        Something newer may be the bookmark by then, and it is due for acknowledgement.
        """
        if self._requeued is None or self._requeued.fingerprint != fingerprint:
            return False
        self._deliveries.appendleft(replace(self._requeued, tag=tag))
        self._requeued = None
        return True
