"""The limits of a fuzzed dataflow, and the memory that they allow."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from dataflows.decode import MAX_ORIGINS
from dataflows.subsystems import SUBSYSTEMS
from tests.pipeline import SPECS

_KIB = 1024

_ENTITY = 1 * _KIB
"""Bytes, on average over the subsystems: 200 for most; an endpoint's details are nine series."""

_STATE = 8 * _KIB
"""Bytes: some 40 series of 200 bytes each, and the windows."""

_SERIES = 256
"""Bytes of a series in the store, whose labels the state holds too."""

_UNDER_WAY = 64 * _KIB * _KIB
"""Bytes: a thousand deliveries, a view, its text, and the largest family, parsed."""


class Caps(NamedTuple):
    """The limits of a dataflow: low, so that most of them are reached most of the time.

    There are enough series for nine states of the members of each queue, or of the
    phones of each server, so the store shows all state counts.

    Attributes:
        entities: Quota of each subsystem.
        keys: Limit of states for each subsystem; `MAX_ORIGINS` limits servers.
        series: Limit for each metric.
    """

    entities: int = 5_000
    keys: int = MAX_ORIGINS
    series: int = 9 * MAX_ORIGINS

    def memory(self) -> int:
        """Return by how many bytes the process may grow if all limits are reached."""
        entities = self.entities * len(SUBSYSTEMS) * _ENTITY
        states = self.keys * len(SUBSYSTEMS) * _STATE
        return entities + states + self.series * len(SPECS) * _SERIES + _UNDER_WAY


def resident() -> int:
    """Return the resident memory of this process, in bytes."""
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")
