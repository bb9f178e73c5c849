"""The cables: phones come up after the start, drop out now and then, and some keep flapping."""

from collections.abc import Sequence

from exporter.simulation.agenda import Process
from exporter.simulation.day import HOUR
from exporter.simulation.phones import Hint, Phone
from exporter.simulation.world import World

_UNPLUGGED = 0.02
_FLAPPING = 0.15

# Per phone; few enough that most calls never notice, and a demo of 40 agents still shows some.
_SECONDS_BETWEEN_OUTAGES = 3 * HOUR
_SECONDS_BETWEEN_WITHDRAWALS = 24 * HOUR


class Network:
    """The network that the phones of a centre hang on."""

    def __init__(self, world: World, phones: Sequence[Phone], spare: Sequence[Phone]) -> None:
        """Wire the phones.

        Args:
            world: Where they stand.
            phones: All of them.
            spare: Those that an administrator may take away.
        """
        self._world = world
        self._phones = phones
        self._spare = spare

    def open(self) -> None:
        """Let the phones come up, all but the few that are unplugged."""
        agenda, rng = self._world.agenda, self._world.rng
        for phone in self._phones:
            late = self._world.is_lucky(_UNPLUGGED)
            agenda.start(self._come_up(phone), after=rng.uniform(600, 3600) if late else 0)
        agenda.start(self._outages())
        agenda.start(self._withdrawals())

    def _come_up(self, phone: Phone) -> Process:
        yield self._world.rng.uniform(0.2, 20)
        phone.register()

    def _outages(self) -> Process:
        rng = self._world.rng
        while True:
            yield rng.expovariate(len(self._phones) / _SECONDS_BETWEEN_OUTAGES)
            is_flapping = self._world.is_lucky(_FLAPPING)
            drop = self._drop(
                rng.choice(self._phones), times=rng.randint(4, 9) if is_flapping else 1
            )
            self._world.agenda.start(drop)

    def _drop(self, phone: Phone, *, times: int) -> Process:
        """Lose a registration once for a minute or two, or again and again for seconds."""
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
                self._world.agenda.start(self._withdraw(phone, hint))

    def _withdraw(self, phone: Phone, hint: Hint) -> Process:
        phone.withdraw(hint)
        yield self._world.rng.uniform(300, 1800)
        phone.register()
