"""The web configuration file, in the format of Prometheus' exporter-toolkit.

Its `docs/web-configuration.md` describes the keys. A setting that Python's TLS cannot obey is
refused, with what to write instead. A message shows the number of a line, and names of keys, cipher
suites, curves and versions, but nothing else of the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from exporter.settings.messages import choices
from exporter.web.bcrypt_hash import is_bcrypt
from exporter.web.rate_limit import RateLimit, nanoseconds
from exporter.web.tls_section import KEYS as TLS_KEYS
from exporter.web.tls_section import TlsSection, tls_section
from exporter.web.web_section import Section, text_of
from exporter.web.yaml_tree import ContentError, Node, Null, Text, tree

_SECTIONS = ("tls_server_config", "http_server_config", "basic_auth_users", "rate_limit")

_HEADERS: dict[str, tuple[str, ...]] = {
    "Strict-Transport-Security": (),
    "X-Content-Type-Options": ("nosniff",),
    "X-Frame-Options": ("deny", "sameorigin"),
    "X-XSS-Protection": (),
    "Content-Security-Policy": (),
}
"""The headers that can be set, and the values that they must have, if any."""

_MAX_BURST = 10**9
_DIGITS = 18


@dataclass(frozen=True, slots=True)
class WebConfig:
    """What a file says.

    Attributes:
        tls: None without TLS.
        headers: Names and values that every response gets.
        users: Names, and bcrypt hashes of passwords; without any, everybody may read.
        rate: None without a limit.
    """

    tls: TlsSection | None = None
    headers: tuple[tuple[str, str], ...] = ()
    users: Mapping[str, str] = field(default_factory=dict, repr=False)
    rate: RateLimit | None = None


def parse(text: str) -> WebConfig:
    """Return what a file says.

    Raises:
        ContentError: It cannot be used.
    """
    top = Section("", tree(text), _SECTIONS)
    http = top.section("http_server_config", ("http2", "headers"))
    http2 = http.flag("http2")
    if http2:
        problem = "this server has no HTTP/2: write `http2: false`, or leave it out"
        raise ContentError(problem, http.line("http2"))
    # Go's YAML takes a key without a value as false, and a section without one too.
    is_off = http2 is False or http.is_blank("http2") or top.is_blank("http_server_config")
    return WebConfig(
        tls_section(top.section("tls_server_config", TLS_KEYS), is_http2_off=is_off),
        _headers(http.table("headers")),
        _users(top.table("basic_auth_users")),
        _rate(top.section("rate_limit", ("interval", "burst"))),
    )


def _headers(table: Mapping[str, tuple[int, Node]]) -> tuple[tuple[str, str], ...]:
    headers = []
    for name, (line, node) in table.items():
        if name not in _HEADERS:
            problem = f"this header cannot be set: headers may have {choices(list(_HEADERS))}"
            raise ContentError(problem, line)
        value = "" if isinstance(node, Null) else text_of(node, name).text
        if _HEADERS[name] and value not in _HEADERS[name]:
            problem = f"{name} must be {choices(_HEADERS[name])}"
            raise ContentError(problem, line)
        # A text of several lines ends with a line break; Go removes it when it sends the header.
        value = value.strip(" \t\r\n")
        if not value.isprintable() or not _is_latin(value):
            problem = f"{name} has a line break, or a character that a header cannot have"
            raise ContentError(problem, line)
        if value:
            headers.append((name, value))
    return tuple(headers)


def _is_latin(text: str) -> bool:
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        return False
    return True


def _users(table: Mapping[str, tuple[int, Node]]) -> dict[str, str]:
    users = {}
    for name, (line, node) in table.items():
        if ":" in name or any(c < " " or c == "\x7f" for c in name):
            problem = "the name of a user has a colon or a control character"
            raise ContentError(problem, line)
        if not isinstance(node, Text) or not is_bcrypt(node.text):
            problem = 'this is not a bcrypt hash: make one with `htpasswd -nBC 10 ""`'
            raise ContentError(problem, line)
        users[name] = node.text
    return users


def _rate(section: Section) -> RateLimit | None:
    interval, burst = section.text("interval"), section.text("burst")
    every = 0 if interval is None else _interval(interval)
    at_once = 0 if burst is None else _whole(burst)
    if every is None or every < 0:
        problem = "interval must be a time such as 500ms, 1s or 1m30s, or 0"
        raise ContentError(problem, section.line("interval"))
    if at_once is None or at_once > _MAX_BURST:
        problem = f"burst must be a whole number, from 0 to {_MAX_BURST}"
        raise ContentError(problem, section.line("burst"))
    return RateLimit(every / 10**9, at_once) if every else None


def _interval(node: Text) -> int | None:
    whole = _whole(node)
    return nanoseconds(node.text) if whole is None else whole


def _whole(node: Text) -> int | None:
    """Return a number of decimal digits; in Go, a leading zero would make it octal."""
    text = node.text
    is_number = text == "0" or (text.isascii() and text.isdigit() and not text.startswith("0"))
    return int(text) if node.is_plain and is_number and len(text) <= _DIGITS else None
