"""Python's own noise: what the same work costs from run to run."""

from __future__ import annotations

import time

LAPS = 3_000_000


def loop_ms(_run: object) -> float:
    """Time a fixed loop, by the processor's time."""
    began = time.process_time()
    total = 0
    for lap in range(LAPS):
        total += lap
    return (time.process_time() - began) * 1e3
