"""What a start of xivo-ctid says about the entities of which it says nothing.

When xivo-ctid starts, it assumes that every phone is unavailable and every user is
disconnected. Then it publishes each phone and each user that differs. So its silence about
an entity is a fact too.
"""

from __future__ import annotations

from collections.abc import Iterable

from dataflows.events.services import CtidRegistered
from dataflows.recent import Recent

REGISTER_SECONDS = 10.0
"""Maximum time from the first events of a process of xivo-ctid to its registration."""

MAX_STARTED = 10_000
"""Entities whose last events are remembered; few events come before a registration."""


class CtidStart:
    """Recognises the start of a process of xivo-ctid, in the state of one subsystem."""

    def __init__(self) -> None:
        self._heard = Recent(REGISTER_SECONDS, MAX_STARTED)
        self._service_id = ""

    def __getstate__(self) -> str:
        """Leave out who was heard: it matters for seconds only."""
        return self._service_id

    def __setstate__(self, service_id: str) -> None:
        self.__init__()  # type: ignore[misc]  # the object is empty
        self._service_id = service_id

    def hear(self, entity: str, at: float) -> None:
        """Note that an event told of an entity, at a time in Unix seconds."""
        self._heard.add(entity, at)

    def recheck(self, now: float) -> None:
        """Let nothing have been heard in the future: the clock was set back."""
        self._heard.recheck(now)

    def silent(self, event: CtidRegistered, entities: Iterable[str]) -> set[str] | None:
        """Return the entities of which the new process has said nothing so far.

        Return None if the process has registered before.
        """
        if event.service_id == self._service_id:
            return None
        self._service_id = event.service_id
        return {each for each in entities if not self._heard.has(each, event.at)}
