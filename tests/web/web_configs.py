"""Web configuration files for the tests: those of exporter-toolkit, random ones, and a peer."""

import contextlib
import json
import os
import shutil
import socket
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from exporter.settings.tls_names import SUITES, SUITES_OF_TLS13
from exporter.web.access import Access, read_access
from tests.support import ProcessGroup, eventually, free_port, missing

DATA = Path(__file__).parent / "web_config"

PASSWORD = "correct horse"
HASH = "$2b$04$C9bevRmSgsPpavh1RdU54ecn7dfHT69P.QHwW.sxCQZdvQO8eWHYK"
"""Of the password, at the lowest cost."""

NEWER = ("cert:", "key:", "client_ca:", "client_allowed_sans:", "rate_limit:")
"""Keys that exporter-toolkit got after Debian 12's node exporter was built."""

DIFFERENCES = (
    "would accept certificates without checking them",
    "this server has no HTTP/2",
    "limited to one curve",
    "is not safe: write",
    "need `client_auth_type:",
    "nobody could connect",
    "tls_server_config: needs cert",
    "has no certificate in PEM",
    "interval: must be a time",
    "burst: must be a whole number",
    "is not a regular file",
    "a line break, or a character",
    "has a colon or a control character",
    "has no bcrypt hash",
)
"""Messages about what exporter-toolkit accepts: docs/access.md lists all of it."""


class Peer:
    """Debian's node exporter, which says by its end that a file is bad."""

    def __init__(self, directory: Path) -> None:
        program = shutil.which("prometheus-node-exporter")
        if program is None:
            missing("prometheus-node-exporter", "apt-get install prometheus-node-exporter")
        self._program = program
        self._port = free_port()
        self._log = directory / "peer.log"
        self._group = ProcessGroup(directory)

    def close(self) -> None:
        self._group.close()

    def accepts(self, path: Path) -> bool:
        """Whether it serves with this file, and does not end instead."""
        process = self._group.spawn(
            [
                self._program,
                f"--web.listen-address=127.0.0.1:{self._port}",
                f"--web.config.file={path}",
                "--collector.disable-defaults",
                "--collector.time",
            ],
            env=os.environ,
            stdout=self._log,
        )
        try:
            eventually(
                lambda: process.poll() is not None or self._answers(), interval=0.01, timeout=30
            )
            return process.poll() is None
        finally:
            process.kill()
            process.wait()

    def _answers(self) -> bool:
        # It listens before it has read the file. With TLS, it answers too, that this is not TLS.
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", self._port), timeout=1) as client,
        ):
            client.sendall(b"GET / HTTP/1.0\r\n\r\n")
            return bool(client.recv(1))
        return False


def verdict(path: Path) -> tuple[Access | None, str]:
    """What we say to a file: what it means, or the problem."""
    try:
        return read_access(path), ""
    except ValueError as error:
        return None, str(error)


def text_of(config: dict[str, Any]) -> str:
    """A configuration as YAML: each value as JSON, which is YAML too."""
    lines = []
    for section, entries in config.items():
        lines.append(f"{section}:")
        for key, value in entries.items():
            is_raw = isinstance(value, Raw)
            lines.append(f"  {key if section != 'basic_auth_users' else json.dumps(key)}: ")
            lines[-1] += value if is_raw else json.dumps(value)
    return "\n".join(lines) + "\n"


class Raw(str):
    """A value that is written without quotes."""


