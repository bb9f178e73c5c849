"""What the web server needs to know of the rules for its clients: TLS, users, headers."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


class Tls(Protocol):
    """How connections are encrypted."""

    @property
    def context(self) -> ssl.SSLContext:
        """With the certificate of the server."""
        ...

    @property
    def rules(self) -> object:
        """Equal if a connection that was accepted under the one is acceptable under the other."""
        ...

    def allows(self, connection: ssl.SSLObject, /) -> bool:
        """Return whether the client may connect; asked after the handshake."""
        ...


class Access(Protocol):
    """The rules at one moment."""

    @property
    def tls(self) -> Tls | None:
        """None for connections without TLS."""
        ...

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """Set on every response; they replace the exporter's own headers of the same name."""
        ...

    @property
    def users(self) -> Mapping[str, str]:
        """Empty if no login is needed."""
        ...


class AccessSource(Protocol):
    """Where the rules come from. All methods are called on the event loop of the web server."""

    def current(self) -> Access:
        """Return the rules now; called for each connection and each request."""
        ...

    async def refusal(self, authorization: str | None, /) -> int | None:
        """Return the status of the refusal, 401 or 429; None if the request is allowed.

        Args:
            authorization: The header of this name.
        """
        ...


@dataclass(frozen=True, slots=True)
class OpenAccess:
    """The rules if there are none."""

    tls: Tls | None = None
    headers: tuple[tuple[str, str], ...] = ()
    users: Mapping[str, str] = field(default_factory=dict)

    def current(self) -> OpenAccess:
        """Return itself."""
        return self

    async def refusal(self, authorization: str | None, /) -> None:
        """Allow everything."""
        del authorization
