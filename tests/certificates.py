"""Certificates made for one test run by the openssl program; nobody else ever trusts them."""

import shutil
import subprocess
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from tests.support import missing

# Key usages and key identifiers are required by Python 3.13's strict verification.
_CONFIG = """\
[req]
distinguished_name = name
prompt = no
[name]
CN = overridden by -subj
[ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = DNS:localhost, IP:127.0.0.1
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[client]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""


@dataclass(frozen=True)
class Certificates:
    """PEM files: an authority, a server at localhost and 127.0.0.1, and a client."""

    ca: Path
    server: Path
    server_key: Path
    client: Path
    client_key: Path


def make_certificates(directory: Path) -> Certificates:
    """Make an authority and what it signs; each call makes one that nobody else trusts."""
    openssl = shutil.which("openssl")
    if openssl is None:
        missing("openssl", "apt-get install openssl")
    config = directory / "openssl.cnf"
    config.write_text(_CONFIG)
    ca, ca_key = directory / "ca.pem", directory / "ca.key"

    def run(*arguments: str | Path) -> None:
        done = subprocess.run(
            [openssl, *arguments],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    def request(name: str, key: Path, out: Path, *arguments: str | Path) -> None:
        new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
        subject = ("-subj", f"/CN={name}", "-config", config)
        run("req", "-new", *new_key, "-keyout", key, "-out", out, *subject, *arguments)

    def signed(name: str, extensions: str) -> tuple[Path, Path]:
        key, asked = directory / f"{extensions}.key", directory / f"{extensions}.csr"
        certificate = directory / f"{extensions}.pem"
        request(name, key, asked)
        signer = ("-CA", ca, "-CAkey", ca_key, "-CAcreateserial", "-days", "2")
        described = ("-extfile", config, "-extensions", extensions)
        run("x509", "-req", "-in", asked, "-out", certificate, *signer, *described)
        return certificate, key

    request("test authority", ca_key, ca, "-x509", "-days", "2", "-extensions", "ca")
    server, server_key = signed("localhost", "server")
    client, client_key = signed("exporter", "client")
    return Certificates(ca, server, server_key, client, client_key)


_DATES = """\
[ca]
default_ca = dated
[dated]
database = {folder}/index.txt
new_certs_dir = {folder}
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
"""


def dated(certificates: Certificates, begins: datetime, ends: datetime) -> Certificates:
    """Return the same with another certificate of the server, which is valid for this time only."""
    folder = certificates.ca.parent
    out = folder / f"server-until-{ends:%Y%m%d%H%M%S}.pem"
    config = folder / "dated.cnf"
    config.write_text(_DATES.format(folder=folder) + _CONFIG.replace("[ca]\n", "[authority]\n"))
    (folder / "index.txt").write_text("")
    done = subprocess.run(
        [
            *("openssl", "ca", "-batch", "-config", config, "-extensions", "server", "-notext"),
            *("-cert", certificates.ca, "-keyfile", folder / "ca.key"),
            *("-in", folder / "server.csr", "-out", out),
            *("-startdate", f"{begins:%Y%m%d%H%M%SZ}", "-enddate", f"{ends:%Y%m%d%H%M%SZ}"),
        ],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return replace(certificates, server=out)
