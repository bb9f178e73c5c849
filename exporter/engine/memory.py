"""How this process takes memory from the system, and gives it back.

Python frees most objects at once. Two things remain: reference cycles, which its collector finds
now and then, and buffers (pages, answers of APIs, TLS), whose memory the malloc of glibc keeps.
"""

from __future__ import annotations

import ctypes
import gc

GARBAGE_OBJECTS = 10_000
"""New objects after which Python looks for reference cycles. With its default, 700, the objects of
one batch make it look several times; that takes 5 to 10 % of the CPU. There are hardly any cycles.
"""

_ARENAS = 1
"""By default there are up to eight for each core. Threads take different ones, and each keeps the
free space of its own peak. Python code runs in one thread at a time, so threads seldom wait."""

_LARGE = 128 * 1024
"""Bytes. Buffers from this size on go back to the system when they are freed. So they do with the
defaults of glibc, but these rise with each larger buffer that is freed, up to 32 MiB."""

# Names of malloc.h; see mallopt(3).
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8


def tune() -> None:
    """Settle for this process how it keeps memory; threads that run already keep their arenas."""
    gc.set_threshold(GARBAGE_OBJECTS)
    # Other C libraries than glibc have no such function.
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, _ARENAS)
        mallopt(_M_MMAP_THRESHOLD, _LARGE)
        mallopt(_M_TRIM_THRESHOLD, _LARGE)
