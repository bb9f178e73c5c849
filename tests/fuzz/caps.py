"""The caps of a fuzzed dataflow, and the memory that they allow."""

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
"""Bytes: a thousand deliveries, a view, its text, and what a parser makes of the largest family."""


class Caps(NamedTuple):
    """How much a dataflow may keep: little, so that all of it is full most of the time.

    The series suffice for nine states of a queue's members, or of a server's
    phones, so the store shows every census whole.

    Attributes:
        entities: Of each subsystem.
        keys: States of each subsystem; `MAX_ORIGINS` bounds those that are servers.
        series: Of each metric.
    """

    entities: int = 5_000
    keys: int = MAX_ORIGINS
    series: int = 9 * MAX_ORIGINS

    def memory(self) -> int:
        """Give the bytes by which a process may grow that keeps all of it."""
        entities = self.entities * len(SUBSYSTEMS) * _ENTITY
        states = self.keys * len(SUBSYSTEMS) * _STATE
        return entities + states + self.series * len(SPECS) * _SERIES + _UNDER_WAY


def resident() -> int:
    """Give the bytes of memory that this process has, now."""
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")
