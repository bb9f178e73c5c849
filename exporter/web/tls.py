"""TLS for the web server: a context for each handshake, and who may stay after it."""

from __future__ import annotations

import contextlib
import hashlib
import ipaddress
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from exporter.clock import wall_clock
from exporter.web.tls_context import make_context
from exporter.web.tls_section import ClientAuth, TlsSection
from exporter.web.web_section import Pem

MAX_SESSIONS = 500
"""Handshakes with one context, and so sessions in its memory."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What a client's connection must fulfil: everything except the server's certificate."""

    client_auth: ClientAuth
    authorities: bytes = field(repr=False)
    allowed_sans: frozenset[str] | None
    min_version: ssl.TLSVersion
    max_version: ssl.TLSVersion
    suites: tuple[str, ...] | None
    prefers_own_suites: bool
    curve: str | None


class Tls:
    """TLS as a web configuration file describes it; it never changes.

    One thread asks for contexts.

    Args:
        make: Makes a context.
        rules: What a client must fulfil.
        clock: Unix time in seconds.

    Attributes:
        rules: Equal if a connection that was accepted under the one is acceptable under the other.
    """

    def __init__(
        self,
        make: Callable[[], ssl.SSLContext],
        rules: Rules,
        clock: Callable[[], float] = wall_clock,
    ) -> None:
        self._make = make
        self._context = make()
        self._handshakes = 0
        self.rules = rules
        self._clock = clock

    @property
    def requires_certificate(self) -> bool:
        """Whether each client needs a certificate."""
        return self.rules.client_auth is ClientAuth.REQUIRED or self._needs_name

    @property
    def context(self) -> ssl.SSLContext:
        """The context for the server's side of the next handshake: ask again for each.

        OpenSSL keeps the session of a client without tickets for hours, up to 20,000 of them with
        6 KiB each, and Python cannot forbid it. So they go with their context.
        """
        self._handshakes += 1
        if self._handshakes > MAX_SESSIONS:
            # Without free file descriptors, the old one still works.
            with contextlib.suppress(OSError):
                self._context = self._make()
                self._handshakes = 1
        return self._context

    def allows(self, connection: ssl.SSLObject | ssl.SSLSocket) -> bool:
        """Return whether a client may stay after its handshake.

        As in exporter-toolkit, a client without a certificate has no name, so it may not if names
        are listed.
        """
        if self.rules.client_auth is ClientAuth.NONE:
            return True
        try:
            certificate = connection.getpeercert()
            if not certificate:
                return not self._needs_name and self.rules.client_auth is ClientAuth.IF_GIVEN
            # A resumed session of TLS 1.2 does not check the certificate again.
            if ssl.cert_time_to_seconds(str(certificate["notAfter"])) < self._clock():
                return False
            return not self._needs_name or not self._allowed.isdisjoint(_names(certificate))
        except (KeyError, ValueError):
            return False  # The certificate is malformed.

    @property
    def _needs_name(self) -> bool:
        return self.rules.allowed_sans is not None

    @property
    def _allowed(self) -> frozenset[str]:
        return self.rules.allowed_sans or frozenset()


def make_tls(section: TlsSection, read: Callable[[Pem], bytes]) -> Tls:
    """Return TLS as a section describes it.

    Args:
        section: The section.
        read: Returns the content of what the section names.

    Raises:
        ContentError: Certificates or the key cannot be used.
        OSError: There are no free file descriptors, for example.
    """
    named = (section.certificate, section.key, section.client_ca)
    contents = {pem: read(pem) for pem in named if pem is not None}
    authorities = b"" if section.client_ca is None else contents[section.client_ca]
    rules = Rules(
        section.client_auth,
        hashlib.sha256(authorities).digest(),
        section.allowed_sans,
        section.min_version,
        section.max_version,
        section.suites,
        section.prefers_own_suites,
        section.curve,
    )
    return Tls(partial(make_context, section, contents), rules)


def _names(certificate: dict[str, Any]) -> Iterator[str]:
    """Return the subject's alternative names of a certificate, written as Go writes them."""
    for kind, name in certificate.get("subjectAltName", ()):
        if kind in ("DNS", "email", "URI"):
            yield name
        elif kind == "IP Address":
            address = ipaddress.ip_address(name.strip())
            mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
            yield str(mapped or address)
