"""The server's side of TLS: what a handshake must fulfil, as `ssl` understands it."""

from __future__ import annotations

import contextlib
import hashlib
import ipaddress
import os
import re
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from exporter.clock import wall_clock
from exporter.web.tls_section import ClientAuth, TlsSection
from exporter.web.web_section import Pem
from exporter.web.yaml_tree import ContentError

_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----")
_KEY = re.compile(rb"-----BEGIN ([A-Z0-9]+ )?PRIVATE KEY-----")

_NO_PAIR = "the key does not belong to the certificate"
_REASONS = {
    "KEY_VALUES_MISMATCH": _NO_PAIR,
    "KEY_TYPE_MISMATCH": _NO_PAIR,
    # What OpenSSL says of a certificate with RSA and a key without.
    "NO_CERTIFICATE_ASSIGNED": _NO_PAIR,
    "EE_KEY_TOO_SMALL": "the key is too short",
    "CA_KEY_TOO_SMALL": "the key of an authority is too short",
    "CA_MD_TOO_WEAK": "the certificate is signed with an old hash function",
}


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

    Attributes:
        context: For the server's side of a handshake.
        rules: Equal if a connection that was accepted under the one is acceptable under the other.
    """

    def __init__(
        self, context: ssl.SSLContext, rules: Rules, clock: Callable[[], float] = wall_clock
    ) -> None:
        self.context = context
        self.rules = rules
        self._clock = clock

    @property
    def requires_certificate(self) -> bool:
        """Whether each client needs a certificate."""
        return self.rules.client_auth is ClientAuth.REQUIRED or self._needs_name

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
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["http/1.1"])
    # A client could otherwise make the server compute without end on one connection.
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    # A client that resumes a session is not asked for its certificate again.
    context.num_tickets = 0
    context.minimum_version, context.maximum_version = section.min_version, section.max_version
    if section.suites is not None:
        context.set_ciphers(":".join(section.suites))
    if not section.prefers_own_suites:
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    if section.curve is not None:
        context.set_ecdh_curve(section.curve)
    _load_own(context, section, read)
    authorities = _load_authorities(context, section, read)
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
    return Tls(context, rules)


def _load_own(context: ssl.SSLContext, section: TlsSection, read: Callable[[Pem], bytes]) -> None:
    certificate, key = read(section.certificate), read(section.key)
    line = section.certificate.line
    if not _CERTIFICATE.search(certificate):
        problem = f"{section.certificate.key} has no certificate in PEM"
        raise ContentError(problem, line)
    if not _KEY.search(key):
        encrypted = b"-----BEGIN ENCRYPTED PRIVATE KEY-----" in key
        problem = _ENCRYPTED if encrypted else f"{section.key.key} has no private key in PEM"
        raise ContentError(problem, section.key.line)
    with _as_file(certificate) as certificate_path, _as_file(key) as key_path:
        try:
            context.load_cert_chain(certificate_path, key_path, password=_no_pass_phrase)
        except _EncryptedError:
            problem = _ENCRYPTED
        except ssl.SSLError as error:
            problem = f"the certificate and the key cannot be used: {_reason(error)}"
        else:
            return
    # Outside of the except clauses: the context of an exception keeps what was read.
    raise ContentError(problem, line)


def _load_authorities(
    context: ssl.SSLContext, section: TlsSection, read: Callable[[Pem], bytes]
) -> bytes:
    """Set which client certificates are accepted, and return the authorities for a comparison."""
    if section.client_auth is ClientAuth.NONE:
        return b""
    is_required = section.client_auth is ClientAuth.REQUIRED
    context.verify_mode = ssl.CERT_REQUIRED if is_required else ssl.CERT_OPTIONAL
    # As in Go, each certificate in the file is trusted, also one that another authority has signed.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    if section.client_ca is None:
        context.load_default_certs(ssl.Purpose.CLIENT_AUTH)
        return b"system"
    # Comments between them may have any encoding.
    found = b"\n".join(_CERTIFICATE.findall(read(section.client_ca)))
    problem = f"{section.client_ca.key} has no certificate in PEM"
    if found:
        try:
            context.load_verify_locations(cadata=found.decode("ascii"))
            return found
        except (ssl.SSLError, ValueError) as error:
            reason = _reason(error) if isinstance(error, ssl.SSLError) else "not PEM"
            problem = f"{section.client_ca.key} has a certificate that cannot be used: {reason}"
    raise ContentError(problem, section.client_ca.line)


_ENCRYPTED = "the key is encrypted: write it into the file without a pass phrase"


class _EncryptedError(Exception):
    pass


def _no_pass_phrase() -> str:
    # OpenSSL would ask for it on the terminal, and wait for ever.
    raise _EncryptedError


def _reason(error: ssl.SSLError) -> str:
    code = error.reason or "not PEM"
    return _REASONS.get(code, code.lower().replace("_", " "))


@contextlib.contextmanager
def _as_file(content: bytes) -> Iterator[str]:
    """Give content a path in memory: `ssl` takes certificates and keys only from files."""
    descriptor = os.memfd_create("pem")
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(content)
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)


def _names(certificate: dict[str, Any]) -> Iterator[str]:
    """Return the subject's alternative names of a certificate, written as Go writes them."""
    for kind, name in certificate.get("subjectAltName", ()):
        if kind in ("DNS", "email", "URI"):
            yield name
        elif kind == "IP Address":
            address = ipaddress.ip_address(name.strip())
            mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
            yield str(mapped or address)
