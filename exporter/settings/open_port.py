"""Whether the web server is open to everybody on the network."""

from __future__ import annotations

import ipaddress
import socket

from exporter.settings.address import Address

_READ = "everybody who can reach the port can read the metrics"
_RELOAD = f"{_READ} and reload the settings"


def open_to_all(
    listen: Address, *, has_users: bool, has_client_certificates: bool, may_reload: bool
) -> dict[str, str] | None:
    """Return the fields of a log line that says what is open; None if the port is protected.

    Args:
        listen: Where the web server listens.
        has_users: Whether each request needs a user.
        has_client_certificates: Whether each client needs a certificate that is verified.
        may_reload: Whether a request can reload the settings.
    """
    if has_users or has_client_certificates or not _is_every_address(listen.host):
        return None
    event = _RELOAD if may_reload else _READ
    return {"event": event, "address": str(listen), "see": "docs/access.md"}


def _is_every_address(host: str) -> bool:
    """Return whether a host stands for all addresses of the machine."""
    try:
        # It also knows the old ways to write an address, such as `0`, which the resolver accepts.
        return not any(socket.inet_aton(host))
    except OSError:
        pass
    try:
        address = ipaddress.IPv6Address(host)
    except ValueError:
        return False
    return address.is_unspecified or bool(
        address.ipv4_mapped and address.ipv4_mapped.is_unspecified
    )
