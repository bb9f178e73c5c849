"""The items of the source: deliveries, and what happens to a bus between them."""

from __future__ import annotations

from typing import Annotated, TypeVar

import msgspec
from msgspec.structs import replace

from dataflows.envelope import Delivery
from dataflows.labels import MAX_LABEL
from dataflows.listings import Listing, Source
from dataflows.snapshot import Snapshot

T = TypeVar("T")


class Duplicates(msgspec.Struct, frozen=True, gc=False):
    """Deliveries of a bus that the broker sent again; they change nothing.

    Attributes:
        count: How many.
        arrived: When the last one arrived, Unix seconds.
    """

    bus: str
    count: int
    arrived: float


_Text = Annotated[str, msgspec.Meta(max_length=MAX_LABEL)]
_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_LABEL)]


class UnusedEvent(msgspec.Struct, frozen=True, gc=False):
    """What counts of an event that no decoder reads: its envelope, without the data."""

    name: _Name
    origin_uuid: _Name
    timestamp: _Text | None = None


class Unused(msgspec.Struct, frozen=True, gc=False):
    """Consecutive deliveries of a bus with valid events that no decoder reads.

    Attributes:
        bus: Name of the bus.
        arrived: When all of them arrived, Unix seconds.
        events: Of each delivery, in their order.
    """

    bus: str
    arrived: float
    events: list[UnusedEvent]


class Opened(msgspec.Struct, frozen=True, gc=False):
    """The dataflow starts to read a bus, at a time in Unix seconds; no delivery came before."""

    bus: str
    at: float


class StateHandedOver(msgspec.Struct, frozen=True):
    """A state of the run of the dataflow before, in the same process.

    All of them come before any other item.
    """

    bus: str
    snapshot: Snapshot


class ClockSetBack(msgspec.Struct, frozen=True, gc=False):
    """The machine's clock was set back to a time in Unix seconds.

    Times and timers that were set before may be in the future.
    """

    bus: str
    at: float


class OriginSilent(msgspec.Struct, frozen=True, gc=False):
    """An origin of a bus was silent for so long that it is forgotten, at a time in Unix seconds."""

    bus: str
    origin: str
    at: float


class StandbyBegan(msgspec.Struct, frozen=True, gc=False):
    """The exporter is a standby on a bus: another one reads the inbox."""

    bus: str


class ReadingResumed(msgspec.Struct, frozen=True, gc=False):
    """The exporter reads a bus again, after it was a standby or another one read the inbox.

    Attributes:
        bus: Name of the bus.
        at: When, Unix seconds.
        is_complete: Whether it has certainly missed nothing meanwhile. If not, the states of the
            origins of the bus may be wrong, and begin empty.
    """

    bus: str
    at: float
    is_complete: bool


class GapNoticed(msgspec.Struct, frozen=True, gc=False):
    """Events of a bus were missed, or may have been: a gap, or a stall of the dataflow.

    `at` is when it was noticed, Unix seconds.
    """

    bus: str
    at: float


class ReadingStopped(msgspec.Struct, frozen=True, gc=False):
    """The connection to a bus broke: until `ReadingContinued`, the states are not up to date."""

    bus: str


class ReadingContinued(msgspec.Struct, frozen=True, gc=False):
    """A bus is read, and all that was missed is known: `GapNoticed` came before."""

    bus: str


class SnapshotBegun(msgspec.Struct, frozen=True, gc=False):
    """An API of a server is asked for its lists. What arrives from now on may be newer.

    Attributes:
        bus: Name of the bus.
        at: When, Unix seconds.
        origin: The server.
        source: The API.
        number: Of the request, unique for the bus and the run of the dataflow.
    """

    bus: str
    at: float
    origin: str
    source: Source
    number: int


class SnapshotTaken(msgspec.Struct, frozen=True):
    """An API has answered.

    Attributes:
        bus: Name of the bus.
        at: When the answer came, Unix seconds.
        origin: The server.
        source: The API.
        number: Of the request.
        listings: What it answered; all of this source, origin and number.
    """

    bus: str
    at: float
    origin: str
    source: Source
    number: int
    listings: tuple[Listing, ...]


class SnapshotFailed(msgspec.Struct, frozen=True, gc=False):
    """An API was asked, and no usable answer came. The states stay as they are."""

    bus: str
    at: float
    origin: str
    source: Source
    number: int


def arrived_by(item: T, now: float) -> T:
    """Return an item of which nothing is later than a time, Unix seconds.

    The clock may have been set back since a delivery or an answer arrived.
    """
    if isinstance(item, Delivery | Duplicates | Unused):
        return replace(item, arrived=now) if item.arrived > now else item
    if isinstance(item, SnapshotTaken) and item.at > now:
        listings = tuple([each.moved_to(now) for each in item.listings])
        return replace(item, at=now, listings=listings)
    if isinstance(item, SnapshotBegun | SnapshotFailed) and item.at > now:
        return replace(item, at=now)
    return item


BusItem = (
    Opened
    | StateHandedOver
    | ClockSetBack
    | OriginSilent
    | StandbyBegan
    | ReadingResumed
    | GapNoticed
    | ReadingStopped
    | ReadingContinued
    | SnapshotBegun
    | SnapshotTaken
    | SnapshotFailed
)
"""What happens to a bus between its deliveries."""

Item = Delivery | Duplicates | Unused | BusItem
"""An item from the source of a bus."""
