"""The web configuration file, in the format of Prometheus' exporter-toolkit.

Its `docs/web-configuration.md` describes the keys. A setting that Python's TLS cannot obey is
refused, with what to write instead. A message shows names of keys, cipher suites, curves and
versions, but nothing else of the file.
"""

from __future__ import annotations

from ssl import TLSVersion
from typing import Self

from pydantic import ConfigDict, Field, ValidationError, model_validator

from exporter.settings.kinds import Checked
from exporter.settings.messages import choices, place, sentence
from exporter.settings.tls_names import SUITES, SUITES_OF_HTTP2
from exporter.settings.web_kinds import (
    Auth,
    Burst,
    ClientAuth,
    Curves,
    Flag,
    Headers,
    Http2,
    Interval,
    Suite,
    Users,
    Version,
    check,
    entries_of,
)
from exporter.settings.yaml_text import read_yaml


class _Section(Checked):
    # Checks take what YAML gives; defaults are what checks return.
    model_config = ConfigDict(validate_default=False)

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, given: object) -> dict[str, object]:
        entries = entries_of(given)
        # The unknown key itself may be a secret.
        is_known = entries.keys() <= cls.model_fields.keys()
        check(is_known, f"unknown key; known are {choices([*cls.model_fields], 'and')}")
        return entries


class TlsSection(_Section):
    """The section `tls_server_config`; None stands for what is not there or has no value."""

    cert: str | None = None
    key: str | None = Field(None, repr=False)
    client_ca: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    client_auth_type: Auth = None
    client_ca_file: str | None = None
    client_allowed_sans: list[str] | None = None
    min_version: Version | None = None
    max_version: Version | None = None
    cipher_suites: list[Suite] | None = None
    prefer_server_cipher_suites: Flag = None
    curve_preferences: Curves = None

    @property
    def is_blank(self) -> bool:
        """Whether nothing is set."""
        return all(value in (None, "") for _, value in self)

    @property
    def suites(self) -> tuple[str, ...]:
        """OpenSSL's names of the listed cipher suites for TLS 1.2."""
        return tuple(SUITES[name] for name in self.cipher_suites or () if name in SUITES)

    @property
    def versions(self) -> tuple[TLSVersion, TLSVersion]:
        """The lowest and the highest version."""
        has_tls12 = bool(self.suites) or not self.cipher_suites
        lowest = self.min_version or TLSVersion.TLSv1_2
        return lowest if has_tls12 else TLSVersion.TLSv1_3, self.max_version or TLSVersion.TLSv1_3

    @model_validator(mode="after")
    def _is_usable(self) -> Self:
        if self.is_blank:
            return self
        # exporter-toolkit would serve without TLS, if nothing else asks for it either.
        has_pair = (self.cert_file or self.cert) and (self.key_file or self.key)
        check(has_pair, "needs cert_file and key_file, or cert and key")
        has_auth = self.client_auth_type not in (None, ClientAuth.NONE)
        has_clients = self.client_ca_file or self.client_ca or self.client_allowed_sans is not None
        problem = "client_ca_file, client_ca and client_allowed_sans need `client_auth_type: "
        check(has_auth or not has_clients, f"{problem}{ClientAuth.REQUIRED}`")
        lowest, highest = self.versions
        problem = "nobody could connect: min_version is above max_version, or cipher_suites has "
        check(lowest <= highest, f"{problem}none of TLS 1.2")
        return self


class HttpSection(_Section):
    """The section `http_server_config`.

    Attributes:
        headers: Names and values that every response gets.
    """

    http2: Http2 = None
    headers: Headers = ()


class RateSection(_Section):
    """The section `rate_limit`.

    Attributes:
        interval: Seconds; 0 without a limit.
    """

    interval: Interval = 0
    burst: Burst = 0


class WebConfig(_Section):
    """What a file says.

    Attributes:
        basic_auth_users: Names, and bcrypt hashes of passwords; without any, everybody may read.
    """

    tls_server_config: TlsSection = TlsSection()
    http_server_config: HttpSection | None = HttpSection()
    basic_auth_users: Users = Field({}, repr=False)
    rate_limit: RateSection = RateSection()

    @model_validator(mode="after")
    def _has_suites_for_http2(self) -> Self:
        """Refuse what exporter-toolkit refuses: suites with which a client could not use HTTP/2."""
        tls, http = self.tls_server_config, self.http_server_config
        # Go's YAML takes a key without a value as false, and a section without one too.
        is_off = http is None or "http2" in http.model_fields_set
        is_off |= not tls.cipher_suites or tls.min_version is TLSVersion.TLSv1_3
        problem = f"HTTP/2 needs {choices(SUITES_OF_HTTP2)} in cipher_suites: add one, or write "
        has_one = is_off or {*SUITES_OF_HTTP2}.intersection(tls.cipher_suites or ())
        check(has_one, problem + "`http2: false` under http_server_config")
        return self


def parse_web_config(text: str) -> WebConfig:
    """Return what a web configuration file says.

    Raises:
        ValueError: It cannot be used; the message names the first problem.
    """
    given = read_yaml(text)
    try:
        return WebConfig.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
    problem = sentence(first["type"], None, first.get("ctx", {}))
    where = place(first["loc"])
    # Outside of the except clauses: the context of an exception keeps what was read.
    raise ValueError(f"{where}: {problem}" if where else problem)
