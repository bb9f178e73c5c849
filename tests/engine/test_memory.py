"""How a process keeps memory, told by malloc itself, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from xml.etree import ElementTree

import pytest

from tests.support import REPOSITORY

_CHILD = """
import ctypes
import gc
import threading

from exporter.engine import memory

IS_TUNED = {is_tuned}
THREADS = 8
if IS_TUNED:
    memory.tune()
    assert gc.get_threshold()[0] == memory.GARBAGE_OBJECTS

have_allocated, can_end = threading.Barrier(THREADS + 1), threading.Event()


def allocate():
    small = [bytes(1000) for _ in range(1000)]
    have_allocated.wait()
    can_end.wait()


for _ in range(THREADS):
    threading.Thread(target=allocate).start()
have_allocated.wait()
bytearray(8_000_000)
large = bytearray(4_000_000)
libc = ctypes.CDLL(None)
libc.malloc_info(0, ctypes.c_void_p.in_dll(libc, "stdout"))
libc.fflush(None)
can_end.set()
"""


def _malloc_info(*, is_tuned: bool) -> ElementTree.Element:
    child = _CHILD.format(is_tuned=is_tuned)
    ran = subprocess.run(
        [sys.executable, "-c", child],
        cwd=REPOSITORY,
        # Without settings of the developer for malloc.
        env={"PATH": os.environ["PATH"]},
        check=True,
        capture_output=True,
        text=True,
    )
    return ElementTree.fromstring(ran.stdout)  # noqa: S314 -- of our own process


@pytest.mark.parametrize("is_tuned", [False, True])
def test_malloc_has_one_arena_and_gives_back_large_buffers(*, is_tuned: bool) -> None:
    """Without `tune`, each thread has its own, and after a large buffer, others are kept."""
    info = _malloc_info(is_tuned=is_tuned)
    [mapped] = [int(each.get("size", 0)) for each in info.findall("total[@type='mmap']")]
    assert (len(info.findall("heap")) == 1) == is_tuned
    assert (mapped >= 4_000_000) == is_tuned
