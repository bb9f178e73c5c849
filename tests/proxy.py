"""A TCP proxy between the exporter and the broker, with the faults that a network can have."""

import socket
import struct
import threading
import time
from collections import deque
from contextlib import suppress
from enum import Enum, auto
from typing import NamedTuple, Self

_LOOPBACK = "127.0.0.1"
_CHUNK = 65536
# On close: what is under way is thrown away, and the peer gets a RST.
_NO_LINGER = struct.pack("ii", 1, 0)


class Way(Enum):
    """A direction of the bytes."""

    TO_BROKER = auto()
    FROM_BROKER = auto()


class Proxy:
    """Forwards connections to a port on loopback; a new one has no fault.

    What `hold` and `throttle` do lasts until `cure`. Then what was held back goes on its way, as
    TCP would have it. The end of a connection is held back too: its peer knows nothing of it.
    """

    def __init__(self, target: int, host: str = _LOOPBACK) -> None:
        """Listen on a free port.

        Args:
            target: The broker's port.
            host: The address to listen on.
        """
        self._target = target
        self._server = socket.create_server((host, 0))
        self._address = f"{host}:{self._server.getsockname()[1]}"
        self._network = _Network()
        self._fates: deque[_Fate] = deque()
        self._links: list[_Link] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._thread.join(60)
        self._server.close()
        # Also those that have fallen silent: nobody else closes them.
        for link in self._links:
            link.reset()
        # Who waits to be let through meets a closed socket.
        self.cure()
        for link in self._links:
            link.join(60)

    def url(self, broker: str) -> str:
        """Return the URL of the broker with the proxy's address in it."""
        return broker.replace(f"{_LOOPBACK}:{self._target}", self._address)

    @property
    def connections(self) -> int:
        """How many connections have been made through it so far."""
        return len(self._links)

    @property
    def is_used(self) -> bool:
        """Whether there is a connection all the way."""
        return any(link.is_open for link in list(self._links))

    def carried(self, way: Way) -> int:
        """Return how many bytes have been let through so far, over all connections."""
        return self._network.carried[way]

    def hold(self, *ways: Way) -> None:
        """Let nothing through, in the given directions or, by default, in both: a black hole."""
        self._network.become(held=frozenset(ways or Way))

    def throttle(self, bytes_per_second: int) -> None:
        """Slow down to a crawl, each direction of each connection for itself."""
        self._network.become(bytes_per_second=bytes_per_second)

    def cure(self) -> None:
        """Be a good network again."""
        self._network.become()

    def reset(self) -> bool:
        """Reset all connections of this moment, at both ends; tell whether there was one."""
        was_used = self.is_used
        # Also those that have ended at one end only.
        for link in list(self._links):
            link.reset()
        return was_used

    def cut_after(self, *limits: int) -> None:
        """Reset each of the next connections after so many bytes from the broker."""
        self._fates.extend(_Fate(limit, stalls=False) for limit in limits)

    def stall_after(self, *limits: int) -> None:
        """Let each of the next connections fall silent for good after so many bytes from there."""
        self._fates.extend(_Fate(limit, stalls=True) for limit in limits)

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._server.accept()
            except OSError:
                return
            fate = self._fates.popleft() if self._fates else _Fate()
            try:
                far = socket.create_connection((_LOOPBACK, self._target))
            except OSError:
                _reset(near)
                continue
            self._links.append(_Link(near, far, self._network, fate))


class _Network:
    """What all connections of a proxy suffer at this moment."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._held: frozenset[Way] = frozenset()
        self._bytes_per_second: int | None = None
        self.carried = dict.fromkeys(Way, 0)

    def become(
        self, *, held: frozenset[Way] = frozenset(), bytes_per_second: int | None = None
    ) -> None:
        with self._changed:
            self._held, self._bytes_per_second = held, bytes_per_second
            self._changed.notify_all()

    @property
    def chunk(self) -> int:
        """Bytes to forward at once: a tenth of a second's worth on a slow link."""
        rate = self._bytes_per_second
        return _CHUNK if rate is None else max(1, rate // 10)

    def let_through(self, way: Way, size: int) -> None:
        """Return when so many bytes may go on."""
        began = time.monotonic()

        def rest() -> float:
            rate = self._bytes_per_second
            return 0 if rate is None else began + size / rate - time.monotonic()

        with self._changed:
            while way in self._held or rest() > 0:
                self._changed.wait(None if way in self._held else rest())
            self.carried[way] += size


class _Fate(NamedTuple):
    """What becomes of one connection after so many bytes from the broker, if that is limited."""

    limit: int | None = None
    stalls: bool = False


class _Link:
    """One connection through the proxy: two sockets, and a thread for each direction."""

    def __init__(
        self, near: socket.socket, far: socket.socket, network: _Network, fate: _Fate
    ) -> None:
        self._ends = (near, far)
        self._network = network
        self._fate = fate
        self._threads = [
            threading.Thread(target=self._forward, args=each, daemon=True)
            for each in (
                (Way.TO_BROKER, near, far, None),
                (Way.FROM_BROKER, far, near, fate.limit),
            )
        ]
        for thread in self._threads:
            thread.start()

    @property
    def is_open(self) -> bool:
        return all(thread.is_alive() for thread in self._threads)

    def reset(self) -> None:
        for end in self._ends:
            _reset(end)

    def join(self, timeout: float) -> None:
        for thread in self._threads:
            thread.join(timeout)

    def _forward(
        self, way: Way, source: socket.socket, sink: socket.socket, left: int | None
    ) -> None:
        try:
            while left is None or left > 0:
                size = self._network.chunk
                data = source.recv(size if left is None else min(size, left))
                self._network.let_through(way, len(data))
                if not data:
                    sink.shutdown(socket.SHUT_WR)
                    return
                sink.sendall(data)
                left = None if left is None else left - len(data)
        except OSError:
            self.reset()
        else:
            if not self._fate.stalls:
                self.reset()


def _reset(end: socket.socket) -> None:
    with suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        # The peer does not notice, but whoever reads here wakes up, and lets go of the socket.
        end.shutdown(socket.SHUT_RD)
    end.close()
