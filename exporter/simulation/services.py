"""The daemons of the server, which register with Consul and on the bus."""

from dataclasses import dataclass

from exporter.simulation.agenda import Process
from exporter.simulation.day import HOUR
from exporter.simulation.people import Ctid
from exporter.simulation.world import World, draw_uuid

PORTS = {
    "xivo-ctid": 9495,
    "xivo-ctid-ng": 9500,
    "xivo-agentd": 9493,
    "xivo-confd": 9486,
    "xivo-dird": 9489,
    "xivo-auth": 9497,
}

# Much worse than real daemons, so that an afternoon of six of them shows every kind of end.
_SECONDS_BETWEEN_RESTARTS = 2 * HOUR
_CRASHES = 0.25


@dataclass(slots=True)
class Service:
    """A daemon: a new instance with a new id at every start.

    A clean stop deregisters it.  A crash does not: the bus learns of it when the next instance
    registers.

    Attributes:
        name: Its name in Consul.
        registered_id: Id of the instance that the bus believes to be up; none before the first
            registration and after a deregistration.
        is_running: Whether it is.
        unclean_restarts: Registrations that replaced an instance which never deregistered.
    """

    world: World
    name: str
    ctid: Ctid
    registered_id: str | None = None
    is_running: bool = False
    unclean_restarts: int = 0

    def life(self) -> Process:
        """Start, run, end somehow, and start again."""
        rng = self.world.rng
        yield rng.uniform(0.3, 4)
        while True:
            self._start()
            yield rng.expovariate(1 / _SECONDS_BETWEEN_RESTARTS)
            crashes = self.world.is_lucky(_CRASHES)
            self._end(is_clean=not crashes)
            yield rng.uniform(10, 90) if crashes else rng.uniform(2, 15)

    def _start(self) -> None:
        if self.registered_id is not None:
            self.unclean_restarts += 1
        self.registered_id = draw_uuid(self.world.rng)
        self.is_running = True
        self._publish("registered", address="192.168.1.42", port=PORTS[self.name])
        if self.name == "xivo-ctid":
            self.ctid.wake()

    def _end(self, *, is_clean: bool) -> None:
        self.is_running = False
        if self.name == "xivo-ctid":
            self.ctid.sleep()
        if is_clean:
            self._publish("deregistered")
            self.registered_id = None

    def _publish(self, what: str, **facts: object) -> None:
        wire = self.world.wire
        data = {
            "service_name": self.name,
            "service_id": self.registered_id,
            **facts,
            "tags": ["Québec", self.name, wire.origin_uuid],
        }
        wire.publish(f"service_{what}_event", f"service.{what}.{self.name}", data)
