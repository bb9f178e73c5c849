"""The web configuration file, in the format of Prometheus' exporter-toolkit.

Its `docs/web-configuration.md` describes the keys. A setting that Python's TLS cannot obey is
refused, with what to write instead. A message shows names of keys, cipher suites, curves and
versions, but nothing else of the file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from enum import StrEnum
from ssl import TLSVersion
from typing import Annotated, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationError,
    model_validator,
)

from exporter.settings.kinds import Checked
from exporter.settings.messages import choices, place, sentence
from exporter.settings.tls_names import (
    CURVES,
    OLD_VERSIONS,
    SUITES,
    SUITES_OF_HTTP2,
    SUITES_OF_TLS13,
    VERSIONS,
)
from exporter.settings.yaml_text import Plain, read_yaml

MAX_BURST = 10**9

_FLAGS = {
    spelled(word): flag
    for flag, words in ((True, ("y", "yes", "true", "on")), (False, ("n", "no", "false", "off")))
    for word in words
    for spelled in (str.lower, str.title, str.upper)
}
"""True and false in the words of YAML 1.1, as Go reads them."""

_HEADERS: dict[str, tuple[str, ...]] = {
    "Strict-Transport-Security": (),
    "X-Content-Type-Options": ("nosniff",),
    "X-Frame-Options": ("deny", "sameorigin"),
    "X-XSS-Protection": (),
    "Content-Security-Policy": (),
}
"""The headers that can be set, and the values that they must have, if any."""

# 22 characters of salt and 31 of the hash. The last one of each holds fewer bits than a character
# can, and libraries accept only those whose other bits are 0.
_BCRYPT = re.compile(
    r"\$2[aby]\$(?:0[4-9]|[12][0-9]|3[01])\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{30}"
    r"[.CGKOSWaeimquy26]"
)

# In nanoseconds, as all durations of Go.
_UNITS = {"ns": 1, "us": 1e3, "µs": 1e3, "μs": 1e3, "ms": 1e6, "s": 1e9, "m": 6e10, "h": 36e11}
_PART = rf"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)({'|'.join(_UNITS)})"
_LONGEST = 2**63 - 1


class ClientAuth(StrEnum):
    """Which clients may connect."""

    NONE = "NoClientCert"
    IF_GIVEN = "VerifyClientCertIfGiven"
    REQUIRED = "RequireAndVerifyClientCert"


def _check(is_good: object, problem: str) -> None:
    if not is_good:
        raise ValueError(problem)


def _flag(given: object) -> bool | None:
    is_flag = given is None or (isinstance(given, Plain) and given in _FLAGS)
    _check(is_flag, "must be true or false, without quotes")
    return None if given is None else _FLAGS[str(given)]


def _no_http2(flag: bool | None) -> bool | None:
    _check(not flag, "this server has no HTTP/2: write `http2: false`, or leave it out")
    return flag


def _one_of(
    known: Sequence[str], refused: Sequence[str] = (), why: str = ""
) -> Callable[[object], str]:
    def check(value: object) -> str:
        if value in refused:
            msg = f"{value} {why}: write {choices(known)}"
            raise ValueError(msg)
        _check(value in known, f"unknown value: it must be {choices(known)}")
        return str(value)

    return check


_client_auth = _one_of(
    [*ClientAuth],
    ("RequestClientCert", "RequireAnyClientCert", "RequireClientCert"),
    "would accept certificates without checking them, which Python's TLS cannot do",
)
_version = _one_of([*VERSIONS], OLD_VERSIONS, "is not safe")


def _one_curve(curves: list[str] | None) -> list[str] | None:
    problem = "Python's TLS can be limited to one curve only: leave one, or none to allow all usual"
    _check(len({*(curves or ())}) <= 1, problem)
    return curves


def _entries(given: object) -> dict[str, object]:
    if given is None:
        return {}
    if not isinstance(given, dict):
        msg = "must be a map: keys with values"
        raise ValueError(msg)  # noqa: TRY004 -- pydantic takes no TypeError
    return given


def _headers(given: object) -> tuple[tuple[str, str], ...]:
    pairs = [(name, _header(name, value)) for name, value in _entries(given).items()]
    return tuple((name, value) for name, value in pairs if value)


def _header(name: str, given: object) -> str:
    _check(name in _HEADERS, f"a header in it cannot be set: it may have {choices([*_HEADERS])}")
    value, known = "" if given is None else given, _HEADERS[name]
    if not isinstance(value, str) or (known and value not in known):
        msg = f"{name} must be {choices(known or ['text'])}"
        raise ValueError(msg)
    # A text of several lines ends with a line break; Go removes it when it sends the header.
    value = value.strip(" \t\r\n")
    is_sendable = re.fullmatch(r"[ -~\xa0-\xff]*", value)
    _check(is_sendable, f"{name} has a line break, or a character that a header cannot have")
    return value


def _users(given: object) -> dict[str, str]:
    users: dict[str, str] = {}
    for number, (name, hashed) in enumerate(_entries(given).items(), 1):
        is_sendable = not re.search(r"[:\x00-\x1f\x7f]", name)
        _check(is_sendable, f"the name of user {number} has a colon or a control character")
        if not isinstance(hashed, str) or not _BCRYPT.fullmatch(hashed):
            msg = f'user {number} has no bcrypt hash: make one with `htpasswd -nBC 10 ""`'
            raise ValueError(msg)
        users[name] = str(hashed)
    return users


def _whole(given: object) -> int | None:
    """Return a number of decimal digits; in Go, a leading zero would make it octal."""
    if isinstance(given, Plain) and re.fullmatch("0|[1-9][0-9]{0,17}", given):
        return int(given)
    return None


def _interval(given: object) -> float:
    """Return the seconds of a duration as Go's `time.ParseDuration` reads it, such as `1m30s`."""
    nanoseconds: float | None = 0 if given in (None, "0") else _whole(given)
    if isinstance(given, str) and re.fullmatch(rf"\+?({_PART})++", given):
        nanoseconds = sum(float(count) * _UNITS[unit] for count, unit in re.findall(_PART, given))
    if nanoseconds is None or nanoseconds > _LONGEST:
        msg = "must be a time such as 500ms, 1s or 1m30s, or 0"
        raise ValueError(msg)
    return int(nanoseconds) / 10**9


