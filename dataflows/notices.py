"""What happens to a server or to its bus, for the states of the server."""

from __future__ import annotations

from typing import Any, ClassVar

from dataflows.snapshot import Snapshot
from dataflows.subsystem import Event, State


class Notice(Event, frozen=True, gc=False):
    """Something about a server or its bus that is no event of a subsystem. It starts no state."""

    is_notice: ClassVar[bool] = True

    def tell(self, state: State[Any]) -> None:
        """Let a state follow it."""


class OriginSeen(Notice, frozen=True, gc=False):
    """An origin is known on a bus, to which its states belong from then on.

    Attributes:
        is_carried: The bus carried an event of it just now, so free states belong to this bus.
        is_free: Only an API told of it, so the states belong to the first bus that carries it.
    """

    is_carried: bool = False
    is_free: bool = False


class StateRestored(Event, frozen=True):
    """The run of the dataflow before handed over the state of the key; nothing came before."""

    snapshot: Snapshot


class OriginForgotten(Notice, frozen=True, gc=False):
    """An origin was silent for so long that its states end."""


class ClockChecked(Notice, frozen=True, gc=False):
    """The clock was set back; the state must close its windows by the new time."""

    def tell(self, state: State[Any]) -> None:
        """Let no time of a state be in the future."""
        state.recheck(self.at)


class SeriesWithheld(Notice, frozen=True, gc=False):
    """The exporter is a standby on the bus of the origin: the state goes on, without series."""


class SeriesShown(Notice, frozen=True, gc=False):
    """The exporter reads the bus of the origin again: the series of the state are shown.

    If the state belongs to no bus, it belongs to this one from then on.
    """


class EventsMissed(Notice, frozen=True, gc=False):
    """Events of the origin were missed, or may have been."""

    def tell(self, state: State[Any]) -> None:
        """Note in a state that it may have missed events."""
        state.miss(self.at)


class StateOutdated(Notice, frozen=True, gc=False):
    """Asterisk started or reloaded, or amid lost its connection: states may have changed."""

    def tell(self, state: State[Any]) -> None:
        """Mark a state as incomplete."""
        state.knowledge.end()


class AsteriskBooted(StateOutdated, frozen=True, gc=False):
    """Asterisk started, or amid logged in to it again.

    Attributes:
        started: When it started, Unix seconds; None before Asterisk 16.
    """

    started: float | None = None

    def tell(self, state: State[Any]) -> None:
        """Let a state end what was under way before the start."""
        super().tell(state)
        if self.started is not None:
            state.restart(self.at, self.started)


class UpdatesStopped(Notice, frozen=True, gc=False):
    """The bus of the origin is not read: no events reach the state."""

    def tell(self, state: State[Any]) -> None:
        """Mark a state as incomplete until the bus is read again."""
        state.knowledge.stop_updates()


class UpdatesContinued(Notice, frozen=True, gc=False):
    """The bus of the origin is read again; if events were missed, `EventsMissed` came before."""

    def tell(self, state: State[Any]) -> None:
        """Mark a state as complete again if it was before and nothing was missed."""
        state.knowledge.continue_updates()


class Heard(Notice, frozen=True, gc=False):
    """The events before it were the newest of the subsystem; `at` is the arrival of the last."""
