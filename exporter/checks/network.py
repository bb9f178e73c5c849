"""Checks whether a peer can be reached: its name, its port, and its certificate."""

from __future__ import annotations

import os
import socket
import ssl
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple, TypeVar

from exporter.checks.certificates import Certificate, read_certificate
from exporter.checks.report import Findings
from exporter.exposition.problems import one_line, tls_reason
from exporter.settings.address import Address

T = TypeVar("T")

CONNECT_SECONDS = 5.0
"""Time for each step, as the exporter has it for a connection."""

EXPIRY = timedelta(days=21)
"""Time before the end of a certificate from which on it is a warning."""

NAME, TCP, TLS = "name", "TCP", "TLS"


class Flags(NamedTuple):
    """How the settings of a peer are called, for what to do.

    Attributes:
        url: Names its host and its port.
        ca_file: Names the authorities.
        server_name: Names the name in the certificate.
        without_tls: How a URL without TLS begins, if the peer may be used without it.
    """

    url: str
    ca_file: str
    server_name: str
    without_tls: str


class Peer(NamedTuple):
    """A host and a port that the exporter connects to.

    Attributes:
        host: Name or address.
        port: Of TCP.
        flags: The settings that say so.
        has_tls: Whether the first bytes are those of TLS.
        server_name: The name that the certificate must have.
        ca_file: The authorities; None for those of the system.
        client: File with our certificate, and file with its key; None without.
    """

    host: str
    port: int
    flags: Flags
    has_tls: bool = False
    server_name: str = ""
    ca_file: Path | None = None
    client: tuple[Path, Path] | None = None

    @property
    def checks(self) -> tuple[str, ...]:
        """The checks of this peer."""
        return (NAME, TCP, TLS) if self.has_tls else (NAME, TCP)


def within(seconds: float, call: Callable[[], T]) -> T:
    """Return the result of what may block for long, such as a resolver.

    Raises:
        TimeoutError: It did not end in time. Its thread goes on, and does not keep the process.
        OSError: As the call raises it.
    """
    results: list[T] = []
    errors: list[OSError] = []

    def run() -> None:
        try:
            results.append(call())
        except OSError as error:
            errors.append(error)

    thread = threading.Thread(target=run, name="check-lookup", daemon=True)
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not results:
        raise TimeoutError
    return results[0]


def check_peer(peer: Peer, findings: Findings, now: float, of: str = "") -> bool:
    """Try to reach a peer; return whether that works.

    Args:
        peer: The peer.
        findings: Get what was found.
        now: Unix time in seconds.
        of: Follows the names of the checks, if a subject has several peers.
    """
    if not _is_resolved(peer, findings, of):
        return False
    try:
        connection = socket.create_connection((peer.host, peer.port), CONNECT_SECONDS)
    except OSError as error:
        findings.fail(TCP + of, _reason(error), _unreachable(peer, error))
        return False
    with connection:
        findings.good(TCP + of, f"connected to {_address(connection.getpeername())}")
        if peer.has_tls:
            return _has_tls(peer, connection, findings, now, of)
    return True


def _is_resolved(peer: Peer, findings: Findings, of: str) -> bool:
    try:
        found = within(
            CONNECT_SECONDS,
            lambda: socket.getaddrinfo(peer.host, peer.port, type=socket.SOCK_STREAM),
        )
    except OSError as error:
        name = one_line(peer.host)
        findings.fail(
            NAME + of,
            f"the host name {name} cannot be resolved: {_reason(error)}",
            f"check the host in {peer.flags.url}, and the DNS of this machine: getent hosts {name}",
        )
        return False
    addresses = dict.fromkeys(str(info[4][0]) for info in found)
    findings.good(NAME + of, f"{one_line(peer.host)} is {', '.join(addresses)}")
    return True


def _unreachable(peer: Peer, error: OSError) -> str:
    where = f"{one_line(peer.host)} {peer.port}"
    if isinstance(error, ConnectionRefusedError):
        return (
            f"check that the server runs and listens on this address, and the port in "
            f"{peer.flags.url}"
        )
    return (
        f"check firewalls and routes between this machine and the server, and the port in "
        f"{peer.flags.url}: nc -vz {where}"
    )


def _has_tls(
    peer: Peer, connection: socket.socket, findings: Findings, now: float, of: str
) -> bool:
    try:
        context = _context(peer)
    except OSError as error:
        # The files have been checked with the settings; they have changed since, or are not PEM.
        findings.fail(TLS + of, f"the certificates cannot be used: {_reason(error)}", "check them")
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
_REFUSES_US = ("CERTIFICATE_REQUIRED", "UNKNOWN_CA", "BAD_CERTIFICATE")


def _no_tls(peer: Peer, error: Exception) -> tuple[str, str]:
    """Return what went wrong in a handshake, and what to do."""
    reason = getattr(error, "reason", None) or ""
    if any(each in reason for each in _OTHER_PROTOCOL):
        return (
            "the server does not speak TLS on this port",
            f"write the port of TLS in {peer.flags.url}, or {peer.flags.without_tls}",
        )
    if any(each in reason for each in _REFUSES_US):
        return (
            f"the server refuses the client certificate ({one_line(reason)})",
            "set a client certificate that the server trusts",
        )
    advice = f"check the port in {peer.flags.url}, and the TLS settings of the server"
    return f"the handshake failed: {_reason(error)}", advice


def _reason(error: Exception) -> str:
    """Return in words why something failed."""
    if isinstance(error, TimeoutError):
        return f"no answer within {CONNECT_SECONDS:.0f} s"
    if isinstance(error, socket.gaierror):
        return one_line(error.strerror)
    if isinstance(error, ssl.SSLError):
        return tls_reason(error)
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno)
    return one_line(error) or type(error).__name__


def _address(name: tuple[str, int]) -> str:
    return str(Address(name[0], name[1]))
