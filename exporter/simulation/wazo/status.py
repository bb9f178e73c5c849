"""The daemons of a Wazo: they do not register on the bus, but tell which components work."""

from collections.abc import Mapping

from exporter.simulation.scheduler import Process
from exporter.simulation.world import World

_COMPONENTS = {
    "amid": ("ami_socket", "bus_publisher", "service_token"),
    "agentd": ("bus_consumer", "service_token"),
    "chatd": ("rest_api", "bus_consumer", "presence_initialization", "service_token"),
    "calld": ("ari", "bus_consumer", "service_token"),
    "confd": ("bus_publisher", "service_token"),
    "call-logd": ("bus_consumer", "service_token", "task_queue"),
}

_FIRST_FAILURE = 75.0
_SECONDS_BETWEEN_FAILURES = 1800.0


class Agentd:
    """The daemon wazo-agentd, which always answers."""

    is_running = True


class Daemons:
    """The components of the daemons. A failure has no other effect.

    Attributes:
        components: Whether they work, by daemon and by component.
    """

    def __init__(self, world: World) -> None:
        self.components: dict[str, dict[str, bool]] = {
            daemon: dict.fromkeys(names, True) for daemon, names in _COMPONENTS.items()
        }
        self._world = world

    def listed(self, daemon: str) -> Mapping[str, object]:
        """Return the answer of a daemon about its status."""
        components = self.components[daemon].items()
        return {name: {"status": "ok" if works else "fail"} for name, works in components}

    def failures(self) -> Process:
        """Let a component fail now and then, for a minute or two."""
        rng = self._world.rng
        yield _FIRST_FAILURE
        while True:
            daemon = rng.choice(tuple(self.components))
            component = rng.choice(tuple(self.components[daemon]))
            self.components[daemon][component] = False
            yield rng.uniform(60, 150)
            self.components[daemon][component] = True
            yield rng.expovariate(1 / _SECONDS_BETWEEN_FAILURES)
