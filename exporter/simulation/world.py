"""The state that all parts of the simulation share."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Self
from uuid import UUID

from exporter.simulation.legs import Leg, LegNews
from exporter.simulation.noise import Noise
from exporter.simulation.scheduler import Scheduler
from exporter.simulation.wire import Era, Wire

TENANT_UUID = "7d2a0000-0000-4000-8000-00000000ac3e"
"""The only tenant."""

# As in Wazo's configuration of Asterisk (wazo-asterisk-config, manager.d/99-general.conf).
_VARIABLES: Mapping[str, str] = {
    "WAZO_TENANT_UUID": TENANT_UUID,
    "WAZO_USERUUID": "",
    "WAZO_LINE_ID": "",
    "WAZO_CONVERSATION_DIRECTION": "inbound",
}


def draw_uuid(rng: Random) -> str:
    """Draw a random UUID, version 4."""
    return str(UUID(int=rng.getrandbits(128), version=4))


@dataclass(slots=True)
class World:
    """The time, the random numbers and the bus.

    Attributes:
        scheduler: The simulated time, and the processes.
        wire: The bus of the server.
        noise: The events that change no metric.
        rng: The only source of random numbers.
        opened: Begin of the first day, Unix time in seconds.
        legs: Is told of the legs of calls; a Wazo has one of its own.
    """

    scheduler: Scheduler
    wire: Wire
    noise: Noise
    rng: Random
    opened: float
    legs: LegNews = field(default_factory=LegNews)
    _channels: Iterator[int] = field(default_factory=lambda: count(1))

    @classmethod
    def create(  # noqa: PLR0913 -- those of a call centre
        cls,
        *,
        seed: int,
        start: float,
        origin_uuid: str | None,
        era: Era,
        noise: bool,
        speed: float = 1.0,
    ) -> Self:
        """Make a world that starts at `start`; without an origin UUID, make one from the seed."""
        rng = Random(seed)
        drawn_uuid = draw_uuid(rng)
        scheduler = Scheduler(start)
        wire = Wire(scheduler, origin_uuid or drawn_uuid, era, seed=seed, speed=speed)
        return cls(scheduler, wire, Noise(scheduler, wire, enabled=noise), rng, opened=start)

    @property
    def now(self) -> float:
        """Simulated Unix time, in seconds."""
        return self.scheduler.now

    def chance(self, probability: float) -> bool:
        """Return True with this probability."""
        return self.rng.random() < probability

    def leg(
        self, device: str, number: str, *, context: str, exten: str = "s", first: Leg | None = None
    ) -> Leg:
        """Open a channel of a device.

        Args:
            device: Name of the device, such as `SIP/trunk`.
            number: Caller's number.
            context: Context of the dialplan.
            exten: Extension in it.
            first: The first leg of the call; None if this is the first.
        """
        serial = next(self._channels)
        uniqueid = f"{int(self.now)}.{serial}"
        # Local channels are pairs; the caller has the first half.
        half = ";1" if device.startswith("Local/") else ""
        return Leg(
            channel=f"{device}-{serial:08x}{half}",
            uniqueid=uniqueid,
            linkedid=first.linkedid if first else uniqueid,
            number=number,
            context=context,
            exten=exten,
            variables=_VARIABLES if self.wire.era.has_channel_variables else None,
        )
