"""How a state follows what the APIs of a server list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dataflows.knowledge import Drift, Knowledge
from dataflows.merging import Changed


class ListFollower:
    """The base of every state: between a request and its answer, it notes what events change.

    Attributes:
        knowledge: Whether the state is complete, and when it was last heard of.
        asked: By name of an API that was asked and has not answered: what events changed since.
        answers: By name of an API that has answered, since `Stage` last read this: how many
            entities its answer lacks although events told of them, and how many were refused.
        refused: Events refused because the quota was full, since `Stage` last read this.
    """

    def __init__(self, knowledge: Knowledge) -> None:
        self.knowledge = knowledge
        self.asked: dict[str, Changed] = {}
        self.answers: dict[str, tuple[int, int]] = {}
        self.refused = 0

    def ask(self, source: str, number: int) -> None:
        """Note from now on what events change, because an API is asked for its lists."""
        before = self.asked.get(source)
        self.asked[source] = before.again(number) if before else Changed(number)
        self.knowledge.ask(source)

    def give_up(self, source: str, number: int) -> None:
        """Note that a request was not answered: what events change no longer matters."""
        if source in self.asked and self.asked[source].number == number:
            del self.asked[source]

    def follow_listing(self, source: str, number: int, at: float, listing: Any) -> None:  # noqa: ANN401 -- of any kind that the subsystem declares
        """Follow what an API lists, if events since the request are known.

        Args:
            source: The API.
            number: Of the request.
            at: When the answer came, Unix seconds.
            listing: A `Listing` that the subsystem declares.
        """
        changed = self.asked.get(source)
        if changed is None or changed.number != number or changed.is_full:
            return
        before = self.count_refused()
        drift = self.merge(listing, changed)
        lacking, refused = len(changed.lacking), self.count_refused() - before
        if not lacking:
            del self.asked[source]
        if lacking or refused:
            self.knowledge.doubt(source)
        else:
            self.knowledge.list(source, at, drift)
        self.answers[source] = lacking, refused

    def count_refused(self) -> int:
        """Return how many events and listed entities were refused, with those of all parts."""
        return self.refused

    def note(self, event: Any) -> None:  # noqa: ANN401 -- each state has events of its own
        """Note what an event changes, while an API is asked."""
        raise NotImplementedError

    def merge(self, listing: Any, changed: Changed) -> Mapping[Drift, int]:  # noqa: ANN401 -- as above
        """Follow a listing, except for what events changed; return how much was different.

        No counter of events moves: a difference is no event.
        """
        raise NotImplementedError

    def forget_requests(self) -> None:
        """Note that no answer comes to earlier requests, because the process is a new one."""
        self.knowledge.forget_requests()
        self.asked.clear()
