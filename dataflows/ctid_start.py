"""What a start of xivo-ctid says about the entities of which it says nothing.

When xivo-ctid starts, it assumes that every phone is unavailable and every user is
disconnected. Then it publishes each phone and each user that differs. So its silence about
an entity is a fact too.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any

from dataflows.clock import Countdown
from dataflows.events.services import CtidDeregistered, CtidRegistered

REGISTER_SECONDS = 10.0
"""Maximum time from the first events of a process of xivo-ctid to its registration."""

BURST_SECONDS = 5.0
"""Time from the registration of xivo-ctid until it has published all phones that differ."""

_FEW = 1_000
"""So many entities are not worth a search for old ones."""

_FORMER_IDS = 8
"""Earlier processes whose late events are ignored."""


class CtidStart:
    """Recognises the start of a process of xivo-ctid, in the state of one subsystem.

    Attributes:
        heard: When the last event told of each entity, Unix seconds; of known entities only. The
            state writes it, because a call for each event would cost more.
        is_certain: Whether it is certain which events the new process has published.
    """

    def __init__(self) -> None:
        self.heard: dict[str, float] = {}
        self.is_certain = False
        self._many = _FEW
        # Of the process that is registered; empty if it is not known.
        self._service_id = ""
        self._former: deque[str] = deque(maxlen=_FORMER_IDS)
        # Whether the last process has ended, and none has registered since.
        self._has_ended = False
        self._is_pending = False
        self._burst = Countdown(BURST_SECONDS)

    def __getstate__(self) -> dict[str, Any]:
        """Leave out who was heard: it matters for seconds only."""
        return {**vars(self), "heard": {}}

    def end(self, event: CtidDeregistered) -> bool:
        """Return whether the process that is registered has ended."""
        service_id = event.service_id
        if service_id in self._former or self._service_id not in ("", service_id):
            return False
        self._former.append(service_id)
        self._service_id = ""
        self._has_ended, self._is_pending = True, False
        # What follows is said by the next process.
        self.heard.clear()
        return True

    def begin(self, event: CtidRegistered, entities: Iterable[str]) -> set[str] | None:
        """Return the entities of which the new process has said nothing so far.

        Return None if it is not new.
        """
        service_id = event.service_id
        if service_id == self._service_id or service_id in self._former:
            return None
        if self._service_id:
            self._former.append(self._service_id)
        self._service_id = service_id
        since = event.at - REGISTER_SECONDS
        recent = {entity for entity, at in self.heard.items() if at > since}
        # After a crash, the old process may have said this.
        self.is_certain = self._has_ended or not recent
        self._has_ended, self._is_pending = False, True
        self._burst.stop()
        return {each for each in entities if each not in recent}

    def is_over(self, now: float, *, is_read: bool) -> bool:
        """Return once that the new process has published all that differs.

        Args:
            now: Unix seconds.
            is_read: Whether the bus is read. If not, silence says nothing.
        """
        if not is_read:
            self._burst.stop()
        elif self._is_pending and self._burst.is_over(now):
            self._is_pending = False
            return True
        return False

    def earliest(self, due: float | None) -> float | None:
        """Return when `is_over` is due, or another time if that is earlier."""
        return self._burst.earliest(due) if self._is_pending else due

    def miss(self) -> None:
        """Note that events were missed: silence says nothing about this process."""
        self._is_pending = False
        self._service_id = ""

    def prune(self, now: float) -> None:
        """Forget who was heard longer ago than matters, if there are many."""
        if len(self.heard) > self._many:
            since = now - REGISTER_SECONDS
            self.heard = {entity: at for entity, at in self.heard.items() if at > since}
            self._many = max(_FEW, 2 * len(self.heard))

    def recheck(self, now: float) -> None:
        """Let nobody have been heard in the future: the clock was set back."""
        self.heard = {entity: min(at, now) for entity, at in self.heard.items()}
