"""The daemons of the server, which register with Consul and on the bus."""

from dataclasses import dataclass

from exporter.simulation.day import HOUR
from exporter.simulation.people import Ctid
from exporter.simulation.scheduler import Process
from exporter.simulation.world import World, draw_uuid

PORTS = {
    "xivo-ctid": 9495,
    "xivo-ctid-ng": 9500,
    "xivo-agentd": 9493,
    "xivo-confd": 9486,
    "xivo-dird": 9489,
    "xivo-auth": 9497,
}

# Much more often than real daemons, so that one afternoon shows clean stops and crashes.
_SECONDS_BETWEEN_RESTARTS = 2 * HOUR
_CRASHES = 0.25


@dataclass(slots=True)
class Service:
    """A daemon: a new instance with a new id at every start.

    A clean stop deregisters it. A crash does not: it is visible on the bus only when the next
    instance registers.

    Attributes:
        name: Its name in Consul.
        registered_id: Id of the instance that is registered; None before the first registration
            and after a deregistration.
        is_running: Whether an instance runs.
        unclean_restarts: Registrations that replaced an instance which never deregistered.
    """

    world: World
    name: str
    ctid: Ctid
    registered_id: str | None = None
    is_running: bool = False
    unclean_restarts: int = 0

    def run(self) -> Process:
        """Start, run, stop or crash, and start again."""
        rng = self.world.rng
        yield rng.uniform(0.3, 4)
        while True:
            self._start()
            yield rng.expovariate(1 / _SECONDS_BETWEEN_RESTARTS)
            crashes = self.world.chance(_CRASHES)
            self._end(is_clean=not crashes)
            yield rng.uniform(10, 90) if crashes else rng.uniform(2, 15)

    def _start(self) -> None:
        if self.registered_id is not None:
            self.unclean_restarts += 1
        self.registered_id = draw_uuid(self.world.rng)
        self.is_running = True
        self._publish("registered", address="192.168.1.42", port=PORTS[self.name])
        if self.name == "xivo-ctid":
            self.ctid.start()

    def _end(self, *, is_clean: bool) -> None:
        self.is_running = False
        if self.name == "xivo-ctid":
            self.ctid.stop()
        if is_clean:
            self._publish("deregistered")
            self.registered_id = None

    def _publish(self, what: str, **fields: object) -> None:
        wire = self.world.wire
        data = {
            "service_name": self.name,
            "service_id": self.registered_id,
            **fields,
            "tags": ["Québec", self.name, wire.origin_uuid],
        }
        wire.publish(f"service_{what}_event", f"service.{what}.{self.name}", data)
