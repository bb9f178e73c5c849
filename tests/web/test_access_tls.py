"""TLS as the file says: which clients may connect, and how."""

import shutil
import ssl
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.settings.tls_names import CURVES, SUITES
from exporter.web.access import read_access
from exporter.web.tls import Tls
from tests.support import missing
from tests.web.handshakes import ONE, TWO, client_context, handshake, self_signed
from tests.web.web_configs import CONFIGS, DATA, Raw, text_of, verdict

V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
BASE = {"cert_file": "server.crt", "key_file": "server.key"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with certificates and keys."""
    folder = tmp_path_factory.mktemp("tls")
    for path in DATA.iterdir():
        if path.suffix in (".pem", ".crt", ".key"):
            shutil.copy(path, folder)
    return folder


def tls_of(folder: Path, **section: object) -> Tls:
    path = folder / "tls.yml"
    path.write_text(text_of({"tls_server_config": {**BASE, **section}}))
    tls = read_access(path).tls
    assert tls is not None
    return tls


def may_connect(
    tls: Tls,
    certificate: Path | None = None,
    *,
    version: ssl.TLSVersion | None = None,
    suites: str | None = None,
    curve: str | None = None,
) -> bool:
    client = client_context(certificate, version=version, suites=suites, curve=curve)
    shaken = handshake(tls.context, client)
    return shaken is not None and tls.allows(shaken.server)


@pytest.mark.parametrize("version", [V12, V13])
@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("tls_config_noAuth.requireandverifyclientcert.good.yml", {ONE}),
        ("web_config_auth_client_san.good.yaml", {TWO}),
        ("web_config_auth_client_san.bad.yaml", set()),
        ("web_config_auth_clientCAs_missing.bad.yml", set()),
        ("web_config_noAuth.good.yml", {None}),
        ("web_config_users.good.yml", {None, ONE, TWO}),
        ("web_config_noAuth_tlsInline.good.yml", {None}),
    ],
)
def test_only_the_clients_that_the_file_allows_may_connect(
    name: str, allowed: set[Path | None], version: ssl.TLSVersion
) -> None:
    tls = read_access(DATA / name).tls
    assert tls is not None
    assert {c for c in (None, ONE, TWO) if may_connect(tls, c, version=version)} == allowed


SANS = "subjectAltName=DNS:pbx.example.com,IP:192.0.2.7,IP:2001:db8::7,email:me@example.com,"
SANS += "URI:spiffe://example.com/prometheus"


@pytest.mark.parametrize(
    ("name", "is_allowed"),
    [
        ("pbx.example.com", True),
        ("192.0.2.7", True),
        ("2001:db8::7", True),
        ("me@example.com", True),
        ("spiffe://example.com/prometheus", True),
        ("example.com", False),
        ("PBX.example.com", False),
        ("2001:db8:0:0:0:0:0:7", False),
        ("monitor", False),
        ("", False),
    ],
)
def test_a_name_of_the_certificate_must_be_in_the_list_exactly(
    name: str, is_allowed: bool, folder: Path
) -> None:
    client = folder / "monitor.pem"
    if not client.exists():
        self_signed(folder, "monitor", "-addext", SANS)
    tls = tls_of(
        folder,
        client_auth_type="RequireAndVerifyClientCert",
        client_ca_file="monitor.pem",
        client_allowed_sans=["somebody", name],
    )
    assert may_connect(tls, client) == is_allowed


def test_an_empty_list_of_names_allows_nobody(folder: Path) -> None:
    wanted = {"client_auth_type": "RequireAndVerifyClientCert", "client_ca_file": TWO.name}
    assert may_connect(tls_of(folder, **wanted), TWO)
    assert not may_connect(tls_of(folder, **wanted, client_allowed_sans=[]), TWO)


def test_without_a_certificate_a_client_has_none_of_the_names(folder: Path) -> None:
    wanted = {"client_auth_type": "VerifyClientCertIfGiven", "client_ca_file": TWO.name}
    assert may_connect(tls_of(folder, **wanted))
    assert not may_connect(tls_of(folder, **wanted, client_allowed_sans=["test3"]))
    assert may_connect(tls_of(folder, **wanted, client_allowed_sans=["test3"]), TWO)


def test_an_authority_may_stand_in_the_file_itself(folder: Path) -> None:
    tls = tls_of(folder, client_auth_type="RequireAndVerifyClientCert", client_ca=TWO.read_text())
    assert may_connect(tls, TWO)
    assert not may_connect(tls, ONE)


def test_a_file_counts_before_a_text_of_the_same_meaning(folder: Path) -> None:
    tls = tls_of(
        folder,
        client_auth_type="RequireAndVerifyClientCert",
        client_ca=ONE.read_text(),
        client_ca_file=TWO.name,
    )
    assert may_connect(tls, TWO)
    assert not may_connect(tls, ONE)


def test_comments_between_authorities_may_have_any_encoding(folder: Path) -> None:
    (folder / "many.pem").write_bytes(
        b"# Autorit\xe9 A\n" + ONE.read_bytes() + b"# Autorit\xc3\xa9 B\n" + TWO.read_bytes()
    )
    tls = tls_of(folder, client_auth_type="RequireAndVerifyClientCert", client_ca_file="many.pem")
    assert may_connect(tls, ONE)
    assert may_connect(tls, TWO)


@pytest.mark.parametrize("lowest", ["TLS12", "TLS13"])
@pytest.mark.parametrize("highest", ["TLS12", "TLS13"])
def test_versions_are_limited(lowest: str, highest: str, folder: Path) -> None:
    if lowest > highest:
        return
    tls = tls_of(folder, min_version=lowest, max_version=highest)
    assert may_connect(tls, version=V12) == (lowest == "TLS12")
    assert may_connect(tls, version=V13) == (highest == "TLS13")


@pytest.mark.parametrize("name", [name for name in SUITES if "_RSA_" in name])
def test_only_the_suites_of_the_list_are_used_for_tls_1_2(name: str, folder: Path) -> None:
    path = folder / "suites.yml"
    section = {**BASE, "cipher_suites": [name]}
    path.write_text(text_of({"tls_server_config": section, "http_server_config": {"http2": False}}))
    tls = read_access(path).tls
    assert tls is not None
    usable = {
        each
        for each, suite in SUITES.items()
        if may_connect(tls, version=V12, suites=f"{suite}:@SECLEVEL=0")
    }
    assert usable == {name}
    assert may_connect(tls, version=V13)


def test_a_list_with_suites_of_tls_1_3_only_allows_no_tls_1_2(folder: Path) -> None:
    path = folder / "suites.yml"
    section = {**BASE, "cipher_suites": ["TLS_AES_128_GCM_SHA256"]}
    path.write_text(text_of({"tls_server_config": section, "http_server_config": {"http2": False}}))
    tls = read_access(path).tls
    assert tls is not None
    assert not may_connect(tls, version=V12)
    assert may_connect(tls, version=V13)


SUITE_A, SUITE_B = "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384"


@pytest.mark.parametrize("prefers", [True, False])
def test_the_order_of_suites_is_that_of_the_server_unless_it_says_no(
    prefers: bool, folder: Path
) -> None:
    tls = tls_of(
        folder,
        cipher_suites=[
            "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
            "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        ],
        prefer_server_cipher_suites=prefers,
    )
    client = client_context(version=V12, suites=f"{SUITE_B}:{SUITE_A}")
    shaken = handshake(tls.context, client)
    assert shaken is not None
    assert (shaken.server.cipher() or ("",))[0] == (SUITE_A if prefers else SUITE_B)


@pytest.mark.parametrize("name", CURVES)
def test_one_curve_is_the_only_one(name: str, folder: Path) -> None:
    tls = tls_of(folder, curve_preferences=[name])
    for version in (V12, V13):
        usable = {c for c in CURVES if may_connect(tls, version=version, curve=CURVES[c])}
        assert usable == {name}


def test_a_client_cannot_renegotiate_compress_or_skip_its_certificate(folder: Path) -> None:
    tls = tls_of(folder)
    assert tls.context.options & ssl.OP_NO_RENEGOTIATION
    assert tls.context.options & ssl.OP_NO_COMPRESSION
    client = client_context(version=V13)
    first = handshake(tls.context, client)
    assert first is not None
    again = handshake(tls.context, client, first.client.session)
    assert again is not None
    assert not again.client.session_reused


def test_http_1_1_is_offered_by_alpn(folder: Path) -> None:
    client = client_context()
    client.set_alpn_protocols(["h2", "http/1.1"])
    shaken = handshake(tls_of(folder).context, client)
    assert shaken is not None
    assert shaken.client.selected_alpn_protocol() == "http/1.1"


def test_an_expired_certificate_is_refused_even_if_its_session_is_resumed(folder: Path) -> None:
    tls = tls_of(folder, client_auth_type="RequireAndVerifyClientCert", client_ca_file=TWO.name)
    client = client_context(TWO, version=V12)
    first = handshake(tls.context, client)
    assert first is not None
    again = handshake(tls.context, client, first.client.session)
    assert again is not None
    assert tls.allows(again.server)
    later = Tls(lambda: client, tls.rules, clock=lambda: 5e9)
    assert not later.allows(again.server)


def test_the_sessions_that_openssl_keeps_are_bounded(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exporter.web.tls.MAX_SESSIONS", 3)
    tls = tls_of(folder)
    contexts = [tls.context for _ in range(8)]
    assert [contexts.count(each) for each in dict.fromkeys(contexts)] == [3, 3, 2]

    def refuse(name: str) -> int:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr("os.memfd_create", refuse)
    assert {tls.context for _ in range(5)} == {contexts[-1]}
    monkeypatch.undo()
    assert may_connect(tls)


def test_an_encrypted_key_is_refused_and_asks_nobody(folder: Path) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        missing("openssl", "apt-get install openssl")
    for form in (("rsa", "-traditional"), ("pkey",)):
        key = folder / f"{form[0]}.key"
        made = ("-in", folder / "server.key", "-aes256", "-out", key, "-passout", "pass:a phrase")
        subprocess.run([openssl, *form, *made], check=True, capture_output=True, timeout=30)
        _, problem = verdict_of(folder, key_file=key.name)
        assert "the key is encrypted" in problem


def verdict_of(folder: Path, **section: object) -> tuple[object, str]:
    path = folder / "tls.yml"
    path.write_text(text_of({"tls_server_config": {**BASE, **section}}))
    return verdict(path)


@pytest.mark.parametrize(
    ("section", "word"),
    [
        ({"key_file": "client_selfsigned.key"}, "does not belong"),
        ({"cert_file": "server.key"}, "cert_file has no certificate"),
        ({"key_file": "server.crt"}, "key_file has no private key"),
        (
            {"cert": "-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----", "cert_file": ""},
            "cannot be used",
        ),
        ({"client_auth_type": "VerifyClientCertIfGiven", "client_ca": "x"}, "client_ca has no"),
        (
            {"client_auth_type": "VerifyClientCertIfGiven", "client_ca_file": "/dev/null"},
            "not a regular",
        ),
        ({"cert_file": "a\0b"}, "not the path of a file"),
        ({"min_version": "TLS13", "max_version": "TLS12"}, "nobody could connect"),
        ({"min_version": "TLS11"}, "TLS11 is not safe"),
        ({"client_allowed_sans": ["x"]}, "need `client_auth_type"),
        ({"client_ca_file": "x"}, "need `client_auth_type"),
        ({"client_auth_type": "RequestClientCert"}, "RequestClientCert would accept"),
        ({"client_auth_type": "RequireClientCert"}, "RequireClientCert would accept"),
        ({"curve_preferences": ["X25519", "CurveP256"]}, "one curve only"),
        ({"cipher_suites": "TLS_AES_128_GCM_SHA256"}, "must be a list"),
        ({"cipher_suites": [None]}, "cipher_suites[0]: must be text"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(
    section: dict[str, object], word: str, folder: Path
) -> None:
    access, problem = verdict_of(folder, **section)
    assert access is None
    assert word in problem


def test_rules_are_equal_unless_another_client_may_connect(folder: Path) -> None:
    wanted = {"client_auth_type": "RequireAndVerifyClientCert", "client_ca_file": "authority.pem"}
    authority = folder / "authority.pem"
    authority.write_bytes(ONE.read_bytes())
    first = tls_of(folder, **wanted)
    self_signed(folder, "renewed")
    renewed = tls_of(folder, **wanted, cert_file="renewed.pem", key_file="renewed.key")
    assert renewed.rules == first.rules
    authority.write_bytes(TWO.read_bytes())
    assert tls_of(folder, **wanted).rules != first.rules
    assert tls_of(folder).rules != tls_of(folder, min_version="TLS13").rules


# --- Nothing is open that should be closed --------------------------------------------------------


def oracle(section: dict[str, Any], certificate: Path | None, version: ssl.TLSVersion) -> bool:
    """Whether a client may connect, read from the configuration in the simplest way."""

    def value(key: str) -> Any:  # noqa: ANN401 -- of any kind
        given = section.get(key)
        return None if given in ("", Raw("null"), Raw("~")) else given

    name = {V12: "TLS12", V13: "TLS13"}[version]
    if not (value("min_version") or "TLS12") <= name <= (value("max_version") or "TLS13"):
        return False
    suites = value("cipher_suites") or []
    if version == V12 and suites and not any("_RSA_" in suite for suite in suites):
        return False
    auth = value("client_auth_type") or "NoClientCert"
    if auth == "NoClientCert":
        return True
    sans = value("client_allowed_sans")
    if certificate is None:
        return auth == "VerifyClientCertIfGiven" and sans is None
    authority = value("client_ca_file") or ("client_selfsigned.pem" if value("client_ca") else "")
    names = {"test3"} if certificate == TWO else set()
    return authority == certificate.name and (sans is None or bool(names & set(sans)))


@given(config=CONFIGS, data=st.data())
def test_nothing_is_open_that_should_be_closed(
    config: dict[str, Any], folder: Path, data: st.DataObject
) -> None:
    path = folder / "random.yml"
    path.write_text(text_of(config))
    access, _ = verdict(path)
    section = config.get("tls_server_config") or {}
    if access is None:
        return
    if access.tls is None:
        assert {*map(str, section.values())} <= {"", "null", "~"}
        return
    certificate = data.draw(st.sampled_from([None, ONE, TWO]))
    version = data.draw(st.sampled_from([V12, V13]))
    # Python's own client does not offer all suites that a server may allow.
    suites = ":".join(SUITES.values())
    assert may_connect(access.tls, certificate, version=version, suites=suites) == oracle(
        section, certificate, version
    )
