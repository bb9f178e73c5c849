"""Host and port, and the one way to spell them."""

from __future__ import annotations

from typing import NamedTuple


class Address(NamedTuple):
    """Host and port of a TCP socket."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read `host:port`, `[::1]:port` or `:port`.

        Raises:
            ValueError: It is none of these.
        """
        host, colon, port = text.rpartition(":")
        if not colon or not port.isdecimal() or not 0 <= int(port) <= _MAX_PORT:
            msg = "expected host:port"
            raise ValueError(msg)
        return cls(host.removeprefix("[").removesuffix("]") or "0.0.0.0", int(port))  # noqa: S104 -- the documented default

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


_MAX_PORT = 65535
