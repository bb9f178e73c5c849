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


class _Owed(Struct, frozen=True, gc=False):
    number: int
    tag: Any
    fingerprint: int


class Ledger:
    """The deliveries of one connection. Times are seconds of a clock that never goes back."""

    def __init__(self) -> None:
        self._owed: deque[_Owed] = deque()
        self._sent: deque[tuple[int, float]] = deque()
        self._returned: _Owed | None = None
        self._kept_since = 0.0

    def __len__(self) -> int:
        return len(self._owed)

    def clear(self) -> None:
        """Begin with another connection, which delivers all that was owed again."""
        self._owed.clear()
        self._sent.clear()
        self._returned = None

    def owe(self, number: int, tag: Any, fingerprint: int) -> None:  # noqa: ANN401 -- the transport's own
        """Note a delivery, by its number and the transport's tag."""
        self._owed.append(_Owed(number, tag, fingerprint))

    def settle(self, number: int, now: float) -> list[Any]:
        """Give the tags to acknowledge for deliveries up to this number, in their order."""
        tags = []
        while self._owed and self._owed[0].number <= number:
            tags.append(self._owed.popleft().tag)
        if tags:
            self._sent.append((number, now))
            self._kept_since = now
        return tags

    def sure(self, now: float) -> int:
        """Give the number up to which acknowledgements have certainly been registered."""
        number = 0
        while self._sent and now - self._sent[0][1] > UNSURE_SECONDS:
            number, _ = self._sent.popleft()
        return number

    def give_back(self, done: int, now: float) -> Any | None:  # noqa: ANN401 -- the transport's own
        """Give the tag of a bookmark that was kept for long, to be delivered anew."""
        if len(self._owed) != 1 or self._owed[0].number > done:
            self._kept_since = now
        elif now - self._kept_since > RENEW_SECONDS:
            self._returned = self._owed.popleft()
            self._kept_since = now
            return self._returned.tag
        return None

    def is_back(self, fingerprint: int, tag: Any) -> bool:  # noqa: ANN401 -- the transport's own
        """Tell whether a redelivery is what was given back; then it is owed again.

        Something newer may be the bookmark by then, and it is due for acknowledgement.
        """
        if self._returned is None or self._returned.fingerprint != fingerprint:
            return False
        self._owed.appendleft(replace(self._returned, tag=tag))
        self._returned = None
        return True
