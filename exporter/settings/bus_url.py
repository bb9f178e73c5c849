"""The URLs of a bus: parsed, and never shown with their passwords.

A message about a wrong URL names the part that is wrong and quotes nothing. A password may contain
any character, so any piece of a URL may be a piece of a password.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

from exporter.settings.address import Address
from exporter.settings.location import parse_location
from exporter.settings.password import fault_of

_DEFAULT_PORTS = {"amqp": 5672, "amqps": 5671}


@dataclass(frozen=True, slots=True)
class BusUrl:
    """An `amqp://` or `amqps://` URL. Its password is never shown."""

    host: str
    port: int
    vhost: str
    user: str
    password: str = field(repr=False)
    tls: bool

    @classmethod
    def parse(cls, url: str) -> BusUrl:
        """Parse a URL; user and password default to guest, the vhost to `/`.

        Raises:
            ValueError: Names the part that is wrong; the message contains no part of the URL.
        """
        scheme, rest = _scheme(url)
        authority, _, path = rest.partition("/")
        if "@" in path:
            # The first / ends the host: what follows may be the rest of a password.
            raise ValueError(_AT_IN_PATH)
        credentials, at, location = authority.rpartition("@")
        user, colon, password = credentials.partition(":")
        host, port = parse_location(location, "amqp", _FORM, is_after_at=bool(at))
        vhost = _decoded("vhost", path)
        if len(vhost.encode()) > _MAX_VHOST:
            msg = f"the vhost is longer than {_MAX_VHOST} bytes"
            raise ValueError(msg)
        return cls(
            host=host,
            port=port or _DEFAULT_PORTS[scheme],
            vhost=vhost or "/",
            user=_credential("user", user) or "guest",
            password=_credential("password", password) if colon else "guest",
            tls=scheme == "amqps",
        )

    def __str__(self) -> str:
        """Show the address without credentials."""
        vhost = "" if self.vhost == "/" else f"/{self.vhost}"
        return f"{'amqps' if self.tls else 'amqp'}://{Address(self.host, self.port)}{vhost}"


class BusUrls(tuple[BusUrl, ...]):
    """Where a bus can be reached: at one address, or at several that are tried in turn."""

    __slots__ = ()

    @classmethod
    def parse(cls, urls: str | Iterable[str]) -> BusUrls:
        """Parse one URL, several with semicolons between, or a list of them.

        Raises:
            ValueError: Names what is wrong; the message contains no part of any URL.
        """
        texts = [url.strip() for url in (urls.split(";") if isinstance(urls, str) else urls)]
        if not texts:
            raise ValueError(_EMPTY)
        parsed = []
        for number, text in enumerate(texts, start=1):
            try:
                parsed.append(BusUrl.parse(text))
            except ValueError as error:
                if len(texts) == 1:
                    raise
                msg = f"address {number}: {error}; in a password, write ; as %3B"
                raise ValueError(msg) from None
        if len({url.tls for url in parsed}) > 1:
            msg = "the addresses of a bus must be all amqp://, or all amqps://"
            raise ValueError(msg)
        return cls(parsed)

    @property
    def tls(self) -> bool:
        """Whether TLS is spoken, at all of them."""
        return self[0].tls

    def __str__(self) -> str:
        """Show the addresses without credentials."""
        return ";".join(map(str, self))


def _scheme(url: str) -> tuple[str, str]:
    if not url:
        raise ValueError(_EMPTY)
    if any(c < " " or c == "\x7f" for c in url):
        msg = "the URL contains a control character, such as a tab or a line break; write it as %XX"
        raise ValueError(msg)
    scheme, mark, rest = url.partition("://")
    if not mark or scheme.lower() not in _DEFAULT_PORTS:
        msg = f"the scheme is missing or wrong; {_FORM}"
        raise ValueError(msg)
    for character, name, escape in (("?", "query", "%3F"), ("#", "fragment", "%23")):
        if character in rest:
            msg = (
                f"a {name} is not allowed; if the {character} belongs to the user, the password "
                f"or the vhost, write it as {escape}"
            )
            raise ValueError(msg)
    return scheme.lower(), rest


def _decoded(part: str, text: str) -> str:
    """Replace %XX in a part of a URL; any other % stands for itself."""
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeError:
        msg = f"the {part} is not UTF-8"
    # Not inside of the except: the error above holds the text.
    raise ValueError(msg)


def _credential(part: str, text: str) -> str:
    decoded = _decoded(part, text)
    if fault := fault_of(decoded):
        msg = f"the {part} {fault}"
        raise ValueError(msg)
    return decoded


_MAX_VHOST = 255
"""Bytes; AMQP allows no more."""

_FORM = "write amqp://user:password@host:port/vhost, or amqps:// for TLS"
_EMPTY = f"the URL is empty; {_FORM}"
_AT_IN_PATH = (
    "the URL contains an @ after the first /; in the user, the password and the vhost, "
    "write / as %2F and @ as %40"
)
