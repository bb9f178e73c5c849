"""The socket of a systemd, for what a program tells it."""

import socket


class Systemd:
    """The socket of a systemd.

    Attributes:
        name: As it is in `NOTIFY_SOCKET`.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._socket.bind("\0" + name[1:] if name.startswith("@") else name)

    def told(self) -> list[str]:
        """Return the datagrams since the last call."""
        datagrams = []
        while True:
            try:
                datagrams.append(self._socket.recv(65536).decode())
            except BlockingIOError:
                return datagrams

    def close(self) -> None:
        self._socket.close()
