"""Makes the context for the server's side of TLS."""

from __future__ import annotations

import contextlib
import os
import re
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field

from exporter.settings.web_kinds import ClientAuth

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
class Pem:
    """Certificates or a key.

    Attributes:
        place: Where the file says it: `tls_server_config.cert_file`.
    """

    place: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class TlsRules:
    """What a client's connection must fulfil: everything except the server's certificate.

    Attributes:
        client_auth: Which clients may connect.
        authorities: Of their certificates; None for those of the system.
        allowed_sans: Names of which a client's certificate must have one; None for any name.
        min_version: The lowest version.
        max_version: The highest version.
        suites: OpenSSL's names of the cipher suites for TLS 1.2; empty for the usual ones.
        prefers_own_suites: Whether the order of the server's suites counts, not the client's.
        curve: OpenSSL's name of the only curve; None for the usual ones.
    """

    client_auth: ClientAuth
    authorities: Pem | None
    allowed_sans: frozenset[str] | None
    min_version: ssl.TLSVersion
    max_version: ssl.TLSVersion
    suites: tuple[str, ...]
    prefers_own_suites: bool
    curve: str | None


def make_context(rules: TlsRules, certificate: Pem, key: Pem) -> ssl.SSLContext:
    """Return a context for handshakes.

    Args:
        rules: What a client must fulfil.
        certificate: The server's certificate, and those that lead to its authority.
        key: Its private key.

    Raises:
        ValueError: Certificates or the key cannot be used.
        OSError: There are no free file descriptors, for example.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["http/1.1"])
    # A client could otherwise make the server compute without end on one connection.
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    # A client that resumes a session is not asked for its certificate again.
    context.num_tickets = 0
    context.minimum_version, context.maximum_version = rules.min_version, rules.max_version
    if rules.suites:
        context.set_ciphers(":".join(rules.suites))
    if not rules.prefers_own_suites:
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    if rules.curve is not None:
        context.set_ecdh_curve(rules.curve)
    _load_own(context, certificate, key)
    if rules.client_auth is not ClientAuth.NONE:
        is_required = rules.client_auth is ClientAuth.REQUIRED
        context.verify_mode = ssl.CERT_REQUIRED if is_required else ssl.CERT_OPTIONAL
        # As in Go, each certificate in the file is trusted, also one that another has signed.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        if rules.authorities is None:
            context.load_default_certs(ssl.Purpose.CLIENT_AUTH)
        else:
            _load_authorities(context, rules.authorities)
    return context


def _load_own(context: ssl.SSLContext, certificate: Pem, key: Pem) -> None:
    if not _CERTIFICATE.search(certificate.content):
        msg = f"{certificate.place} has no certificate in PEM"
        raise ValueError(msg)
    if not _KEY.search(key.content):
        encrypted = b"-----BEGIN ENCRYPTED PRIVATE KEY-----" in key.content
        msg = _ENCRYPTED if encrypted else f"{key.place} has no private key in PEM"
        raise ValueError(msg)
    with _as_file(certificate.content) as certificate_path, _as_file(key.content) as key_path:
        try:
            context.load_cert_chain(certificate_path, key_path, password=_no_pass_phrase)
        except ssl.SSLError as error:
            msg = f"{certificate.place} and {key.place} cannot be used: {_reason(error)}"
            raise ValueError(msg) from error


def _load_authorities(context: ssl.SSLContext, authorities: Pem) -> None:
    # Comments between them may have any encoding.
    found = b"\n".join(_CERTIFICATE.findall(authorities.content))
    if not found:
        msg = f"{authorities.place} has no certificate in PEM"
        raise ValueError(msg)
    try:
        context.load_verify_locations(cadata=found.decode("ascii"))
    except (ssl.SSLError, UnicodeDecodeError) as error:
        msg = f"{authorities.place} has a certificate that cannot be used: {_reason(error)}"
        raise ValueError(msg) from error


_ENCRYPTED = "the key is encrypted: write it into the file without a pass phrase"


def _no_pass_phrase() -> str:
    # OpenSSL would ask for it on the terminal, and wait for ever.
    raise ValueError(_ENCRYPTED)


def _reason(error: ssl.SSLError | UnicodeDecodeError) -> str:
    code = error.reason or "not PEM"
    return _REASONS.get(code, code.lower().replace("_", " "))


@contextlib.contextmanager
def _as_file(content: bytes) -> Iterator[str]:
    """Give content a path in memory: `ssl` takes certificates and keys only from files."""
    with open(os.memfd_create("pem"), "wb") as file:
        file.write(content)
        file.flush()
        yield f"/proc/self/fd/{file.fileno()}"
