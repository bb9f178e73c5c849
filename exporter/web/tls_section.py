"""The section `tls_server_config` of the web configuration file, checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from ssl import TLSVersion

from exporter.settings.messages import choices
from exporter.web.tls_names import (
    CURVES,
    OLD_VERSIONS,
    SUITES,
    SUITES_OF_HTTP2,
    SUITES_OF_TLS13,
    VERSIONS,
)
from exporter.web.web_section import Pem, Section, one_of
from exporter.web.yaml_tree import ContentError, Text

KEYS = (
    "cert",
    "key",
    "client_ca",
    "cert_file",
    "key_file",
    "client_auth_type",
    "client_ca_file",
    "client_allowed_sans",
    "min_version",
    "max_version",
    "cipher_suites",
    "prefer_server_cipher_suites",
    "curve_preferences",
)


class ClientAuth(StrEnum):
    """Which clients may connect."""

    NONE = "NoClientCert"
    IF_GIVEN = "VerifyClientCertIfGiven"
    REQUIRED = "RequireAndVerifyClientCert"


_NOT_CHECKED = ("RequestClientCert", "RequireAnyClientCert", "RequireClientCert")


@dataclass(frozen=True, slots=True)
class TlsSection:
    """The section `tls_server_config`, checked.

    Attributes:
        certificate: The server's certificate, and those that lead to its authority.
        key: Its private key.
        client_ca: Authorities of clients; None for those of the system.
        client_auth: Which clients may connect.
        allowed_sans: Names of which a client's certificate must have one; None for any name.
        min_version: The lowest version.
        max_version: The highest version.
        suites: OpenSSL's names of the cipher suites for TLS 1.2; None for the usual ones.
        prefers_own_suites: Whether the order of the server's suites counts, not the client's.
        curve: OpenSSL's name of the only curve; None for the usual ones.
    """

    certificate: Pem
    key: Pem
    client_ca: Pem | None
    client_auth: ClientAuth
    allowed_sans: frozenset[str] | None
    min_version: TLSVersion
    max_version: TLSVersion
    suites: tuple[str, ...] | None
    prefers_own_suites: bool
    curve: str | None


def tls_section(section: Section, *, is_http2_off: bool) -> TlsSection | None:
    """Return what the section says; None if it is empty.

    Raises:
        ContentError: It cannot be used.
    """
    line = section.first_line()
    if line is None:
        return None
    certificate, key = section.pem("cert"), section.pem("key")
    for pem, name in ((certificate, "cert"), (key, "key")):
        if pem is None:
            # exporter-toolkit would serve without TLS, if nothing else asks for it either.
            problem = f"tls_server_config needs {name}_file, or {name}"
            raise ContentError(problem, line)
    assert certificate is not None
    assert key is not None
    client_auth, client_ca, sans = _clients(section)
    lowest = _version(section, "min_version", TLSVersion.TLSv1_2)
    highest = _version(section, "max_version", TLSVersion.TLSv1_3)
    if lowest > highest:
        problem = "min_version is above max_version, so nobody could connect"
        raise ContentError(problem, line)
    suites = section.texts("cipher_suites") or []
    names = [one_of(each, (*SUITES, *SUITES_OF_TLS13), "cipher_suites") for each in suites]
    if suites and lowest < TLSVersion.TLSv1_3 and not is_http2_off:
        _check_http2(names, suites[0].line)
    of_tls12 = tuple(SUITES[name] for name in names if name in SUITES)
    if suites and not of_tls12:
        # The list allows no suite of TLS 1.2.
        lowest = TLSVersion.TLSv1_3
        if highest < lowest:
            problem = "cipher_suites has none of TLS 1.2, and max_version allows no other"
            raise ContentError(problem, suites[0].line)
    return TlsSection(
        certificate,
        key,
        client_ca,
        client_auth,
        sans,
        lowest,
        highest,
        of_tls12 or None,
        section.flag("prefer_server_cipher_suites") is not False,
        _curve(section),
    )


def _clients(section: Section) -> tuple[ClientAuth, Pem | None, frozenset[str] | None]:
    auth = _client_auth(section.text("client_auth_type"))
    ca, sans = section.pem("client_ca"), section.texts("client_allowed_sans")
    line = ca.line if ca is not None else section.line("client_allowed_sans") if sans else None
    for key, is_there in (("client_ca", ca is not None), ("client_allowed_sans", sans is not None)):
        if auth is ClientAuth.NONE and is_there:
            problem = f"{key} needs `client_auth_type: {ClientAuth.REQUIRED}`"
            raise ContentError(problem, line)
    return auth, ca, None if sans is None else frozenset(each.text for each in sans)


def _client_auth(node: Text | None) -> ClientAuth:
    if node is None or not node.text:
        return ClientAuth.NONE
    if node.text in _NOT_CHECKED:
        problem = f"{node.text} would accept certificates without checking them, which Python's "
        problem += f"TLS cannot do: write {choices(list(ClientAuth))}"
        raise ContentError(problem, node.line)
    return ClientAuth(one_of(node, list(ClientAuth), "client_auth_type"))


def _version(section: Section, key: str, default: TLSVersion) -> TLSVersion:
    node = section.text(key)
    if node is None:
        return default
    if node.text in OLD_VERSIONS:
        problem = f"{node.text} is not safe: {key} must be {choices(list(VERSIONS))}"
        raise ContentError(problem, node.line)
    return VERSIONS[one_of(node, list(VERSIONS), key)]


def _check_http2(names: Sequence[str], line: int) -> None:
    """Refuse what exporter-toolkit refuses: suites with which a client could not use HTTP/2."""
    if not set(names) & set(SUITES_OF_HTTP2):
        problem = f"HTTP/2 needs {choices(SUITES_OF_HTTP2)} in cipher_suites: add one, or write "
        problem += "`http2: false` under http_server_config"
        raise ContentError(problem, line)


def _curve(section: Section) -> str | None:
    nodes = section.texts("curve_preferences") or []
    curves = {one_of(each, list(CURVES), "curve_preferences") for each in nodes}
    if len(curves) > 1:
        problem = "Python's TLS can be limited to one curve only: leave one in curve_preferences, "
        problem += "or remove it to allow all that are usual"
        raise ContentError(problem, nodes[0].line)
    return CURVES[curves.pop()] if curves else None
