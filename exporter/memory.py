"""How this process takes memory from the system, and gives it back.

Python frees most objects at once. Two things remain: reference cycles, which its collector finds
now and then, and large buffers (pages, answers of APIs, TLS), which malloc of glibc keeps.
"""

from __future__ import annotations

import ctypes
import gc

GARBAGE_OBJECTS = 10_000
"""New objects after which Python looks for reference cycles. With its default, 700, the objects of
one batch make it look several times; that takes 5 to 10 % of the CPU. There are hardly any cycles.
"""

_ARENAS = 1
"""By default there are eight for each core. Threads take different ones, and each arena keeps free
space for the most that was ever in it. Python runs one thread at a time, so one is enough."""

_LARGE = 128 * 1024
"""Bytes. Buffers from this size on go back to the system when they are freed. This is the default
of glibc, but it raises it to the size of the largest that was freed, up to 32 MiB."""

# Names of malloc.h; see mallopt(3).
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8


def tune() -> None:
    """Settle for this process how it keeps memory; call it before threads start."""
    gc.set_threshold(GARBAGE_OBJECTS)
    # Other C libraries than glibc have no such function.
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, _ARENAS)
        mallopt(_M_MMAP_THRESHOLD, _LARGE)
        mallopt(_M_TRIM_THRESHOLD, _LARGE)


def free_cycles() -> None:
    """Free reference cycles that are new.

    Python counts objects, not bytes: it would keep large cycles for minutes. Those that are older
    than some collections stay, because to look at all objects takes 0.1 s.
    """
    gc.collect(1)
