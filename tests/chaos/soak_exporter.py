"""The exporter of the soak: with TLS, a password, several buses, and all that costs memory."""

from __future__ import annotations

import base64
import json
import os
import ssl
from collections.abc import Mapping, Sequence
from http.client import HTTPSConnection
from pathlib import Path

import bcrypt

from tests.certificates import make_certificates
from tests.program import PROGRAM, Answer, Exporter

USER, PASSWORD = "prometheus", "right"

_COST = 4
"""Of the hash of the password: the lowest."""

INSTANCE = "soak"

_SETTINGS = {
    "instance": INSTANCE,
    "listen": "127.0.0.1:0",
    "details": ["agents", "endpoints", "lines"],
    "windows": "1m,5m,today",
}


class SecureExporter(Exporter):
    """The program, which only talks TLS, and only to those who know the password.

    Args:
        folder: For its files.
        buses: The settings of each bus.

    Attributes:
        state: The state directory.
        context: Trusts its certificate.
        authorization: The header for its user.
        client: Settings with which Prometheus scrapes it.
    """

    def __init__(self, folder: Path, buses: Sequence[Mapping[str, object]]) -> None:
        certificates = make_certificates(folder)
        self.state = folder / "state"
        self.context = ssl.create_default_context(cafile=f"{certificates.ca}")
        credentials = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        self.authorization = f"Basic {credentials}"
        self.client: Mapping[str, object] = {
            "scheme": "https",
            "tls_config": {"ca_file": f"{certificates.ca}", "server_name": "localhost"},
            "basic_auth": {"username": USER, "password": PASSWORD},
        }
        web = folder / "web.yml"
        hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(_COST)).decode()
        server = {
            "cert_file": f"{certificates.server}",
            "key_file": f"{certificates.server_key}",
        }
        # JSON is YAML.
        web.write_text(
            json.dumps({"tls_server_config": server, "basic_auth_users": {USER: hashed}})
        )
        config = folder / "config.toml"
        of_all = {**_SETTINGS, "state_dir": f"{self.state}", "web_config_file": f"{web}"}
        lines = _lines(of_all)
        for bus in buses:
            lines += ["[[buses]]", *_lines(bus)]
        config.write_text("\n".join([*lines, ""]))
        config.chmod(0o600)
        super().__init__(folder, "--config", f"{config}", program=(*PROGRAM, "run"))

    def get(
        self, path: str, headers: Mapping[str, str] | None = None, timeout: float = 60
    ) -> Answer:
        """Request a page, with the password."""
        return super().get(path, {"Authorization": self.authorization, **(headers or {})}, timeout)

    def _connection(self, timeout: float) -> HTTPSConnection:
        _, port = self.address
        return HTTPSConnection("localhost", port, timeout=timeout, context=self.context)

    def descriptors(self) -> int:
        """Return how many files and connections are open."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def threads(self) -> int:
        """Return how many threads there are."""
        return len(os.listdir(f"/proc/{self.pid}/task"))


def _lines(settings: Mapping[str, object]) -> list[str]:
    # JSON is TOML, for texts, numbers and lists of them.
    return [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
