"""TLS handshakes in memory, between a server's context and a client's."""

import shutil
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.support import missing
from tests.web.web_configs import DATA


@dataclass(frozen=True)
class Handshake:
    """A handshake that both sides finished."""

    server: ssl.SSLObject
    client: ssl.SSLObject


def handshake(
    server: ssl.SSLContext, client: ssl.SSLContext, session: ssl.SSLSession | None = None
) -> Handshake | None:
    """Shake hands and send a byte; None if either side refuses."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (
        client.wrap_bio(to_client, to_server, session=session),
        server.wrap_bio(to_server, to_client, server_side=True),
    )
    waiting = list(ends)
    try:
        for _ in range(10):
            for end in list(waiting):
                try:
                    end.do_handshake()
                    waiting.remove(end)
                except ssl.SSLWantReadError:
                    pass
        assert not waiting
        # A client of TLS 1.3 finishes before the server has seen its certificate.
        ends[1].write(b"x")
        ends[0].read(1)
    except ssl.SSLError:
        return None
    return Handshake(ends[1], ends[0])


def client_context(
    certificate: Path | None = None,
    *,
    version: ssl.TLSVersion | None = None,
    suites: str | None = None,
    curve: str | None = None,
) -> ssl.SSLContext:
    """A client that trusts every server."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if certificate is not None:
        context.load_cert_chain(certificate, certificate.with_suffix(".key"))
    if version is not None:
        context.minimum_version = context.maximum_version = version
    if suites is not None:
        context.set_ciphers(suites)
    if curve is not None:
        context.set_ecdh_curve(curve)
    return context


def self_signed(directory: Path, name: str, *options: str) -> Path:
    """Make a certificate that is its own authority, with a key beside it."""
    openssl = shutil.which("openssl")
    if openssl is None:
        missing("openssl", "apt-get install openssl")
    path = directory / f"{name}.pem"
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    files = ("-out", path, "-keyout", path.with_suffix(".key"))
    subprocess.run(
        [openssl, "req", "-x509", *curve, *files, "-subj", f"/CN={name}", "-days", "2", *options],
        check=True,
        capture_output=True,
        timeout=30,
    )
    return path


ONE, TWO = DATA / "client_selfsigned.pem", DATA / "client2_selfsigned.pem"
"""Clients' certificates, each its own authority; the second one has the name test3."""
