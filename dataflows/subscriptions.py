"""Which subsystems get which event."""

from __future__ import annotations

from collections.abc import Iterable

from dataflows.notices import Notice
from dataflows.subsystem import Decoder, Event, Subsystem

_Kinds = tuple[type[Event], ...]
Subscriptions = dict[str, tuple[Decoder, list[str], list[tuple[str, _Kinds]]]]


def subscriptions(subsystems: Iterable[Subsystem]) -> Subscriptions:
    """Return, by name of the event, its decoder and the subsystems that get it.

    First the subsystems that it is about, then those that only need it, with the kinds of events
    that they need.
    """
    found: Subscriptions = {}
    for subsystem in subsystems:
        for decoder in subsystem.all_decoders:
            first, subscribers, others = found.setdefault(decoder.name, (decoder, [], []))
            assert first is decoder, f"{decoder.name} has two decoders"
            if decoder in subsystem.decoders:
                subscribers.append(subsystem.name)
            else:
                others.append((subsystem.name, (Notice, *subsystem.starters, *subsystem.needs)))
    return found
