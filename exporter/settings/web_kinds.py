"""The types of values in the web configuration file; messages quote nothing but known names."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from enum import StrEnum
from ssl import TLSVersion
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, PlainValidator

from exporter.settings.messages import choices
from exporter.settings.tls_names import CURVES, OLD_VERSIONS, SUITES, SUITES_OF_TLS13, VERSIONS
from exporter.settings.yaml_text import Plain

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


def check(is_good: object, problem: str) -> None:
    """Raise a problem as an error that pydantic takes."""
    if not is_good:
        raise ValueError(problem)


def _flag(given: object) -> bool | None:
    is_flag = given is None or (isinstance(given, Plain) and given in _FLAGS)
    check(is_flag, "must be true or false, without quotes")
    return None if given is None else _FLAGS[str(given)]


def _no_http2(flag: bool | None) -> bool | None:
    check(not flag, "this server has no HTTP/2: write `http2: false`, or leave it out")
    return flag


def _one_of(
    known: Sequence[str], refused: Sequence[str] = (), why: str = ""
) -> Callable[[object], str]:
    def checked(value: object) -> str:
        if value in refused:
            msg = f"{value} {why}: write {choices(known)}"
            raise ValueError(msg)
        check(value in known, f"unknown value: it must be {choices(known)}")
        return str(value)

    return checked


_client_auth = _one_of(
    [*ClientAuth],
    ("RequestClientCert", "RequireAnyClientCert", "RequireClientCert"),
    "would accept certificates without checking them, which Python's TLS cannot do",
)
_version = _one_of([*VERSIONS], OLD_VERSIONS, "is not safe")


def _one_curve(curves: list[str] | None) -> list[str] | None:
    problem = "Python's TLS can be limited to one curve only: leave one, or none to allow all usual"
    check(len({*(curves or ())}) <= 1, problem)
    return curves


def entries_of(given: object) -> dict[str, object]:
    """Return a map; without a value, an empty one."""
    if given is None:
        return {}
    if not isinstance(given, dict):
        msg = "must be a map: keys with values"
        raise ValueError(msg)  # noqa: TRY004 -- pydantic takes no TypeError
    return given


def _headers(given: object) -> tuple[tuple[str, str], ...]:
    pairs = [(name, _header(name, value)) for name, value in entries_of(given).items()]
    return tuple((name, value) for name, value in pairs if value)


def _header(name: str, given: object) -> str:
    check(name in _HEADERS, f"a header in it cannot be set: it may have {choices([*_HEADERS])}")
    value, known = "" if given is None else given, _HEADERS[name]
    if not isinstance(value, str) or (known and value not in known):
        msg = f"{name} must be {choices(known or ['text'])}"
        raise ValueError(msg)
    # A text of several lines ends with a line break; Go removes it when it sends the header.
    value = value.strip(" \t\r\n")
    is_sendable = re.fullmatch(r"[ -~\xa0-\xff]*", value)
    check(is_sendable, f"{name} has a line break, or a character that a header cannot have")
    return value


def _users(given: object) -> dict[str, str]:
    users: dict[str, str] = {}
    for number, (name, hashed) in enumerate(entries_of(given).items(), 1):
        is_sendable = not re.search(r"[:\x00-\x1f\x7f]", name)
        check(is_sendable, f"the name of user {number} has a colon or a control character")
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
Auth = Annotated[
    Annotated[ClientAuth, BeforeValidator(_client_auth)] | None,
    BeforeValidator(lambda given: None if given == "" else given),
]
Suite = Annotated[str, AfterValidator(_one_of((*SUITES, *SUITES_OF_TLS13)))]
Curves = Annotated[
    list[Annotated[str, AfterValidator(_one_of([*CURVES]))]] | None, AfterValidator(_one_curve)
]
Http2 = Annotated[Flag, AfterValidator(_no_http2)]
Headers = Annotated[tuple[tuple[str, str], ...], PlainValidator(_headers)]
Users = Annotated[dict[str, str], PlainValidator(_users)]
Interval = Annotated[float, BeforeValidator(_interval)]
Burst = Annotated[int, BeforeValidator(_burst)]