def _burst(given: object) -> int:
    burst = 0 if given is None else _whole(given)
    if burst is None or burst > MAX_BURST:
        msg = f"must be a whole number, from 0 to {MAX_BURST}"
        raise ValueError(msg)
    return burst


Flag = Annotated[bool | None, BeforeValidator(_flag)]
Version = Annotated[TLSVersion, BeforeValidator(lambda given: VERSIONS[_version(given)])]
Auth = Annotated[ClientAuth, BeforeValidator(_client_auth)]
Suite = Annotated[str, AfterValidator(_one_of((*SUITES, *SUITES_OF_TLS13)))]
Curve = Annotated[str, AfterValidator(_one_of([*CURVES]))]


class _Section(Checked):
    # Checks take what YAML gives; defaults are what checks return.
    model_config = ConfigDict(validate_default=False)

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, given: object) -> dict[str, object]:
        entries = _entries(given)
        # The unknown key itself may be a secret.
        is_known = entries.keys() <= cls.model_fields.keys()
        _check(is_known, f"unknown key; known are {choices([*cls.model_fields], 'and')}")
        return entries


class TlsSection(_Section):
    """The section `tls_server_config`; None stands for what is not there or has no value."""

    cert: str | None = None
    key: str | None = Field(None, repr=False)
    client_ca: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    client_auth_type: Annotated[
        Auth | None, BeforeValidator(lambda given: None if given == "" else given)
    ] = None
    client_ca_file: str | None = None
    client_allowed_sans: list[str] | None = None
    min_version: Version | None = None
    max_version: Version | None = None
    cipher_suites: list[Suite] | None = None
    prefer_server_cipher_suites: Flag = None
    curve_preferences: Annotated[list[Curve] | None, AfterValidator(_one_curve)] = None

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
        _check(has_pair, "needs cert_file and key_file, or cert and key")
        has_auth = self.client_auth_type not in (None, ClientAuth.NONE)
        has_clients = self.client_ca_file or self.client_ca or self.client_allowed_sans is not None
        problem = "client_ca_file, client_ca and client_allowed_sans need `client_auth_type: "
        _check(has_auth or not has_clients, f"{problem}{ClientAuth.REQUIRED}`")
        lowest, highest = self.versions
        problem = "nobody could connect: min_version is above max_version, or cipher_suites has "
        _check(lowest <= highest, f"{problem}none of TLS 1.2")
        return self


class HttpSection(_Section):
    """The section `http_server_config`.

    Attributes:
        headers: Names and values that every response gets.
    """

    http2: Annotated[Flag, AfterValidator(_no_http2)] = None
    headers: Annotated[tuple[tuple[str, str], ...], PlainValidator(_headers)] = ()


class RateSection(_Section):
    """The section `rate_limit`.

    Attributes:
        interval: Seconds; 0 without a limit.
    """

    interval: Annotated[float, BeforeValidator(_interval)] = 0
    burst: Annotated[int, BeforeValidator(_burst)] = 0


class WebConfig(_Section):
    """What a file says.

    Attributes:
        basic_auth_users: Names, and bcrypt hashes of passwords; without any, everybody may read.
    """

    tls_server_config: TlsSection = TlsSection()
    http_server_config: HttpSection | None = HttpSection()
    basic_auth_users: Annotated[dict[str, str], PlainValidator(_users)] = Field({}, repr=False)
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
        _check(has_one, problem + "`http2: false` under http_server_config")
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
