"""A XiVO: its daemons register on the bus, and xivo-ctid tells of users and phones."""

from collections.abc import Mapping, Sequence

from exporter.simulation.calls import DirectCalls, traffic
from exporter.simulation.people import Ctid, Desk
from exporter.simulation.servers import Daemon, Server
from exporter.simulation.services import PORTS, Service
from exporter.simulation.world import World


class Xivo(Server):
    """The software of a XiVO."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._ctid = Ctid(world)
        self._services = {name: Service(world, name, self._ctid) for name in PORTS}

    @property
    def reporter(self) -> Ctid:
        """The daemon xivo-ctid."""
        return self._ctid

    @property
    def agentd(self) -> Daemon:
        """The daemon xivo-agentd."""
        return self._services["xivo-agentd"]

    def start(self) -> None:
        """Start the daemons."""
        for service in self._services.values():
            self._world.scheduler.start(service.run())

    def start_calls(
        self, desks: Sequence[Desk], offices: Sequence[Desk], per_second: float
    ) -> None:
        """Start the calls between phones."""
        del offices  # They call and are called like all others.
        direct = DirectCalls(self._world, [desk.phone for desk in desks])
        self._world.scheduler.start(traffic(self._world, per_second, direct.call))

    @property
    def endpoints(self) -> Mapping[int, int]:
        """Extension state as published last, by endpoint id, without removed endpoints."""
        return dict(self._ctid.endpoints)

    @property
    def presences(self) -> Mapping[int, str]:
        """Presence as published last, by user id."""
        return dict(self._ctid.presences)

    @property
    def services_up(self) -> Mapping[str, str]:
        """Service id of the registered instance, by service name."""
        return {
            service.name: service.registered_id
            for service in self._services.values()
            if service.registered_id is not None
        }

    @property
    def unclean_restarts(self) -> Mapping[str, int]:
        """Registrations that replaced an instance which never deregistered, by service name."""
        return {name: service.unclean_restarts for name, service in self._services.items()}
