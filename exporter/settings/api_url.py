"""The URLs of a server's APIs. A message about a wrong URL quotes nothing of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from dataflows.listings import Source
from exporter.settings.address import Address
from exporter.settings.location import parse_location
from exporter.settings.messages import choices, one_of

AUTH = "auth"
"""The service that checks the password, and issues the tokens for all others."""

STATUS_DAEMONS = ("amid", "agentd", "chatd", "calld", "confd", "call-logd")
"""The daemons that tell which of their components work."""

SERVICES = (AUTH, *STATUS_DAEMONS, Source.CONSUL.value)
"""The names of the daemons with an API, without their prefix."""


def is_below_base(service: str) -> bool:
    """Return whether a service is below the base URL of the APIs, if it has no URL of its own.

    Consul is not. XiVO and old Wazo have it, and no web server passes requests on to it.
    """
    return service != Source.CONSUL


def daemons_of(source: Source) -> tuple[str, ...]:
    """Return the daemons of which a source asks those that have a URL."""
    return STATUS_DAEMONS if source is Source.STATUS else (source.value,)


_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def parse_api_url(text: str) -> str:
    """Check the base URL of an API, and return it without a slash at its end.

    Raises:
        ValueError: Names the part that is wrong; the message contains no part of the URL.
    """
    scheme, mark, rest = text.strip().partition("://")
    scheme = scheme.lower()
    if not mark or scheme not in ("https", "http"):
        msg = f"the scheme is missing or wrong; {_FORM}"
        raise ValueError(msg)
    if "@" in rest:
        msg = "the URL must not contain a user or a password: set api_username and "
        raise ValueError(msg + "api_password_file")
    for character, name in (("?", "query"), ("#", "fragment")):
        if character in rest:
            msg = f"a {name} is not allowed; {_FORM}"
            raise ValueError(msg)
    location, slash, path = rest.partition("/")
    host, port = parse_location(location, scheme, _FORM)
    if not re.fullmatch(r"[A-Za-z0-9._~%/+-]*", path):
        msg = f"the path contains a character that is not allowed; write it as %XX; {_FORM}"
        raise ValueError(msg)
    if scheme == "http" and host not in _LOOPBACK:
        msg = (
            "http:// is only allowed to 127.0.0.1, [::1] or localhost, because everybody on the "
            "way could read the password; write https://"
        )
        raise ValueError(msg)
    shown = f"[{host}]" if ":" in host else host
    address = shown if port is None else str(Address(host, port))
    return f"{scheme}://{address}{slash}{path}".rstrip("/")


def host_and_port(url: str) -> tuple[str, int]:
    """Return where a URL leads that `parse_api_url` has returned."""
    scheme, _, rest = url.partition("://")
    host, port = parse_location(rest.partition("/")[0], scheme, _FORM)
    return host, port or (443 if scheme == "https" else 80)


def parse_api_services(given: str | Iterable[object] | Mapping[object, object]) -> dict[str, str]:
    """Check the URLs of single services, and return them by name.

    Args:
        given: `amid=https://pbx:9491,auth=https://pbx:9497`, a list of such pairs, or a table.

    Raises:
        ValueError: Names what is wrong; the message contains no part of any URL.
    """
    if isinstance(given, Mapping):
        pairs = [(str(name), str(url)) for name, url in given.items()]
    else:
        texts = given.split(",") if isinstance(given, str) else map(str, given)
        pairs = [_pair(text) for text in texts]
    services: dict[str, str] = {}
    for name, url in pairs:
        if name in services:
            msg = f"{name} occurs twice"
            raise ValueError(msg)
        if name not in SERVICES:
            raise ValueError(_unknown(name))
        try:
            services[name] = parse_api_url(url)
        except ValueError as error:
            msg = f"{name}: {error}"
            raise ValueError(msg) from None
    return services


def _pair(text: str) -> tuple[str, str]:
    name, equals, url = text.strip().partition("=")
    if not equals:
        msg = f"must be pairs of name and URL, such as {_EXAMPLE}"
        raise ValueError(msg)
    return name.strip(), url.strip()


def _unknown(name: str) -> str:
    # Other text may be a piece of a URL, and so of a password.
    if re.fullmatch("[a-z-]{1,20}", name):
        return f"the name of a service {one_of(SERVICES, name)}"
    return f"the name of a service must be {choices(SERVICES)}, as in {_EXAMPLE}"


_FORM = "write https://host/api"
_EXAMPLE = "amid=https://pbx:9491,auth=https://pbx:9497"
