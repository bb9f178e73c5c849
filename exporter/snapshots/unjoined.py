"""Runs what may block for ever in threads for which nothing waits.

Name resolution and a file on a network share can block without a time limit. The usual thread pool
of asyncio is joined at the end of the process, which would then never end.
"""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

MAX_THREADS = 32
"""Threads at once. More are needed only if name resolution hangs for minutes."""


class UnjoinedThreads(ThreadPoolExecutor):
    """An executor whose threads do not keep the process from ending.

    If all threads are blocked, a call fails at once with an OSError.
    """

    def __init__(self) -> None:
        super().__init__(max_workers=1)
        self._free = threading.Semaphore(MAX_THREADS)

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Call a function in a thread of its own."""
        future: Future[T] = Future()
        if not self._free.acquire(blocking=False):
            problem = "too many name look-ups or files wait for an answer"
            future.set_exception(OSError(errno.EAGAIN, problem))
            return future

        def run() -> None:
            try:
                if future.set_running_or_notify_cancel():
                    _fulfil(future, lambda: fn(*args, **kwargs))
            finally:
                self._free.release()

        threading.Thread(target=run, name="snapshots-lookup", daemon=True).start()
        return future


def _fulfil(future: Future[T], call: Callable[[], T]) -> None:
    try:
        result = call()
    except BaseException as error:  # noqa: BLE001 -- who waits for the future gets it
        future.set_exception(error)
    else:
        future.set_result(result)
