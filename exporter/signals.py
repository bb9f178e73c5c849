"""Receives SIGTERM, SIGINT and SIGHUP, even while the main thread runs native code.

Python runs signal handlers in the main thread, between two Python instructions. Bytewax runs
native code while a process of a cluster waits for the others, so handlers would wait too.
Therefore no handler is used. All threads block the signals, and one thread takes them from the
kernel. The kernel keeps each signal once until then: no signal is lost, and many of them need no
memory.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable

PAUSE_SECONDS = 0.1
"""Pause after a SIGHUP, in which only SIGTERM and SIGINT are taken."""

_STOP = frozenset((signal.SIGTERM, signal.SIGINT))
_TAKEN = _STOP | {signal.SIGHUP}


def hold() -> None:
    """Let the signals wait for `listen`.

    This is true for the thread that calls it and for the threads that it starts later. A signal
    that finds another thread ends the program.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, _TAKEN)


def listen(on_signal: Callable[[signal.Signals], None]) -> None:
    """Call a function in a separate thread at each SIGTERM, SIGINT and SIGHUP.

    Must be called from the main thread, before other threads are started or after `hold`. Equal
    signals that arrive during a call are one signal.
    """
    hold()
    threading.Thread(target=_take, args=(on_signal,), name="signals", daemon=True).start()


def _take(on_signal: Callable[[signal.Signals], None]) -> None:
    while True:
        number = signal.Signals(signal.sigwait(_TAKEN))
        on_signal(number)
        # The kernel gives the lowest number first: a flood of SIGHUP would hold SIGTERM back.
        if number is signal.SIGHUP and (stop := signal.sigtimedwait(_STOP, PAUSE_SECONDS)):
            on_signal(signal.Signals(stop.si_signo))
