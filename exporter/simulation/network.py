"""The network: phones register after the start, and sometimes lose their registration."""

from collections.abc import Sequence

from exporter.simulation.day import HOUR
from exporter.simulation.phones import Hint, Phone
from exporter.simulation.scheduler import Process
from exporter.simulation.world import World

_UNPLUGGED = 0.02
_FLAPPING = 0.15

# Per phone: rare enough to disturb few calls, but a demo with 40 agents shows some.
_SECONDS_BETWEEN_OUTAGES = 3 * HOUR
_SECONDS_BETWEEN_WITHDRAWALS = 24 * HOUR


class Network:
    """The network of the phones of a call centre."""

    def __init__(self, world: World, phones: Sequence[Phone], spare: Sequence[Phone]) -> None:
        """Connect the phones.

        Args:
            world: The world of the call centre.
            phones: All phones.
            spare: The phones that an administrator may remove.
        """
        self._world = world
        self._phones = phones
        self._spare = spare

    def open(self, *, prompt: int) -> None:
        """Start to register the phones; a few of them register later.

        Args:
            prompt: How many of the phones register within the first seconds.
        """
        scheduler, rng = self._world.scheduler, self._world.rng
        for phone in self._phones[:prompt]:
            scheduler.start(self._come_up(phone, latest=3))
        for phone in self._phones[prompt:]:
            late = self._world.chance(_UNPLUGGED)
            scheduler.start(self._come_up(phone), after=rng.uniform(600, 3600) if late else 0)
        scheduler.start(self._outages())
        scheduler.start(self._withdrawals())

    def _come_up(self, phone: Phone, *, latest: float = 20) -> Process:
        yield self._world.rng.uniform(0.2, latest)
        phone.register()

    def _outages(self) -> Process:
        rng = self._world.rng
        while True:
            yield rng.expovariate(len(self._phones) / _SECONDS_BETWEEN_OUTAGES)
            is_flapping = self._world.chance(_FLAPPING)
            drop = self._drop(
                rng.choice(self._phones), times=rng.randint(4, 9) if is_flapping else 1
            )
            self._world.scheduler.start(drop)

    def _drop(self, phone: Phone, *, times: int) -> Process:
        """Lose the registration once for some minutes, or several times for some seconds."""
        rng = self._world.rng
        for _ in range(times):
            if not phone.is_idle:
                return
            phone.unregister()
            yield rng.uniform(30, 180) if times == 1 else rng.uniform(2, 12)
            phone.register()
            yield rng.uniform(3, 20)

    def _withdrawals(self) -> Process:
        rng = self._world.rng
        while True:
            yield rng.expovariate(len(self._spare) / _SECONDS_BETWEEN_WITHDRAWALS)
            phone = rng.choice(self._spare)
            if phone.is_idle:
                hint = rng.choice((Hint.DEACTIVATED, Hint.REMOVED))
                self._world.scheduler.start(self._withdraw(phone, hint))

    def _withdraw(self, phone: Phone, hint: Hint) -> Process:
        phone.withdraw(hint)
        yield self._world.rng.uniform(300, 1800)
        phone.register()
