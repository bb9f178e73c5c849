"""Changes what a run of the dataflow kept, so that it fits the settings of the next run."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import structlog
from msgspec.structs import replace

from dataflows.snapshot import Snapshot
from dataflows.subsystems import SUBSYSTEMS
from exporter.engine.resumed import Resumed, has_moved

log = structlog.get_logger(__name__)

Content = Resumed | Snapshot
"""What is kept: the state of a bus, or the state of a key."""

_OF_BUSES = frozenset(subsystem.name for subsystem in SUBSYSTEMS if subsystem.is_per_bus)


class Removed(NamedTuple):
    """How many states were removed.

    Attributes:
        buses: Of each bus that is not in the settings.
        subsystems: Of each subsystem that is left out, on the other buses.
    """

    buses: Mapping[str, int]
    subsystems: Mapping[str, int]

    def tell(self) -> None:
        """Log what was removed, and why."""
        for bus, states in self.buses.items():
            log.warning(
                "the bus is not in the settings, so its kept state is removed",
                bus=bus,
                states=states,
            )
        if self.subsystems:
            log.warning(
                "some subsystems are not in the settings, so their kept state is removed",
                subsystems=",".join(sorted(self.subsystems)),
                states=sum(self.subsystems.values()),
            )


def fit(
    contents: Sequence[Content],
    buses: Mapping[str, tuple[str, ...]],
    subsystems: Collection[str],
) -> tuple[list[Content | None], Removed]:
    """Return what was kept as it fits the settings, None for what is removed.

    What belongs to buses and to subsystems that are not in the settings is removed: when one of
    them is back, its state would be out of date. If a bus has another address, its states are free
    for the bus that carries their origins next. An origin that has a state, but is not among those
    of its bus, is added there: bytewax copies the state of a bus before the events of the last
    batch have reached the states.

    Args:
        contents: All that was kept.
        buses: The addresses of each bus in the settings.
        subsystems: The names of the subsystems that are kept.
    """
    states = [each for each in contents if isinstance(each, Snapshot)]
    origins: defaultdict[str, set[str]] = defaultdict(set)
    for state in states:
        if state.subsystem not in _OF_BUSES:
            origins[state.bus].add(state.key.partition("\t")[2])
    moved = {
        each.bus
        for each in contents
        if isinstance(each, Resumed) and has_moved(each.urls, buses.get(each.bus, ()))
    }

    def fitted(content: Content) -> Content | None:
        if content.bus not in buses:
            return None
        if isinstance(content, Resumed):
            missing = sorted(origins[content.bus] - content.last_heard.keys())
            added = dict.fromkeys(missing, content.read_seconds)
            return replace(content, last_heard=content.last_heard | added)
        if content.subsystem not in subsystems:
            return None
        return replace(content, is_free=content.is_free or content.bus in moved)

    return [fitted(each) for each in contents], Removed(
        Counter(state.bus for state in states if state.bus not in buses),
        Counter(
            state.subsystem
            for state in states
            # A row without a state only says to which bus the origin belongs.
            if state.bus in buses and state.subsystem not in subsystems and state.state
        ),
    )
