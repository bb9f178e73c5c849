"""What a start of xivo-ctid says about the entities of which it says nothing.

When xivo-ctid starts, it assumes that every phone is unavailable and every user is
disconnected. Then it publishes each phone and each user that differs. So its silence about
an entity is a fact too.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import inf

from dataflows.events.services import CtidRegistered

REGISTER_SECONDS = 10.0
"""Maximum time from the first events of a process of xivo-ctid to its registration."""

_FEW = 1_000
"""So many entities are not worth a search for old ones."""


class CtidStart:
    """Recognises the start of a process of xivo-ctid, in the state of one subsystem.

    Attributes:
        heard: When the last event told of each entity, Unix seconds; of known entities only. The
            state writes it, because a call for each event would cost more.
    """

    def __init__(self) -> None:
        self.heard: dict[str, float] = {}
        self._many = _FEW
        self._service_id = ""

    def __getstate__(self) -> str:
        """Leave out who was heard: it matters for seconds only."""
        return self._service_id

    def __setstate__(self, service_id: str) -> None:
        self.__init__()  # type: ignore[misc]  # the object is empty
        self._service_id = service_id

    def prune(self, now: float) -> None:
        """Forget who was heard longer ago than matters, if there are many."""
        if len(self.heard) > self._many:
            since = now - REGISTER_SECONDS
            self.heard = {entity: at for entity, at in self.heard.items() if at > since}
            self._many = max(_FEW, 2 * len(self.heard))

    def recheck(self, now: float) -> None:
        """Let nobody have been heard in the future: the clock was set back."""
        self.heard = {entity: min(at, now) for entity, at in self.heard.items()}

    def silent(self, event: CtidRegistered, entities: Iterable[str]) -> set[str] | None:
        """Return the entities of which the new process has said nothing so far.

        Return None if the process has registered before.
        """
        if event.service_id == self._service_id:
            return None
        self._service_id = event.service_id
        since = event.at - REGISTER_SECONDS
        return {each for each in entities if self.heard.get(each, -inf) <= since}
