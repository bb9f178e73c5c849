"""TLS for the web server: a context for each handshake, and who may stay after it."""

from __future__ import annotations

import contextlib
import ipaddress
import ssl
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from exporter.clock import wall_clock
from exporter.settings.tls_names import CURVES
from exporter.settings.web_config import TlsSection
from exporter.settings.web_kinds import ClientAuth
from exporter.web.tls_context import Pem, TlsRules, make_context

MAX_SESSIONS = 500
"""Handshakes with one context, and so sessions in its memory."""


class Tls:
    """TLS as a web configuration file describes it; it never changes.

    One thread asks for contexts.

    Args:
        make: Makes a context.
        rules: What a client must fulfil.
        certificate: In PEM, that of the server and those that lead to its authority.
        clock: Unix time in seconds.

    Attributes:
        certificate: As given.
        rules: Equal if a connection that was accepted under the one is acceptable under the other.
    """

    def __init__(
        self,
        make: Callable[[], ssl.SSLContext],
        rules: TlsRules,
        certificate: bytes = b"",
        clock: Callable[[], float] = wall_clock,
    ) -> None:
        self._make = make
        self._context = make()
        self._handshakes = 0
        self.rules = rules
        self.certificate = certificate
        self._clock = clock

    @property
    def requires_certificate(self) -> bool:
        """Whether each client needs a certificate."""
        is_required = self.rules.client_auth is ClientAuth.REQUIRED
        return is_required or self.rules.allowed_sans is not None

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
                return not self.requires_certificate
            # A resumed session of TLS 1.2 does not check the certificate again.
            if ssl.cert_time_to_seconds(str(certificate["notAfter"])) < self._clock():
                return False
            allowed = self.rules.allowed_sans
            return allowed is None or not allowed.isdisjoint(_names(certificate))
        except (KeyError, ValueError):
            return False  # The certificate is malformed.


def make_tls(section: TlsSection, read: Callable[[str], bytes]) -> Tls:
    """Return TLS as a section describes it.

    Args:
        section: The section.
        read: Returns the content of a file.

    Raises:
        ValueError: Certificates or the key cannot be used.
        OSError: There are no free file descriptors, for example.
    """
    certificate, key = (_pem(section, name, read) for name in ("cert", "key"))
    assert certificate is not None
    assert key is not None
    sans, curves = section.client_allowed_sans, section.curve_preferences
    rules = TlsRules(
        section.client_auth_type or ClientAuth.NONE,
        _pem(section, "client_ca", read),
        None if sans is None else frozenset(sans),
        *section.versions,
        section.suites,
        section.prefer_server_cipher_suites is not False,
        CURVES[curves[0]] if curves else None,
    )
    return Tls(partial(make_context, rules, certificate, key), rules, certificate.content)


def _pem(section: TlsSection, key: str, read: Callable[[str], bytes]) -> Pem | None:
    """Return the content of a file, or else a text of the same meaning; None without both."""
    place = f"tls_server_config.{key}"
    if path := getattr(section, f"{key}_file"):
        try:
            return Pem(f"{place}_file", read(path))
        except ValueError as error:
            msg = f"{place}_file: the file {error}"
            raise ValueError(msg) from error
    text = getattr(section, key)
    return Pem(place, text.encode()) if text else None


def _names(certificate: dict[str, Any]) -> Iterator[str]:
    """Return the subject's alternative names of a certificate, written as Go writes them."""
    for kind, name in certificate.get("subjectAltName", ()):
        if kind in ("DNS", "email", "URI"):
            yield name
        elif kind == "IP Address":
            address = ipaddress.ip_address(name.strip())
            mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
            yield str(mapped or address)
