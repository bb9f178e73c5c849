"""Threads for what may block for ever."""

import asyncio
import socket
import threading
import time
from collections.abc import Coroutine

import pytest

from exporter.snapshots.loop import SnapshotLoop
from exporter.snapshots.unjoined import MAX_THREADS
from tests.support import eventually, within


def run(awaitable: Coroutine[None, None, None]) -> None:
    """Run in the loop of the snapshots, which has such threads."""
    loop = SnapshotLoop()
    try:
        loop.run_until_complete(awaitable)
    finally:
        loop.close()


def test_a_result_and_an_error_arrive() -> None:
    async def main() -> None:
        assert await asyncio.to_thread(divmod, 7, 2) == (3, 1)
        with pytest.raises(ZeroDivisionError):
            await asyncio.to_thread(divmod, 7, 0)

    run(main())


def test_names_are_resolved_in_such_a_thread() -> None:
    names = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, lambda: names.append(threading.current_thread().name))
        await loop.getaddrinfo("localhost", 80, type=socket.SOCK_STREAM)

    run(main())
    assert names == ["snapshots-lookup"]


def test_a_call_that_never_returns_delays_neither_the_loop_nor_its_end() -> None:
    never = threading.Event()

    async def main() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await asyncio.to_thread(never.wait)

    with within(5):
        run(main())
    blocked = [each for each in threading.enumerate() if each.name == "snapshots-lookup"]
    assert all(each.daemon for each in blocked)
    # What nobody waits for any more ends without a word.
    never.set()
    for each in blocked:
        each.join()


def test_blocked_threads_are_bounded_and_free_again_later() -> None:
    never = threading.Event()

    async def main() -> None:
        waiting = [asyncio.create_task(asyncio.to_thread(never.wait)) for _ in range(MAX_THREADS)]
        await asyncio.sleep(0)
        with pytest.raises(OSError, match="too many"):
            await asyncio.to_thread(time.monotonic)
        never.set()
        await asyncio.gather(*waiting)

        def is_free() -> bool:
            return not any(each.name == "snapshots-lookup" for each in threading.enumerate())

        eventually(is_free)
        assert await asyncio.to_thread(time.monotonic)

    run(main())
