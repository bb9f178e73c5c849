"""Which format and which coding a client gets, by RFC 9110."""

import random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exporter.exposition.render import FORMATS
from exporter.web.negotiation import accepts_gzip, preferred_type
from tests.support import within
from tests.web.serving import OPENMETRICS, TEXT, FakePages, ask, clients, request, serving

OPEN, OPEN_UTF8 = "application/openmetrics-text", f"{OPENMETRICS}; escaping=allow-utf-8"
TEXT_1 = "text/plain; version=1.0.0; charset=utf-8; escaping=underscores"
TEXT_1_UTF8 = "text/plain; version=1.0.0; charset=utf-8; escaping=allow-utf-8"


def preferred(accept: str) -> str:
    return preferred_type(accept, FORMATS)


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        pytest.param("", TEXT, id="none"),
        pytest.param("*/*", TEXT, id="curl"),
        pytest.param(
            "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
            TEXT, id="a browser",
        ),
        pytest.param("text/html, image/gif, *; q=.2, */*; q=.2", TEXT, id="Java"),
        pytest.param(
            f"{OPEN}; version=0.0.1,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            TEXT, id="Prometheus 2.26",
        ),
        pytest.param(
            f"{OPEN};version=1.0.0,{OPEN};version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,"
            "*/*;q=0.1",
            OPENMETRICS, id="Prometheus 2.42",
        ),
        pytest.param(
            f"{OPEN};version=1.0.0;escaping=allow-utf-8;q=0.6,{OPEN};version=0.0.1;q=0.5,"
            "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,"
            "*/*;q=0.2",
            OPEN_UTF8, id="Prometheus 3",
        ),
        pytest.param(
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;"
            f"encoding=delimited;q=0.7,{OPEN};version=1.0.0;escaping=allow-utf-8;q=0.6,"
            f"{OPEN};version=0.0.1;q=0.5,text/plain;version=0.0.4;q=0.4,*/*;q=0.2",
            OPEN_UTF8, id="Prometheus 3 with native histograms",
        ),
        pytest.param(
            "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.5,"
            f"{OPEN};version=1.0.0;escaping=allow-utf-8;q=0.4,*/*;q=0.3",
            TEXT_1_UTF8, id="Prometheus 3 that prefers text",
        ),
    ],
)  # fmt: skip
def test_each_known_client_gets_the_format_that_it_asks_for_first(
    accept: str, expected: str
) -> None:
    assert preferred(accept) == expected


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        # Zero refuses, also where a wildcard would allow.
        (f"{OPEN};q=0", TEXT),
        (f"{OPEN};q=0, */*", TEXT),
        (f"text/plain;q=0, {OPEN}", OPENMETRICS),
        ("text/plain;q=0, */*", OPENMETRICS),
        ("text/*;q=0, */*;q=0.1", OPENMETRICS),
        ("*/*;q=0.1, text/*;q=0.0", OPENMETRICS),
        # The quality decides, not the order.
        (f"text/plain;q=0.4, {OPEN};q=0.5", OPENMETRICS),
        (f"{OPEN};q=0.5, text/plain;q=0.4", OPENMETRICS),
        (f"{OPEN};q=0.4, text/plain;q=0.5", TEXT),
        (f"{OPEN};q=0.999, text/plain", TEXT),
        (f"{OPEN};version=1.0.0;q=0.3, text/*;q=0.4", TEXT),
        (f"text/plain;q=0.3, {OPEN};q=0.1, */*;q=0.9", TEXT),
        # The most specific range of a format decides, not the highest quality.
        ("text/plain;version=0.0.4;q=0.1, text/plain;q=0.9", TEXT_1),
        (f"text/plain;q=0.2, text/*;q=0.9, {OPEN};q=0.5", OPENMETRICS),
        # Between equals: what is named, then what is named first.
        (f"*/*, {OPEN}", OPENMETRICS),
        (f"text/plain, {OPEN};version=1.0.0", TEXT),
        (f"{OPEN}, text/plain;version=0.0.4", OPENMETRICS),
        # Only versions that are written.
        (f"{OPEN};version=2.0.0", TEXT),
        (f"{OPEN};version=2.0.0, {OPEN};version=1.0.0;q=0.1", OPENMETRICS),
        (f"{OPEN};version=2.0.0, text/plain;version=1.0.0;q=0.5", TEXT_1),
        (f"{OPEN};version=abc", TEXT),
        (f"{OPEN};version=", TEXT),
        ("text/plain;version=3.0.0", TEXT),
        (f"{OPEN};version=1.0.0;escaping=none", TEXT),
        (f"{OPEN};version=1.0.0;charset=latin-1, text/plain", TEXT),
        # Spelling.
        (f'{OPEN.upper()} ; Version="1.0.0" ; Charset=UTF-8', OPENMETRICS),
        (f' ,, {OPEN} ; q=0.5 ; version="1.0\\.0", text/plain;q=0.1;', OPENMETRICS),
        (f'text/html;note="a, b;q=1, */*", {OPEN}', OPENMETRICS),
        (f"{OPEN};q=.5, text/plain;q=0.4", OPENMETRICS),
        *((f"text/plain;q={q}, {OPEN};q=0.01", OPENMETRICS) for q in ("2", "-1", "nan", "", "1e0")),
        # Nothing that is written is accepted.
        ("application/json", TEXT),
        ("*/*;q=0", TEXT),
    ],
)  # fmt: skip
def test_qualities_and_specificity_are_compared(accept: str, expected: str) -> None:
    assert preferred(accept) == expected


