"""The inbox: the AMQP queue of the exporter, and the only thing it creates on the broker."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dataflows.subsystem import Subsystem
from exporter.settings import ExchangeType


@dataclass(frozen=True, slots=True)
class Binding:
    """One binding of the inbox to the exchange."""

    routing_key: str
    arguments: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Inbox:
    """A named AMQP queue with limits, which expires when nobody consumes it.

    Attributes:
        name: One per bus and exporter instance.
        expires: Seconds without a consumer after which the broker deletes it.
        max_length: Maximum number of waiting messages; beyond it the oldest is dropped.
        max_bytes: Maximum bytes of their bodies; beyond it the oldest is dropped.
        exchange: Exchange to which the events are published.
        bindings: Bindings for the events that are read.
        unwanted: Bindings to remove: the same instance may have made them with other settings.
    """

    name: str
    expires: float
    max_length: int
    max_bytes: int
    exchange: str
    bindings: tuple[Binding, ...]
    unwanted: tuple[Binding, ...] = ()

    def arguments(self) -> dict[str, object]:
        """Return the arguments of the declaration."""
        return {
            "x-expires": round(self.expires * 1000),
            "x-max-length": self.max_length,
            "x-max-length-bytes": self.max_bytes,
            "x-overflow": "drop-head",
        }


def bindings(subsystems: Iterable[Subsystem], exchange_type: ExchangeType) -> tuple[Binding, ...]:
    """Return one binding for each event that a decoder reads.

    A topic wildcard replaces whole words only, so it cannot select AMI events by the beginning of
    their names.
    """
    decoders = [decoder for subsystem in subsystems for decoder in subsystem.decoders]
    if exchange_type is ExchangeType.HEADERS:
        return tuple(_by_name(name) for name in dict.fromkeys(d.name for d in decoders))
    return tuple(Binding(key) for key in dict.fromkeys(d.routing_key for d in decoders))


def everything(exchange_type: ExchangeType) -> Binding:
    """Return the binding that receives every event."""
    return Binding("#") if exchange_type is ExchangeType.TOPIC else Binding("")


def _by_name(name: str) -> Binding:
    return Binding("", (("x-match", "all"), ("name", name)))
