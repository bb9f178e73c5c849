"""SIGTERM and SIGINT, heard also while the main thread is deep in foreign code.

Python runs the handler of a signal in the main thread, between two of its own
instructions. Bytewax does not come back to Python while a process of a cluster
waits for the others. What comes at once is a byte on a socket, so a thread reads that.
"""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Callable


def listen(on_signal: Callable[[signal.Signals], None]) -> None:
    """Have a function called at each SIGTERM and SIGINT, in a thread; from the main thread."""
    ears, mouth = socket.socketpair()
    mouth.setblocking(False)
    threading.Thread(
        target=_listen, args=(ears, mouth, on_signal), name="signals", daemon=True
    ).start()
    signal.set_wakeup_fd(mouth.fileno())
    for number in (signal.SIGTERM, signal.SIGINT):
        # Not ignored: only of a signal with a handler comes a byte.
        signal.signal(number, lambda *_: None)


def _listen(
    ears: socket.socket, mouth: socket.socket, on_signal: Callable[[signal.Signals], None]
) -> None:
    # Both ends stay open as long as the program runs.
    with ears, mouth:
        while number := ears.recv(1):
            on_signal(signal.Signals(number[0]))
