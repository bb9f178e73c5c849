"""Checks TLS with a peer, and its certificate."""

from __future__ import annotations

import socket
import ssl
from datetime import UTC, datetime, timedelta

from exporter.checks.certificates import Certificate, read_certificate
from exporter.checks.peers import CONNECT_SECONDS, TLS, Peer, reason
from exporter.checks.report import Findings
from exporter.exposition.problems import one_line

EXPIRY = timedelta(days=21)
"""Time before the end of a certificate from which on it is a warning."""


def check_tls(
    peer: Peer, connection: socket.socket, findings: Findings, now: float, of: str
) -> bool:
    """Shake hands with a peer; return whether its certificate is trusted.

    Args:
        peer: The peer.
        connection: Is open.
        findings: Get what was found.
        now: Unix time in seconds.
        of: Follows the name of the check.
    """
    try:
        context = _context(peer)
    except OSError as error:
        # The files have been checked with the settings; they have changed since, or are not PEM.
        findings.fail(TLS + of, f"the certificates cannot be used: {reason(error)}", "check them")
        return False
    try:
        with context.wrap_socket(connection, server_hostname=peer.server_name) as secured:
            der, version = secured.getpeercert(binary_form=True), secured.version()
    except ssl.SSLCertVerificationError as error:
        _tell_untrusted(peer, error, findings, of)
        return False
    except (OSError, ValueError) as error:
        findings.fail(TLS + of, *_no_tls(peer, error))
        return False
    _tell_expiry(read_certificate(der or b""), str(version), findings, now, of)
    return True


def _context(peer: Peer) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if peer.ca_file is None:
        context.load_default_certs()
    else:
        context.load_verify_locations(peer.ca_file)
    if peer.client is not None:
        context.load_cert_chain(*peer.client)
    return context


def _tell_expiry(
    certificate: Certificate | None, version: str, findings: Findings, now: float, of: str
) -> None:
    if certificate is None:
        findings.good(TLS + of, f"{version}; the certificate is trusted")
        return
    left = certificate.ends - datetime.fromtimestamp(now, UTC)
    said = f"{version}; the certificate is trusted, and valid until {certificate.ends:%Y-%m-%d}"
    if left < EXPIRY:
        advice = "renew the certificate of the server; after that day, the exporter refuses it"
        days = f"{left.days} day{'' if left.days == 1 else 's'}"
        findings.warn(TLS + of, f"{said}: it ends in {days}", advice)
    else:
        findings.good(TLS + of, said)


_HAS_EXPIRED, _NOT_YET_VALID = 10, 9
_WRONG_NAME, _WRONG_ADDRESS = 62, 64
"""Codes of OpenSSL's verification."""


def _tell_untrusted(
    peer: Peer, error: ssl.SSLCertVerificationError, findings: Findings, of: str
) -> None:
    said = f"the certificate is not trusted ({one_line(error.verify_message)})"
    certificate = _unverified(peer)
    match error.verify_code:
        case code if code in (_HAS_EXPIRED, _NOT_YET_VALID):
            if certificate is not None:
                begin, end = certificate.begins, certificate.ends
                said += f": it is valid from {begin:%Y-%m-%d} to {end:%Y-%m-%d}"
            advice = "renew the certificate of the server, or correct the clock of this machine"
        case code if code in (_WRONG_NAME, _WRONG_ADDRESS):
            if certificate is not None and certificate.names:
                said += f": it is valid for {one_line(', '.join(certificate.names))}"
            advice = (
                f"write a name of the certificate in {peer.flags.url}, or set "
                f"{peer.flags.server_name} to it"
            )
        case _:
            advice = (
                f"set {peer.flags.ca_file} to a file with the certificate of the authority that "
                "has signed it, or with the certificate itself if it is self-signed"
            )
    findings.fail(TLS + of, said, advice)


def _unverified(peer: Peer) -> Certificate | None:
    """Return the certificate of a peer, to say what it is; nothing is sent to the peer."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with (
            socket.create_connection((peer.host, peer.port), CONNECT_SECONDS) as connection,
            context.wrap_socket(connection, server_hostname=peer.server_name) as secured,
        ):
            return read_certificate(secured.getpeercert(binary_form=True) or b"")
    except (OSError, ValueError):
        return None


_OTHER_PROTOCOL = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE")
_OTHER_VERSION = ("PROTOCOL_VERSION", "UNSUPPORTED_PROTOCOL")
_REFUSES_US = ("CERTIFICATE_REQUIRED", "UNKNOWN_CA", "BAD_CERTIFICATE")


def _no_tls(peer: Peer, error: Exception) -> tuple[str, str]:
    """Return what went wrong in a handshake, and what to do."""
    named = getattr(error, "reason", None) or ""
    if any(each in named for each in _OTHER_PROTOCOL):
        return (
            "the server does not speak TLS on this port",
            f"write the port of TLS in {peer.flags.url}, or {peer.flags.without_tls}",
        )
    if any(each in named for each in _REFUSES_US):
        return (
            f"the server refuses the client certificate ({one_line(named)})",
            "set a client certificate that the server trusts",
        )
    if any(each in named for each in _OTHER_VERSION):
        return (
            f"the server has no version of TLS that this machine accepts ({one_line(named)})",
            "let the server use TLS 1.2 or 1.3",
        )
    advice = (
        f"check the port in {peer.flags.url}, and the TLS settings of the server, which may ask "
        "for a client certificate"
    )
    return f"the handshake failed: {reason(error)}", advice