@given(st.permutations(FORMATS), st.randoms(use_true_random=False))
def test_the_highest_quality_wins_in_every_order(
    ranked: list[str], shuffler: random.Random
) -> None:
    accept = [f"{each};q={1 - place / 20:.2f}" for place, each in enumerate(ranked)]
    accept += ["text/*;q=0.03", "*/*;q=0.02"]
    shuffler.shuffle(accept)
    assert preferred(",".join(accept)) == ranked[0]
    without = ",".join(accept).replace(f"{ranked[0]};q=1.00", f"{ranked[0]};q=0")
    assert preferred(without) == ranked[1]


PIECES = [*FORMATS, OPEN, "text/plain", "text/*", "*/*", "*", ";q=0", ";q=1", "version=", ",", ";"]


@given(st.text(max_size=80) | st.lists(st.sampled_from([*PIECES, '"', "\\", "="])).map("".join))
@example('"' * 16_000)
@example('"\\' * 8_000)
@example("\\" * 16_000 + '"')
@example('a;b="' * 3_000)
@example("a/b," * 4_000)
def test_any_header_gets_a_format_that_is_written_and_soon(header: str) -> None:
    with within(2):
        assert preferred(header) in FORMATS
        assert accepts_gzip(header) in (True, False)


def test_the_answer_has_the_format_and_names_it() -> None:
    pages = FakePages()
    with serving(pages) as server:
        plain = ask(server, "/metrics")
        openmetrics = ask(server, "/metrics", Accept=OPEN)
        unknown = ask(server, "/metrics", Accept=f"{OPEN};version=2.0.0")
    assert (plain.status, plain.headers["content-type"], plain.body) == (200, TEXT, b"up 1\n")
    assert openmetrics.headers["content-type"] == OPENMETRICS
    assert unknown.headers["content-type"] == TEXT
    assert pages.asked == [TEXT, OPENMETRICS, TEXT]
    assert plain.headers["vary"] == "Accept, Accept-Encoding"
    assert plain.headers["content-length"] == "5"
    assert "content-encoding" not in plain.headers


def test_accept_headers_on_several_lines_are_one_list() -> None:
    pages = FakePages()
    lines = ("Accept: text/plain;q=0.4", f"Accept: a/b, {OPEN};q=0.5", "Connection: close")
    with serving(pages) as server, clients(server, 1) as [client]:
        client.sendall(request("/metrics", *lines))
        assert client.makefile("rb").read().endswith(b"up 1\n")
    assert pages.asked == [OPENMETRICS]


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        ("gzip", True),
        ("GZIP, deflate", True),
        ("x-gzip", True),
        ("*", True),
        ("br;q=1.0, gzip;q=0.8, *;q=0.1", True),
        ("gzip;q=0.5, identity;q=0.5", True),
        ("gzip ; q=0.001", True),
        ("identity;q=0, *;q=0.1", True),
        ("identity;q=0.1, *;q=0.2", True),
        ("*;q=0, gzip;q=0.1", True),
        ("gzip;q=0, x-gzip;q=0.5", True),
        ("", False),
        ("br", False),
        ("identity", False),
        ("identity;q=0", False),
        ("gzip;q=0", False),
        ("gzip;q=0.000", False),
        ("*;q=0", False),
        ("*, gzip;q=0", False),
        ("gzip;q=0.5, *", False),
        ("gzip;q=0.5, identity", False),
        ("gzip;q=high", False),
        ("gzip;q=nan", False),
        ("gzip;q=2", False),
        ("gzipped", False),
        (",;,=;q=", False),
    ],
)
def test_gzip_is_used_where_the_client_would_have_it(header: str, accepted: bool) -> None:
    assert accepts_gzip(header) is accepted
