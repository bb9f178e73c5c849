"""The items of the source: deliveries, and what happens to a bus between them."""

from __future__ import annotations

import msgspec

from dataflows.envelope import Delivery


class Opened(msgspec.Struct, frozen=True, gc=False):
    """The dataflow started to read a bus at a time, Unix seconds; there was no delivery yet."""

    bus: str
    at: float


class ClockSetBack(msgspec.Struct, frozen=True, gc=False):
    """The machine's clock was set back, so timers set before are due too late."""

    bus: str


class OriginSilent(msgspec.Struct, frozen=True, gc=False):
    """An origin of a bus was silent for so long that it is forgotten at a time, Unix seconds."""

    bus: str
    origin: str
    at: float


class ReadingResumed(msgspec.Struct, frozen=True, gc=False):
    """The exporter reads a bus again, at a time, Unix seconds, after another one could read it.

    Attributes:
        is_complete: Whether nothing was missed. If not, the states of the bus are out of date.
    """

    bus: str
    at: float
    is_complete: bool


Item = Delivery | Opened | ClockSetBack | OriginSilent | ReadingResumed
"""An item from the source of a bus."""
