"""Host and port of a TCP socket, and how they are written."""

from __future__ import annotations

from typing import NamedTuple


class Address(NamedTuple):
    """Host and port of a TCP socket."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Address:
        """Parse `host:port`, `[::1]:port` or `:port`.

        Raises:
            ValueError: It is none of these; the message says what is wrong.
        """
        host, colon, port = text.rpartition(":")
        if not colon:
            msg = "must be HOST:PORT, for example 127.0.0.1:10495"
            raise ValueError(msg)
        if not port.isdecimal() or len(port) > _PORT_DIGITS or int(port) > _MAX_PORT:
            msg = f"the port must be a number from 0 to {_MAX_PORT}"
            raise ValueError(msg)
        if not is_name(host):
            msg = "the host is not a valid name or address"
            raise ValueError(msg)
        return cls(host.removeprefix("[").removesuffix("]") or "0.0.0.0", int(port))  # noqa: S104 -- the documented default

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def is_name(host: str) -> bool:
    """Return whether text can be resolved as a host name, or is an address."""
    try:
        # As the resolver does. It raises the same error, which is not an OSError.
        host.encode("idna")
    except UnicodeError:
        return False
    return host.isprintable()


_MAX_PORT = 65535
_PORT_DIGITS = 5
