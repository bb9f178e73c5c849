"""Which subsystems get which event."""

from __future__ import annotations

from collections.abc import Iterable

from dataflows.notices import Notice
from dataflows.subsystem import Decoder, Event, Subsystem


class Others(dict[type[Event], tuple[str, ...]]):
    """The subsystems that only need some events of a decoder, by the kind of the event."""

    def __init__(self) -> None:
        super().__init__()
        self._kinds: list[tuple[str, tuple[type[Event], ...]]] = []

    def add(self, subsystem: str, kinds: tuple[type[Event], ...]) -> None:
        """Let a subsystem get the events of some kinds."""
        self._kinds.append((subsystem, kinds))

    def __missing__(self, kind: type[Event]) -> tuple[str, ...]:
        # There are few kinds, and this is asked for each event.
        found = self[kind] = tuple(name for name, kinds in self._kinds if issubclass(kind, kinds))
        return found


Subscriptions = dict[str, tuple[Decoder, list[str], Others]]


def subscriptions(subsystems: Iterable[Subsystem]) -> Subscriptions:
    """Return, by name of the event, its decoder and the subsystems that get it.

    First the subsystems that it is about, then those that only need it, with the kinds of events
    that they need.
    """
    found: Subscriptions = {}
    for subsystem in subsystems:
        for decoder in subsystem.all_decoders:
            first, subscribers, others = found.setdefault(decoder.name, (decoder, [], Others()))
            assert first is decoder, f"{decoder.name} has two decoders"
            if decoder in subsystem.decoders:
                subscribers.append(subsystem.name)
            else:
                others.add(subsystem.name, (Notice, *subsystem.starters, *subsystem.needs))
    return found
