"""The inbox: the one thing that the exporter creates on somebody else's broker."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dataflows.subsystem import Subsystem
from exporter.settings import ExchangeType


@dataclass(frozen=True, slots=True)
class Binding:
    """One binding of the inbox to the exchange of the events."""

    routing_key: str
    arguments: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Inbox:
    """A queue of the broker that is named, bounded, and deletes itself when abandoned.

    Attributes:
        name: One per bus and exporter instance.
        expires: Seconds without a consumer after which the broker deletes it.
        max_length: Deliveries that may wait; the oldest is dropped for the newest.
        max_bytes: The same for the bytes of their bodies.
        exchange: Where the events are published.
        bindings: What is wanted of them.
        unwanted: Bindings that other settings of the same instance may have left behind.
    """

    name: str
    expires: float
    max_length: int
    max_bytes: int
    exchange: str
    bindings: tuple[Binding, ...]
    unwanted: tuple[Binding, ...] = ()

    def arguments(self) -> dict[str, object]:
        """Give the arguments of the declaration."""
        return {
            "x-expires": round(self.expires * 1000),
            "x-max-length": self.max_length,
            "x-max-length-bytes": self.max_bytes,
            "x-overflow": "drop-head",
        }


def bindings(subsystems: Iterable[Subsystem], exchange_type: ExchangeType) -> tuple[Binding, ...]:
    """Derive from the decoders what must be bound: one binding per event, and nothing else.

    Topic wildcards do not match inside a word, so AMI's names cannot share one.
    """
    decoders = [decoder for subsystem in subsystems for decoder in subsystem.decoders]
    if exchange_type is ExchangeType.HEADERS:
        return tuple(_by_name(name) for name in dict.fromkeys(d.name for d in decoders))
    return tuple(Binding(key) for key in dict.fromkeys(d.routing_key for d in decoders))


def everything(exchange_type: ExchangeType) -> Binding:
    """Give the binding that receives every event."""
    return Binding("#") if exchange_type is ExchangeType.TOPIC else Binding("")


def _by_name(name: str) -> Binding:
    return Binding("", (("x-match", "all"), ("name", name)))
