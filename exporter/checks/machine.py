"""Checks what the exporter needs on this machine: its state directory, its port, its web server."""

from __future__ import annotations

import errno
import http.client
import ssl
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from exporter.checks.certificates import read_certificate
from exporter.checks.handshake import EXPIRY
from exporter.checks.peers import CONNECT_SECONDS
from exporter.checks.report import Findings
from exporter.engine.inspection import inspect
from exporter.engine.state_rules import StateDirError
from exporter.settings import Serving, Settings
from exporter.settings.address import Address
from exporter.settings.open_port import open_to_all
from exporter.settings.web_kinds import ClientAuth
from exporter.web.access import Access, read_access
from exporter.web.listening import listen_problem
from exporter.web.server import listen

STATE, WEB, ACCESS, PORT = "state directory", "web configuration", "access", "port"
CHECKS = (STATE, WEB, ACCESS, PORT)

_ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 -- looked up
"""Addresses that stand for all, and where to ask then."""


def check_machine(
    settings: Settings, process: int, clock: Callable[[], float], findings: Findings
) -> None:
    """Check the machine; nothing is changed on it.

    Args:
        settings: All of them.
        process: Number of this process in a cluster.
        clock: Unix time in seconds.
        findings: Get what was found.
    """
    _check_state(settings, process, findings)
    access = _check_web(settings.web_config_file, clock(), findings)
    if access is None:
        findings.skip(ACCESS, f"{WEB} must work first")
    else:
        _check_access(settings, access, findings)
    _check_port(settings, access, findings)


def _check_state(settings: Settings, process: int, findings: Findings) -> None:
    if settings.state_dir is None:
        findings.good(STATE, "none is set, so state is not kept over a restart")
        return
    try:
        found = inspect(settings.state_dir, process, discard=settings.discard_state)
    except StateDirError as error:
        advice = (
            "correct it, or set --state-dir to another directory; run the check as the exporter's "
            "user, such as with sudo -u xivo-exporter"
        )
        findings.fail(STATE, str(error), advice)
        return
    if found.advice:
        findings.warn(STATE, found.detail, found.advice)
    else:
        findings.good(STATE, found.detail)


def _check_web(path: Path | None, now: float, findings: Findings) -> Access | None:
    """Return what the web configuration file says; None if it cannot be used."""
    if path is None:
        findings.good(WEB, "none is set")
        return Access()
    try:
        access = read_access(path)
    except ValueError as error:
        findings.fail(WEB, str(error), "correct the file; docs/access.md explains its keys")
        return None
    if access.tls is None:
        findings.good(WEB, "it can be used; it sets no TLS")
        return access
    ends = _end_of(access.tls.certificate)
    if ends is not None and (left := ends - datetime.fromtimestamp(now, UTC)) < EXPIRY:
        said = f"the certificate of the web server ends on {ends:%Y-%m-%d}"
        advice = "renew the certificate; a changed file needs no restart"
        if left.total_seconds() < 0:
            findings.fail(WEB, said.replace("ends", "ended"), advice)
        else:
            findings.warn(WEB, said, advice)
    else:
        until = "" if ends is None else f"; its certificate is valid until {ends:%Y-%m-%d}"
        findings.good(WEB, f"it can be used, with TLS{until}")
    return access


def _end_of(pem: bytes) -> datetime | None:
    """Return when the first certificate ends; None if that cannot be read."""
    certificate = read_certificate(_first_of(pem))
    return None if certificate is None else certificate.ends


def _first_of(pem: bytes) -> bytes:
    """Return the first certificate in DER; empty if there is none."""
    begin, end = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"
    first = pem[pem.find(begin) :].partition(end)[0] + end
    with suppress(ValueError):
        return ssl.PEM_cert_to_DER_cert(first.decode("ascii"))
    return b""


def _check_access(settings: Settings, access: Access, findings: Findings) -> None:
    has_certificates = access.tls is not None and access.tls.requires_certificate
    is_open = open_to_all(
        settings.listen,
        has_users=bool(access.users),
        has_client_certificates=has_certificates,
        may_reload=settings.web_allow_reload,
    )
    if is_open is not None:
        advice = "set users in a web configuration file, or --listen 127.0.0.1:10495"
        findings.warn(ACCESS, is_open["event"], advice)
    elif access.users or has_certificates:
        findings.good(ACCESS, "clients need a user or a certificate")
    else:
        findings.good(ACCESS, f"only who reaches {settings.listen} can read the metrics")


def _check_port(settings: Serving, access: Access | None, findings: Findings) -> None:
    address = settings.listen
    try:
        listen(address.host, address.port, 1).close()
    except OSError as error:
        problem = str(listen_problem(error).strerror)
        if error.errno == errno.EADDRINUSE and _is_ours(address, access):
            findings.warn(
                PORT,
                f"an exporter listens on {address} now",
                "nothing, if it is this one and runs; otherwise choose another port with --listen",
            )
        else:
            said, _, advice = problem.partition("; ")
            findings.fail(PORT, said, advice or "set --listen to an address of this machine")
        return
    findings.good(PORT, f"{address} is free")


def _is_ours(address: Address, access: Access | None) -> bool:
    """Return whether a xivo-exporter listens on an address."""
    host = _ANYWHERE.get(address.host, address.host)
    # The file may have changed since that exporter started, so both are tried.
    schemes = (True, False) if access is None or access.tls is not None else (False, True)
    # One that asks for a client's certificate answers nothing, and shows its own.
    tls = None if access is None else access.tls
    asks = tls is not None and tls.rules.client_auth is not ClientAuth.NONE
    own = _first_of(tls.certificate) if tls is not None and asks else b""
    return any(_answers(host, address.port, own, has_tls=has_tls) for has_tls in schemes)


def _answers(host: str, port: int, own: bytes, *, has_tls: bool) -> bool:
    connection: http.client.HTTPConnection
    if has_tls:
        # Nothing secret is sent, and what is read decides nothing but a word of this report.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection = http.client.HTTPSConnection(
            host, port, timeout=CONNECT_SECONDS, context=context
        )
    else:
        connection = http.client.HTTPConnection(host, port, timeout=CONNECT_SECONDS)
    try:
        connection.connect()
        shown = connection.sock
        if own and isinstance(shown, ssl.SSLSocket) and shown.getpeercert(binary_form=True) == own:
            return True
        connection.request("GET", "/-/healthy")
        response = connection.getresponse()
        challenge = response.getheader("WWW-Authenticate", "")
        return response.read(_HEALTHY_BYTES) == b"Healthy.\n" or _REALM in challenge
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


_HEALTHY_BYTES = 10
_REALM = 'realm="xivo-exporter"'
