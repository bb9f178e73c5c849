"""What the simulation needs of a server, whatever its generation: its daemons and its calls."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Protocol

from exporter.simulation.people import Desk, Reporter


class Daemon(Protocol):
    """A daemon of the server."""

    @property
    def is_running(self) -> bool:
        """Whether it answers."""


class Server(ABC):
    """A generation of the software: its daemons, and the calls that reach no queue.

    Its properties are the true state of what only XiVO publishes; on a Wazo they are empty.
    """

    @property
    @abstractmethod
    def reporter(self) -> Reporter:
        """The daemon that tells of users and phones."""

    @property
    @abstractmethod
    def agentd(self) -> Daemon:
        """The daemon that logs agents in and off."""

    @abstractmethod
    def start(self) -> None:
        """Start the daemons."""

    @abstractmethod
    def start_calls(
        self, desks: Sequence[Desk], offices: Sequence[Desk], per_second: float
    ) -> None:
        """Start the calls that reach no queue.

        Args:
            desks: All users with their phones.
            offices: Those who are not agents.
            per_second: Rate of the calls in the busiest hour of the day.
        """

    @property
    def endpoints(self) -> Mapping[int, int]:
        """Extension state as published last, by endpoint id."""
        return {}

    @property
    def presences(self) -> Mapping[int, str]:
        """Presence as published last, by user id."""
        return {}

    @property
    def services_up(self) -> Mapping[str, str]:
        """Service id of the registered instance, by service name."""
        return {}

    @property
    def unclean_restarts(self) -> Mapping[str, int]:
        """Registrations that replaced an instance which never deregistered, by service name."""
        return {}
