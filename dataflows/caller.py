"""One caller of a server."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

from msgspec import Struct

from dataflows.talks import Key
from dataflows.visits import Visits


class Caller(Struct):
    """What is known of one caller.

    Attributes:
        since: When the first event came, Unix seconds.
        visits: One object for each queue.
        hung_up: When the caller hung up; -inf for never.
        ended: When the channel ended; inf for not yet.
        joined: When the caller joined a queue for the last time; -inf for never.
        talks: Queue and member of each talk.
    """

    since: float
    visits: tuple[Visits, ...] = ()
    hung_up: float = -inf
    ended: float = inf
    joined: float = -inf
    talks: tuple[Key, ...] = ()

    def of(self, queue: str) -> Visits:
        """Return the visits in a queue."""
        for visits in self.visits:
            if visits.queue == queue:
                return visits
        visits = Visits(queue)
        self.visits = (*[each for each in self.visits if not each.is_over], visits)
        return visits

    @property
    def size(self) -> int:
        """How much is under way."""
        return len(self.talks) + sum([visits.size for visits in self.visits])

    def end_talk(self, key: Key) -> None:
        """Forget one talk with a member."""
        index = self.talks.index(key)
        self.talks = self.talks[:index] + self.talks[index + 1 :]

    @property
    def is_over(self) -> bool:
        """Whether the caller neither waits nor talks, and nothing must be settled."""
        return not self.talks and all(visits.is_over for visits in self.visits)

    def correct(self, corrected: Callable[[float], float]) -> None:
        """Correct all times."""
        self.since = corrected(self.since)
        for visits in self.visits:
            visits.correct(corrected)
        self.hung_up = corrected(self.hung_up)
        self.joined = corrected(self.joined)
        if self.ended < inf:
            self.ended = corrected(self.ended)
