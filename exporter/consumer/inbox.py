"""The inbox: the AMQP queue of the exporter, and the only thing it creates on the broker."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from dataflows.subsystem import Decoder, Subsystem
from exporter.exposition.exchanges import WELL_KNOWN_EXCHANGES
from exporter.settings import ExchangeType

PREFETCH = 30_000
"""Maximum unacknowledged deliveries: more than one epoch of the dataflow takes at full speed."""


@dataclass(frozen=True, slots=True)
class Binding:
    """One binding of the inbox to the exchange."""

    routing_key: str
    arguments: tuple[tuple[str, str], ...] = ()

    def terms(self) -> dict[str, Any]:
        """Return it as the arguments of an operation of py-amqp."""
        return {"routing_key": self.routing_key, "arguments": dict(self.arguments)}


def limits(max_length: int, max_bytes: int) -> dict[str, object]:
    """Return the arguments of a declaration by which the oldest messages are dropped."""
    return {
        # Also where the default is another type: on a quorum queue the broker lets two exporters
        # consume at a time, although both ask for exclusive use.
        "x-queue-type": "classic",
        "x-max-length": max_length,
        "x-max-length-bytes": max_bytes,
        "x-overflow": "drop-head",
    }


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
        unwanted: All other bindings that the exporter makes with any settings.
        prefetch: Maximum unacknowledged deliveries.
        is_temporary: Whether it is for copies of messages, beside the inbox of an exporter: its
            messages are received whole, and it is deleted at the end.
    """

    name: str
    expires: float
    max_length: int
    max_bytes: int
    exchange: str
    bindings: tuple[Binding, ...]
    unwanted: tuple[Binding, ...] = ()
    prefetch: int = PREFETCH
    is_temporary: bool = False

    def arguments(self) -> dict[str, object]:
        """Return the arguments of the declaration."""
        expires = {"x-expires": round(self.expires * 1000)}
        return limits(self.max_length, self.max_bytes) | expires

    def unwanted_on(self, exchange: str) -> tuple[Binding, ...]:
        """Return the bindings to an exchange that the inbox must not have."""
        return self.unwanted if exchange == self.exchange else (*self.bindings, *self.unwanted)

    def other_exchanges(self, earlier: str) -> tuple[str, ...]:
        """Return the other exchanges to which the inbox may be bound.

        Args:
            earlier: Exchange of the process before; "" if it is unknown.
        """
        candidates = (earlier,) if earlier else WELL_KNOWN_EXCHANGES
        return tuple(exchange for exchange in candidates if exchange != self.exchange)


def name_of(instance: str, bus: str) -> str:
    """Return the name of the inbox of an exporter, by the names of its instance and of the bus."""
    return f"xivo-exporter.{instance}.{bus}"


def bindings(subsystems: Iterable[Subsystem], exchange_type: ExchangeType) -> tuple[Binding, ...]:
    """Return one binding for each event that a decoder of these subsystems reads."""
    decoders = [decoder for subsystem in subsystems for decoder in subsystem.all_decoders]
    return bindings_of(decoders, exchange_type)


def bindings_of(decoders: Sequence[Decoder], exchange_type: ExchangeType) -> tuple[Binding, ...]:
    """Return one binding for each event that one of these decoders reads.

    A topic wildcard replaces whole words only, so it cannot select AMI events by the beginning of
    their names.
    """
    if exchange_type is ExchangeType.HEADERS:
        return tuple(_by_name(name) for name in dict.fromkeys(d.name for d in decoders))
    return tuple(Binding(key) for key in dict.fromkeys(d.routing_key for d in decoders))


def everything(exchange_type: ExchangeType) -> Binding:
    """Return the binding that receives every event."""
    return Binding("#") if exchange_type is ExchangeType.TOPIC else Binding("")


def every_binding(subsystems: Iterable[Subsystem]) -> tuple[Binding, ...]:
    """Return the bindings that the exporter makes with any settings, for both exchange types."""
    subsystems = tuple(subsystems)
    return tuple(
        binding
        for kind in ExchangeType
        for binding in (everything(kind), *bindings(subsystems, kind))
    )


def _by_name(name: str) -> Binding:
    return Binding("", (("x-match", "all"), ("name", name)))
