"""The format of the web configuration file: values, limits, and messages without secrets."""

import importlib.util
import json
import os
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from exporter.settings import yaml_text
from exporter.settings.web_config import TlsSection, WebConfig
from exporter.settings.web_config import parse_web_config as parse
from exporter.settings.yaml_text import MAX_DEPTH, MAX_EVENTS
from exporter.web.access import read_access
from exporter.web.rate_limit import RateLimit
from tests.support import REPOSITORY, within
from tests.web.web_configs import CONFIGS, DATA, HASH, text_of, verdict


def problem_of(text: str) -> str:
    with pytest.raises(ValueError, match=r".") as error:
        parse(text)
    assert error.value.__context__ is None  # It would keep what was read.
    return str(error.value)


@pytest.mark.parametrize(
    "text", ["", "\n", "# nothing\n", "---\n", "null", "{}", "rate_limit:\n", "\ufeff"[1:]]
)
def test_an_empty_file_asks_for_nothing(text: str) -> None:
    assert parse(text) == WebConfig()


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ("a: b\n", None, "unknown key; known are tls_server_config, "),
        (
            "rate_limit:\n  burts: 1\n",
            None,
            "rate_limit: unknown key; known are interval and burst",
        ),
        ("- a\n", None, "must be a map"),
        ("text", None, "must be a map"),
        ("rate_limit: []\n", None, "rate_limit: must be a map"),
        ("basic_auth_users: x\n", None, "basic_auth_users: must be a map"),
        ("rate_limit:\n  burst: 1\n  burst: 1\n", 3, "there twice"),
        ("rate_limit:\n  interval: 1s\nrate_limit:\n", 3, "there twice"),
        (f"basic_auth_users:\n  a: {HASH}\n  'a': {HASH}\n", 3, "there twice"),
        ("a: &b 1\nc: *d\n", 2, "this is not YAML"),
        ("rate_limit: !!map {}\n", 1, "tags are not used"),
        ("rate_limit:\n  burst: !!int 1\n", 2, "tags are not used"),
        ("x: &a {<<: *a}\n", 1, "this is not YAML"),
        ("? [a]\n: b\n", 1, "is not a text"),
        ("~: b\n", 1, "is not a text"),
        ("rate_limit:\n---\nrate_limit:\n", 2, "a second document"),
        ("a: b: c\n", 1, "this is not YAML"),
        ("a: 'b\n", None, "this is not YAML"),
        ("\ta: b\n", 1, "this is not YAML"),
        ("a: \x01\n", None, "this is not YAML"),
        ('x: "\\ud800"\n', 1, "no character|this is not YAML"),
        ("[" * 10_000, 1, "too many lists|this is not YAML"),
        ("{a: " * 10_000, 1, "too many lists"),
        ("- " * 10_000, 1, "too many lists"),
        (f"[{'a, ' * MAX_EVENTS}]", 1, "too long"),
        ('x: "\\UFFFFFFFF"', None, "not YAML"),
        ('x: "\\U00110000"', None, "not YAML"),
        (f"%YAML {'1' * 5000}.1\n---\na: b\n", None, "not YAML"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_is_no_configuration_is_refused_with_its_line(
    text: str, line: int | None, word: str
) -> None:
    problem = problem_of(text)
    assert any(each in problem for each in word.split("|")), problem
    if line is not None:
        assert problem.startswith(f"line {line}: ")


def test_aliases_cost_nothing_and_deep_ones_are_allowed() -> None:
    config = parse(f"basic_auth_users:\n  a: &hash {HASH}\n  b: *hash\nrate_limit: &r {{}}\n")
    assert config.basic_auth_users == {"a": HASH, "b": HASH}


@pytest.mark.parametrize(
    "spot",
    [
        *("{}", "tls_server_config: {}", "basic_auth_users: {a: {}}", "rate_limit: {}"),
        *(f"tls_server_config:\n  {key}: {{}}" for key in TlsSection.model_fields),
        *(f"tls_server_config:\n  {key}: [{{}}]" for key in TlsSection.model_fields),
        *("http_server_config:\n  http2: {}", "http_server_config:\n  headers: {}"),
        "http_server_config:\n  headers:\n    X-Frame-Options: {}",
        *("rate_limit:\n  interval: {}", "rate_limit:\n  burst: {}"),
    ],
)
def test_aliases_of_aliases_cost_nothing_wherever_they_are(spot: str) -> None:
    bomb = "&a0 [x, x, x, x, x, x, x, x, x]"
    for i in range(1, MAX_DEPTH - 5):
        bomb = f"&a{i} [{bomb}{f', *a{i - 1}' * 8}]"
    with within(5):
        problem_of(spot.replace("{}", bomb))


@pytest.mark.parametrize("word", ["true", "True", "TRUE", "yes", "Yes", "on", "ON", "y", "Y"])
def test_true_is_any_word_of_yaml_1_1(word: str) -> None:
    assert "no HTTP/2" in problem_of(f"http_server_config:\n  http2: {word}\n")


@pytest.mark.parametrize("word", ["false", "No", "NO", "off", "n", "null", "~", ""])
def test_http_2_may_be_off(word: str) -> None:
    section = "tls_server_config: {cert: a, key: b, cipher_suites: [TLS_AES_128_GCM_SHA256]}"
    assert "HTTP/2 needs" in problem_of(section)
    for off in (f"http_server_config:\n  http2: {word}\n", "http_server_config:\n"):
        assert parse(f"{off}{section}").tls_server_config.cipher_suites


@pytest.mark.parametrize("word", ["'false'", "0", "nO", "tRUE", "[]", "{}", "yes please"])
def test_other_words_are_not_true_or_false(word: str) -> None:
    assert "http2: must be" in problem_of(f"http_server_config:\n  http2: {word}\n")


@pytest.mark.parametrize(
    ("interval", "burst", "limit"),
    [
        ("1s", "20", (1, 20)),
        ("1m30s", "1", (90, 1)),
        ("'1.5h'", "1", (5400, 1)),
        (".5s", "1", (0.5, 1)),
        ("250ms", "0", (0.25, 0)),
        ("100µs", "1", (0.0001, 1)),
        ("+1s", "1", (1, 1)),
        ("500000000", "1", (0.5, 1)),
        ("1s", "", (1, 0)),
        ("0", "20", None),
        ("'0'", "20", None),
        ("0s", "20", None),
        ("0.1ns", "20", None),
        ("", "20", None),
    ],
)
def test_a_rate_is_a_duration_of_go_and_a_burst(
    interval: str, burst: str, limit: tuple[float, int] | None
) -> None:
    rate = parse(f"rate_limit:\n  interval: {interval}\n  burst: {burst}\n").rate_limit
    assert (rate.interval, rate.burst) == ((0, 20) if limit is None else limit)


@pytest.mark.parametrize(
    "interval",
    [
        *("-1s", "1", "x", "1x", "s", ".s", "1 s", "'5'", "1.5", "010", "0x10", "1_000", "1s "),
        *("9223372036854775808ns", "1s1", "--1s", "[]", "1e3s", "\uff11s", "9" * 200 + "s"),
    ],
)
def test_other_intervals_are_refused(interval: str) -> None:
    if interval in ("1", "1s "):  # A number of nanoseconds; YAML drops spaces.
        assert parse(f"rate_limit:\n  interval: {interval}\n").rate_limit.interval
    else:
        problem_of(f"rate_limit:\n  interval: {interval}\n")


@pytest.mark.parametrize("burst", ["-1", "1.5", "x", "'1'", "01", "1000000001", "9" * 30, "٣"])
def test_other_bursts_are_refused(burst: str) -> None:
    assert "burst: must be" in problem_of(f"rate_limit:\n  interval: 1s\n  burst: {burst}\n")


def headers(text: str) -> tuple[tuple[str, str], ...]:
    http = parse(f"http_server_config:\n  headers:\n    {text}\n").http_server_config
    assert http is not None
    return http.headers


def test_headers_are_those_of_the_file_without_the_empty_ones() -> None:
    assert headers("X-XSS-Protection: 1") == (("X-XSS-Protection", "1"),)
    assert headers("X-XSS-Protection: ''") == ()
    assert headers("Strict-Transport-Security:") == ()
    folded = "Content-Security-Policy: >\n      default-src 'self';\n      img-src data:\n"
    assert headers(folded) == (("Content-Security-Policy", "default-src 'self'; img-src data:"),)
    assert headers('X-XSS-Protection: "é"') == (("X-XSS-Protection", "é"),)


@pytest.mark.parametrize("value", ["a\nb", "a\r\nSet-Cookie: x", "a\0b", "\x7f", "a\tb", "€"])
def test_no_header_can_begin_another_one(value: str) -> None:
    assert "X-XSS-Protection has" in problem_of(
        f"http_server_config:\n  headers:\n    X-XSS-Protection: {json.dumps(value)}\n"
    )


@pytest.mark.parametrize(
    "text",
    ["x-frame-options: deny", "X-Frame-Options: DENY", "X-Frame-Options: ''", "Content-Type: a"],
)
def test_other_headers_and_values_are_refused(text: str) -> None:
    problem_of(f"http_server_config:\n  headers:\n    {text}\n")


@pytest.mark.parametrize("name", ["alice", "1", "Zoë", "a b", "true", "", "a@b"])
def test_names_of_users_may_be_almost_anything(name: str) -> None:
    users = parse(f"basic_auth_users:\n  {json.dumps(name)}: {HASH}\n").basic_auth_users
    assert users == {name: HASH}


@pytest.mark.parametrize("name", ["a:b", "a\nb", "\x7f", "\0"])
def test_names_that_http_cannot_carry_are_refused(name: str) -> None:
    assert "the name of user 1" in problem_of(f"basic_auth_users:\n  {json.dumps(name)}: {HASH}\n")


@pytest.mark.parametrize(
    "hashed",
    [
        *("", "~", "doe", "plain", HASH[:-1], HASH + "x", "x" + HASH, HASH[:-1] + "z"),
        *(HASH.replace("$04$", cost) for cost in ("$03$", "$32$", "$4$", "$99$", "$0x$")),
        *(HASH.replace("$2b", kind) for kind in ("$2", "$2x", "$1", "$2z", "$5")),
        HASH[:28] + "A" + HASH[29:],
        f"[{HASH}]",
    ],
)
def test_only_hashes_that_bcrypt_can_check_are_accepted(hashed: str) -> None:
    assert "has no bcrypt hash" in problem_of(f"basic_auth_users:\n  a: {hashed}\n")


@pytest.mark.parametrize("kind", ["$2a", "$2b", "$2y"])
def test_all_usual_kinds_of_bcrypt_are_accepted(kind: str) -> None:
    assert parse(f"basic_auth_users:\n  a: {HASH.replace('$2b', kind)}\n").basic_auth_users


def test_a_section_for_tls_without_a_certificate_is_refused_unless_it_is_empty() -> None:
    assert parse("tls_server_config:\n  cert_file: ''\n  key_file:\n").tls_server_config.is_blank
    for line in ("min_version: TLS13", "prefer_server_cipher_suites: false", "client_ca: x"):
        assert "needs cert_file" in problem_of(f"tls_server_config:\n  {line}\n")


# --- Anything, and no secrets ---------------------------------------------------------------------

SECRET = "Tr0ub4dor"
"""Stands wherever a secret may be, also where it should not be."""


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A configuration with a few bytes deleted, doubled, or replaced."""
    data = bytearray(text_of(draw(CONFIGS)).encode())
    for _ in range(draw(st.integers(0, 5))):
        at, count = draw(st.integers(0, len(data))), draw(st.integers(0, 4))
        data[at : at + count] = draw(st.binary(max_size=4) | st.sampled_from([b"&a", b"*a", b"{"]))
    return bytes(data)


@given(data=st.binary(max_size=200) | mutated())
@example(data=b"\xff\xfea\0")
@example(data=b"%YAML 9.9\n---\na")
@example(data=b"%TAG ! x\n---\n!a b")
def test_whatever_is_in_the_file_the_answer_is_one_line(
    data: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzzed.yml"
    path.write_bytes(data)
    access, problem = verdict(path)
    assert (access is None) == bool(problem)
    assert problem.isprintable()


PAIR = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n"
SPOTS = (
    "{}",
    "{}: 1",
    "tls_server_config: {}",
    "tls_server_config:\n  {}: x",
    "tls_server_config:\n  cert: {}\n  key: {}",
    "tls_server_config:\n  cert_file: {}\n  key: {}",
    "tls_server_config:\n  cert_file: server.crt\n  key: {}",
    PAIR + "  min_version: {}",
    PAIR + "  client_auth_type: {}",
    PAIR + "  cipher_suites: [{}]",
    PAIR + "  curve_preferences: [{}]",
    "http_server_config:\n  http2: {}",
    "http_server_config:\n  headers:\n    {}: x",
    "http_server_config:\n  headers:\n    X-Frame-Options: {}",
    "basic_auth_users: {}",
    "basic_auth_users:\n  alice: {}",
    "basic_auth_users:\n  '{}:': x",
    "rate_limit:\n  interval: {}",
    "rate_limit:\n  burst: {}",
    "a: *{}",
    "a: !{} b",
    "a: [{}",
    "&{} {}: b: c",
    "%{} a\n---\n",
)


@pytest.mark.parametrize("spot", SPOTS)
def test_no_message_shows_what_is_in_the_file(spot: str, tmp_path: Path) -> None:
    for name in ("server.crt", "server.key"):
        (tmp_path / name).write_bytes((DATA / name).read_bytes())
    path = tmp_path / "web.yml"
    path.write_text(spot.replace("{}", SECRET))
    with pytest.raises(ValueError, match="the web configuration file") as error:
        read_access(path)
    assert SECRET not in str(error.value)
    assert error.value.__context__ is None  # It would keep what was read.


def test_both_parsers_of_yaml_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(yaml, "CBaseLoader")
    spec = importlib.util.spec_from_file_location("slow", yaml_text.__file__)
    assert spec is not None
    assert spec.loader is not None
    slow = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(slow)
    texts = [path.read_text() for path in DATA.iterdir() if path.suffix in (".yml", ".yaml")]
    assert len(texts) > 30
    for text in (*texts, "- " * 10_000, "a: &a [*a]", "a: !!int 1", "a: {a: 1, a: 2}"):
        found = []
        for read in (slow.read_yaml, yaml_text.read_yaml):
            try:
                found.append(repr(read(text)))
            except ValueError as error:
                found.append(str(error))
        assert found[0] == found[1]


def test_a_pipe_or_a_large_file_is_refused_without_waiting(tmp_path: Path) -> None:
    pipe, large = tmp_path / "pipe", tmp_path / "large.yml"
    os.mkfifo(pipe)
    large.write_text("# x\n" * 300_000)
    assert "not a regular file" in verdict(pipe)[1]
    assert "has more than 1048576 bytes" in verdict(large)[1]
    assert "cannot be read: Is a directory" in verdict(tmp_path)[1]
    assert "cannot be read: No such file" in verdict(tmp_path / "none")[1]


def test_the_examples_in_the_documents_are_accepted(tmp_path: Path) -> None:
    page = (REPOSITORY / "docs" / "access.md").read_text()
    short, example = (each.split("```")[0] for each in page.split("```yaml\n")[1:3])
    for name, source in (
        ("tls.crt", "server.crt"),
        ("tls.key", "server.key"),
        ("clients-ca.crt", "client_selfsigned.pem"),
    ):
        (tmp_path / name).write_bytes((DATA / source).read_bytes())
    path = tmp_path / "web.yml"
    path.write_text(example.replace("/etc/xivo-exporter/", ""))
    access = read_access(path)
    assert access.tls is not None
    assert access.tls.rules.allowed_sans == frozenset({"prometheus.example.com"})
    assert access.headers == (("Strict-Transport-Security", "max-age=31536000"),)
    assert set(access.users) == {"prometheus"}
    assert access.rate == RateLimit(0.1, 20)
    path.write_text(short)
    assert set(read_access(path).users) == {"prometheus"}
