"""Checks passwords in threads of low priorities."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from concurrent.futures import Future

from exporter.web.bcrypt_hash import is_right

_PRIORITY = 5
"""The thread of the web server goes first. With 19, the check of a first login would take seconds
more on a busy machine, and beside those of a flood."""
_SUSPECT_PRIORITY = 19


async def is_right_in_background(password: bytes, hashed: str, *, is_suspect: bool = False) -> bool:
    """Return whether a password has a hash, without delaying anything else.

    A thread of its own computes it, and goes on if the caller is cancelled. It is a daemon, because
    a hash of a high cost takes hours, and the process must be able to stop.

    Args:
        password: The password.
        hashed: The hash that it must have.
        is_suspect: Whether all others go first.

    Raises:
        RuntimeError: It cannot be computed.
    """
    done: Future[bool] = Future()
    # A caller that is cancelled must not cancel it, because the thread still sets its result.
    done.set_running_or_notify_cancel()

    priority = _SUSPECT_PRIORITY if is_suspect else _PRIORITY

    def work() -> None:
        # Linux has a priority for each thread.
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), priority)
        try:
            done.set_result(is_right(password, hashed))
        except BaseException:  # noqa: BLE001 -- bcrypt is written in Rust; its panics are no Exception
            done.set_exception(RuntimeError("bcrypt failed"))

    threading.Thread(target=work, name="web-login", daemon=True).start()
    return await asyncio.wrap_future(done)
