"""The peers that the exporter connects to: host, port, and how TLS must be."""

from __future__ import annotations

import os
import socket
import ssl
from pathlib import Path
from typing import NamedTuple

from exporter.exposition.problems import one_line, tls_reason

CONNECT_SECONDS = 5.0
"""Time for each step, as the exporter has it for a connection."""

NAME, TCP, TLS = "name", "TCP", "TLS"


class Flags(NamedTuple):
    """How the settings of a peer are called, for what to do.

    Attributes:
        url: Names its host and its port.
        ca_file: Names the authorities.
        server_name: Names the name in the certificate.
        without_tls: How a URL without TLS begins, if the peer may be used without it.
    """

    url: str
    ca_file: str
    server_name: str
    without_tls: str


class Peer(NamedTuple):
    """A host and a port that the exporter connects to.

    Attributes:
        host: Name or address.
        port: Of TCP.
        flags: The settings that say so.
        has_tls: Whether the first bytes are those of TLS.
        server_name: The name that the certificate must have.
        ca_file: The authorities; None for those of the system.
        client: File with our certificate, and file with its key; None without.
    """

    host: str
    port: int
    flags: Flags
    has_tls: bool = False
    server_name: str = ""
    ca_file: Path | None = None
    client: tuple[Path, Path] | None = None

    @property
    def checks(self) -> tuple[str, ...]:
        """The checks of this peer."""
        return (NAME, TCP, TLS) if self.has_tls else (NAME, TCP)


def reason(error: Exception) -> str:
    """Return in words why something failed."""
    if isinstance(error, TimeoutError):
        return f"no answer within {CONNECT_SECONDS:.0f} s"
    if isinstance(error, socket.gaierror):
        return one_line(error.strerror)
    if isinstance(error, ssl.SSLError):
        return tls_reason(error)
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno)
    return one_line(error) or type(error).__name__
