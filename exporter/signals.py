"""Handles SIGTERM and SIGINT, even while the main thread runs native code.

Python runs signal handlers in the main thread, between two Python instructions. Bytewax runs
native code while a process of a cluster waits for the others, so handlers would wait too. Python
also writes a byte to a socket at once when a signal arrives; a thread reads it.
"""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Callable


def listen(on_signal: Callable[[signal.Signals], None]) -> None:
    """Call a function in a separate thread at each SIGTERM and SIGINT.

    Must be called from the main thread.
    """
    receiver, sender = socket.socketpair()
    sender.setblocking(False)
    threading.Thread(
        target=_listen, args=(receiver, sender, on_signal), name="signals", daemon=True
    ).start()
    signal.set_wakeup_fd(sender.fileno())
    for number in (signal.SIGTERM, signal.SIGINT):
        # A handler, even an empty one: without it, Python writes no byte.
        signal.signal(number, lambda *_: None)


def _listen(
    receiver: socket.socket, sender: socket.socket, on_signal: Callable[[signal.Signals], None]
) -> None:
    # Both sockets stay open as long as the program runs.
    with receiver, sender:
        while number := receiver.recv(1):
            on_signal(signal.Signals(number[0]))
