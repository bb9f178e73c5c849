"""What every inhabitant of the simulation shares."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Self
from uuid import UUID

from exporter.simulation.agenda import Agenda
from exporter.simulation.legs import Leg
from exporter.simulation.noise import Noise
from exporter.simulation.wire import Era, Wire


def draw_uuid(rng: Random) -> str:
    """Draw a random UUID, version 4."""
    return str(UUID(int=rng.getrandbits(128), version=4))


@dataclass(frozen=True, slots=True)
class World:
    """Time, chance and the bus.

    Attributes:
        agenda: The time, and who acts next.
        wire: The bus of the server.
        noise: The events that move no metric.
        rng: The only source of chance.
        opened: When the first day began, Unix seconds.
    """

    agenda: Agenda
    wire: Wire
    noise: Noise
    rng: Random
    opened: float
    _channels: Iterator[int] = field(default_factory=lambda: count(1))

    @classmethod
    def found(
        cls, *, seed: int, start: float, origin_uuid: str | None, era: Era, noise: bool
    ) -> Self:
        """Make a world at its first moment; its UUID is drawn from the seed if there is none."""
        rng = Random(seed)
        drawn_uuid = draw_uuid(rng)
        agenda = Agenda(start)
        wire = Wire(agenda, origin_uuid or drawn_uuid, era)
        return cls(agenda, wire, Noise(agenda, wire, audible=noise), rng, opened=start)

    @property
    def now(self) -> float:
        """Current simulated time, Unix seconds."""
        return self.agenda.now

    def is_lucky(self, probability: float) -> bool:
        """Draw whether something of this probability happens."""
        return self.rng.random() < probability

    def leg(
        self, device: str, number: str, *, context: str, exten: str = "s", first: Leg | None = None
    ) -> Leg:
        """Open a channel of a device.

        Args:
            device: Name without the number of the channel, such as `SIP/trunk`.
            number: Caller's number.
            context: Context of the dialplan.
            exten: Extension in it.
            first: The leg that began the call; none if this one does.
        """
        serial = next(self._channels)
        uniqueid = f"{int(self.now)}.{serial}"
        # Local channels come in pairs; whoever dials one holds its first half.
        half = ";1" if device.startswith("Local/") else ""
        return Leg(
            channel=f"{device}-{serial:08x}{half}",
            uniqueid=uniqueid,
            linkedid=first.linkedid if first else uniqueid,
            number=number,
            context=context,
            exten=exten,
        )
