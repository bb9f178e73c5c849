"""The addresses of a bus: what a user writes, taken apart."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from exporter.settings.address import Address

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
        """Take a URL apart; user and password default to guest, the vhost to `/`.

        Raises:
            ValueError: With a message that contains no part of the URL.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            # The message of urlsplit may quote a piece of a password.
            raise ValueError(_HELP) from None
        if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
            raise ValueError(_HELP)
        if parts.query or parts.fragment:
            msg = "a bus URL takes nothing after ? or #; write these characters as %3F and %23"
            raise ValueError(msg)
        path = parts.path[1:]
        if "@" in path or len(unquote(path).encode()) > _MAX_VHOST:
            # The first / ends the host: what follows may be the rest of a password.
            raise ValueError(_HELP)
        return cls(
            host=parts.hostname,
            port=port or _DEFAULT_PORTS[parts.scheme],
            vhost=unquote(path) or "/",
            user=unquote(parts.username or "guest"),
            password="guest" if parts.password is None else unquote(parts.password),
            tls=parts.scheme == "amqps",
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
        """Take one URL apart, several with semicolons between, or a list of them.

        Raises:
            ValueError: With a message that contains no part of any URL.
        """
        texts = urls.split(";") if isinstance(urls, str) else urls
        parsed = cls(BusUrl.parse(text.strip()) for text in texts)
        if not parsed:
            raise ValueError(_HELP)
        if len({url.tls for url in parsed}) > 1:
            msg = "the addresses of a bus are all amqp://, or all amqps://"
            raise ValueError(msg)
        return parsed

    @property
    def tls(self) -> bool:
        """Whether TLS is spoken, at all of them."""
        return self[0].tls

    def __str__(self) -> str:
        """Show the addresses without credentials."""
        return ";".join(map(str, self))


_MAX_VHOST = 255
"""Bytes that AMQP has for it."""

_HELP = "expected amqp://user:password@host:port/vhost or amqps://…, special characters as %XX"
