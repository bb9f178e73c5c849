"""The limits of a fuzzed dataflow, and the memory that they allow."""

from __future__ import annotations

from typing import NamedTuple

from dataflows import knowledge
from dataflows.metric import MetricSpec
from dataflows.origins import MAX_ORIGINS
from dataflows.queue_call_metrics import WINDOW_CALLS, WINDOW_SERVICE, Outcome
from dataflows.subsystems import (
    SUBSYSTEMS,
    bus,
    queue_calls,
    queues,
    services,
    switchboards,
    trunks,
)
from tests.fuzz.traffic import BUSES
from tests.pipeline import SPECS, WINDOWS

_KIB = 1024

_ENTITY = 1 * _KIB
"""Bytes, on average over the subsystems: 200 for most; an endpoint's details are nine series."""

_STATE = 8 * _KIB
"""Bytes: some 40 series of 200 bytes each, and the windows."""

_SERIES = 256
"""Bytes of a series in the store, whose labels the state holds too."""

_UNDER_WAY = 64 * _KIB * _KIB
"""Bytes: a thousand deliveries, a view, its text, and the largest family, parsed."""


_NUMBER_OF_BUSES = len({*BUSES})
_NUMBER_OF_WINDOWS = len(WINDOWS.split(","))

_ONE_BY_ONE = (
    *(
        spec
        for module in (queues, queue_calls, services, switchboards, trunks)
        for spec in module.SUBSYSTEM.metrics
    ),
    bus.EVENTS,
)
"""Metrics of queues, services, switchboards, trunks and event names."""

_CLOSED = {WINDOW_CALLS: len(Outcome), WINDOW_SERVICE: len(("in_time", "missed"))}
"""How many values the label has that is closed, but not in the vocabulary."""


class Caps(NamedTuple):
    """The limits of a dataflow: low, so that most of them are reached most of the time.

    Attributes:
        entities: Entities of a server alone on its bus, in each subsystem.
        shown: The same for entities that have series of their own.
    """

    entities: int = 5_000
    shown: int = 500

    @property
    def servers(self) -> int:
        """The most servers on all buses."""
        return _NUMBER_OF_BUSES * MAX_ORIGINS

    def places(self, limit: int) -> int:
        """Return the places of a subsystem on all buses, for one of the limits."""
        return 3 * limit * _NUMBER_OF_BUSES

    def series(self, spec: MetricSpec) -> int:
        """Return the most series that a metric may have."""
        each = _CLOSED.get(spec, 1)
        for values in spec.vocabulary.values():
            each *= len(values)
        if "window" in spec.labels:
            each *= _NUMBER_OF_WINDOWS
        if spec.labels[0] != "origin_uuid":
            return each * _NUMBER_OF_BUSES
        if spec == bus.EVENTS:
            # Each server has one more, for all other names.
            return self.places(self.shown) + self.servers
        if spec in knowledge.METRICS:
            each *= sum(bool(subsystem.decoders) for subsystem in SUBSYSTEMS)
        has_places = spec.detail or spec in _ONE_BY_ONE
        return each * (self.places(self.shown) if has_places else self.servers)

    def memory(self) -> int:
        """Return by how many bytes the process may grow if all limits are reached."""
        entities = self.places(self.entities) * len(SUBSYSTEMS) * _ENTITY
        states = (self.servers * len(SUBSYSTEMS) + 2 * self.places(self.shown)) * _STATE
        return entities + states + sum(map(self.series, SPECS)) * _SERIES + _UNDER_WAY
