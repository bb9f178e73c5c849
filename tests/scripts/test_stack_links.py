"""The links that the local stack prints lead somewhere."""

import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.request import urlopen

import pytest

from scripts.stack_links import ALERTMANAGER, PROMETHEUS, first_that_works
from tests.http_server import answering
from tests.support import REPOSITORY, ProcessGroup, eventually, missing

EMPTY = "<html><body><h1>This package has no web application.</h1></body></html>"


@contextmanager
def serving(pages: Mapping[str, str]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = pages.get(self.path.partition("?")[0])
            self.send_response(404 if page is None else 200)
            self.end_headers()
            self.wfile.write((page or "404 page not found").encode())

        def log_message(self, *_: object) -> None:
            pass

    with answering(Handler) as port:
        yield f"127.0.0.1:{port}"


@pytest.mark.parametrize(
    ("pages", "path"),
    [
        # The project's own Prometheus 3, and 2.
        (
            {
                "/alerts": '<script type="module" crossorigin src="./assets/i.js"></script>',
                "/assets/i.js": "1",
            },
            "/alerts",
        ),
        ({"/alerts": '<script defer src="/static/js/main.js?v=2">', "/static/js/main.js": "1"},
            "/alerts"),
        # Debian's.
        ({"/classic/alerts": '<script src="/classic/x.js?v=2.42">', "/classic/x.js": "1"},
            "/classic/alerts"),
        # Scripts that are missing: the page would stay empty.
        ({"/alerts": '<script src="/static/main.js">'}, "/api/v1/rules"),
        ({}, "/api/v1/rules"),
    ],
)  # fmt: skip
def test_the_first_page_of_prometheus_that_works_is_found(
    pages: Mapping[str, str], path: str
) -> None:
    with serving({"/api/v1/rules": '{"status":"success"}', **pages}) as address:
        assert first_that_works(address, PROMETHEUS).url == f"http://{address}{path}"


@pytest.mark.parametrize(
    ("pages", "path"),
    [
        ({"/": '<script src="script.js"></script>', "/script.js": "1"}, "/"),
        ({"/": EMPTY}, "/api/v2/alerts"),
    ],
)
def test_the_page_of_alertmanager_is_one_that_works(pages: Mapping[str, str], path: str) -> None:
    with serving({"/api/v2/alerts": "[]", **pages}) as address:
        assert first_that_works(address, ALERTMANAGER).url == f"http://{address}{path}"


@pytest.mark.promtool
@pytest.mark.alertmanager
def test_every_link_that_is_printed_shows_what_it_says(tmp_path: Path) -> None:
    for program in ("prometheus", "prometheus-alertmanager"):
        if shutil.which(program) is None:
            missing(program, f"apt-get install {program}")
    output = tmp_path / "output"
    group = ProcessGroup(REPOSITORY)
    ours = {k: v for k, v in os.environ.items() if not k.startswith("XIVO_EXPORTER_")}
    try:
        group.spawn(
            [sys.executable, "-m", "scripts.stack"],
            env={**ours, "TMPDIR": f"{tmp_path}"},
            stdout=output,
        )
        eventually(lambda: "Ctrl-C" in output.read_text(), timeout=120, what=output.read_text)
        links = re.findall(r"^  (http://\S+) +(.+)$", output.read_text(), re.MULTILINE)
        exporter, prometheus, alertmanager = (_shown(url) for url, _ in links)
    finally:
        group.close()
    assert "xivo-exporter" in exporter
    # The names of the rules; a page that is filled by its scripts has its name only.
    assert "XivoServiceDown" in prometheus or "Prometheus" in prometheus
    assert "Alertmanager" in alertmanager or alertmanager.startswith("[")
    assert "does not include a web" not in alertmanager


def _shown(url: str) -> str:
    with urlopen(url, timeout=60) as answer:  # noqa: S310 -- http
        assert answer.status == 200
        text: str = answer.read().decode()
    return text
