"""The host and the port in a URL. Messages quote neither: a piece of a password may stand there."""

from __future__ import annotations

import re
from ipaddress import IPv6Address

from exporter.settings.address import is_name

_LAST_PORT = 65535


def parse_location(
    text: str, scheme: str, form: str, *, is_after_at: bool = True
) -> tuple[str, int | None]:
    """Parse host and port; the port is None if it is missing.

    Args:
        text: What stands in a URL between the credentials and the path.
        scheme: Of the URL, for examples.
        form: The end of a message: how such a URL is written.
        is_after_at: Whether there are credentials. Without a host, a password stands where a port
            does.

    Raises:
        ValueError: Names what is wrong; the message contains no part of the text.
    """
    in_brackets = f"an IPv6 address must be in brackets, as in {scheme}://[::1]:5672"
    if text.startswith("["):
        host, bracket, end = text[1:].partition("]")
        if not bracket or not _is_ipv6(host):
            raise ValueError(in_brackets)
        if end and not end.startswith(":"):
            msg = f"the port must follow the ] after a colon, as in {scheme}://[::1]:5672"
            raise ValueError(msg)
        return host, _port(end[1:], is_after_at=is_after_at)
    if _is_ipv6(text):
        raise ValueError(in_brackets)
    host, _, port = text.partition(":")
    if not host or re.search(r"[\s\[\]%]", host) or not is_name(host):
        msg = f"the host is missing or wrong; {form}"
        raise ValueError(msg)
    return host.lower(), _port(port, is_after_at=is_after_at)


def _port(text: str, *, is_after_at: bool) -> int | None:
    if not text:
        return None
    if re.fullmatch("[0-9]{1,5}", text) and 1 <= int(text) <= _LAST_PORT:
        return int(text)
    msg = f"the port must be a number from 1 to {_LAST_PORT}"
    raise ValueError(msg if is_after_at else f"{msg}; if it is a password, add @host after it")


def _is_ipv6(text: str) -> bool:
    try:
        IPv6Address(text)
    except ValueError:
        return False
    return True