def _mostly(good: list[Any], bad: list[Any]) -> st.SearchStrategy[Any]:
    return st.sampled_from([*good * (1 + 4 * len(bad) // len(good)), *bad])


_PEM = {name: (DATA / name).read_text() for name in ("server.crt", "server.key")}
_AUTHORITY = (DATA / "client_selfsigned.pem").read_text()

_CURVES = ["CurveP256", "CurveP384", "CurveP521", "X25519"]
_TLS: dict[str, st.SearchStrategy[Any]] = {
    "cert_file": _mostly(["server.crt"], ["somefile", "", Raw("null"), "server.key"]),
    "key_file": _mostly(["server.key"], ["somefile", "", Raw("~"), "client_selfsigned.key"]),
    "cert": _mostly([_PEM["server.crt"]], ["", "-----BEGIN CERTIFICATE-----\nx"]),
    "key": _mostly([_PEM["server.key"]], [""]),
    "client_auth_type": _mostly(
        ["NoClientCert", "VerifyClientCertIfGiven", "RequireAndVerifyClientCert"],
        ["", "RequestClientCert", "RequireAnyClientCert", "RequireClientCert", "requireany"],
    ),
    "client_ca_file": _mostly(
        ["client_selfsigned.pem", "client2_selfsigned.pem"], ["somefile", "", "/dev/null"]
    ),
    "client_ca": _mostly([_AUTHORITY], ["", "no certificate"]),
    "client_allowed_sans": st.lists(st.sampled_from(["test3", "localhost", "x"]), max_size=2),
    "min_version": _mostly(["TLS12", "TLS13", Raw("null")], ["TLS10", "TLS11", "TLS9", ""]),
    "max_version": _mostly(["TLS12", "TLS13"], ["TLS10", "TLS111"]),
    "cipher_suites": st.one_of(
        st.lists(st.sampled_from([*SUITES, *SUITES_OF_TLS13]), max_size=6),
        st.lists(st.sampled_from([*SUITES, "TLS_NULL", ""]), max_size=3),
        st.just("TLS_AES_128_GCM_SHA256"),
    ),
    "prefer_server_cipher_suites": _mostly([True, False, Raw("yes"), Raw("Off")], ["true", "x"]),
    "curve_preferences": st.one_of(
        st.lists(st.sampled_from(_CURVES), max_size=1),
        st.lists(st.sampled_from([*_CURVES, "CurveP257"]), max_size=3),
    ),
}
_HEADERS: dict[str, st.SearchStrategy[Any]] = {
    "X-Frame-Options": _mostly(["deny", "sameorigin"], ["foo", "", "DENY"]),
    "X-Content-Type-Options": _mostly(["nosniff"], ["sniff", Raw("null")]),
    "X-XSS-Protection": _mostly([Raw("1"), "1; mode=block"], ["", "a\nb", "€"]),
    "Strict-Transport-Security": _mostly(["max-age=31536000"], ["max-age=1\n"]),
    "Content-Security-Policy": _mostly(["default-src 'self'"], ["a\rb"]),
    "x-frame-options": st.just("deny"),
}
_HTTP: dict[str, st.SearchStrategy[Any]] = {
    "http2": _mostly([False, Raw("no")], [True, "false", Raw("null"), Raw("0")]),
    "headers": st.one_of(
        st.fixed_dictionaries({}, optional={k: _HEADERS[k] for k in list(_HEADERS)[:5]}),
        st.fixed_dictionaries({}, optional=_HEADERS),
    ).map(
        lambda headers: Raw("{" + ", ".join(f"{k}: {_json(v)}" for k, v in headers.items()) + "}")
    ),
}
_RATE: dict[str, st.SearchStrategy[Any]] = {
    "interval": _mostly(["1s", "1h", Raw("0"), Raw("1m30s")], ["x", "-1s", Raw("1.5"), Raw("01")]),
    "burst": _mostly([Raw("0"), Raw("1"), Raw("20")], [Raw("-1"), "1", Raw("x")]),
}


def _json(value: Any) -> str:  # noqa: ANN401 -- anything of JSON
    return value if isinstance(value, Raw) else json.dumps(value)


def _section(keys: dict[str, st.SearchStrategy[Any]], *usual: str) -> st.SearchStrategy[Any]:
    needed = {key: keys[key] for key in usual}
    rest = {key: value for key, value in keys.items() if key not in usual}
    few = st.sets(st.sampled_from(sorted(rest)), max_size=4)
    some = few.flatmap(
        lambda names: st.fixed_dictionaries(needed, optional={n: rest[n] for n in names})
    )
    return some if not usual else st.one_of(some, some, st.fixed_dictionaries({}, optional=keys))


_TOP = {
    "tls_server_config": _section(_TLS, "cert_file", "key_file"),
    "http_server_config": _section(_HTTP),
    "basic_auth_users": st.dictionaries(
        st.sampled_from(["alice", "bob", "1", "a:b", "Zoë"]),
        _mostly([HASH], ["doe", "", HASH[:-1]]),
        max_size=2,
    ),
}

OLD_CONFIGS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        **_TOP,
        "tls_server_config": _section(
            {k: v for k, v in _TLS.items() if f"{k}:" not in NEWER}, "cert_file", "key_file"
        ),
    },
)
"""Random configurations, good and bad, of the keys that Debian 12's node exporter knows."""

CONFIGS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {}, optional={**_TOP, "rate_limit": _section(_RATE)}
)
"""Random configurations, good and bad, of all keys."""
