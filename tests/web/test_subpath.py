"""The pages behind a reverse proxy that serves them under a longer path."""

import contextlib
import http.client
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from urllib.parse import urljoin

from exporter.web.server import WebServer
from exporter.web.views import Link
from tests.http_server import answering
from tests.web.serving import GENEROUS, FakePages, serving
from tests.web.test_landing import Outline

PREFIX = "/telephony/exporter"


@contextmanager
def proxied(server: WebServer) -> Iterator[str]:
    """Run a reverse proxy that removes the prefix, and give the address of the landing page."""

    class Proxy(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if not self.path.startswith(f"{PREFIX}/"):
                self.send_error(502, "not a page of the exporter")
                return
            connection = http.client.HTTPConnection(*server.address, timeout=GENEROUS)
            path = self.path.removeprefix(PREFIX)
            connection.request("GET", path, headers=dict(self.headers))
            answer = connection.getresponse()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                # Without a length, the answer ends with the connection.
                if name.lower() != "transfer-encoding":
                    self.send_header(name, value)
            self.end_headers()
            with contextlib.suppress(OSError):  # The browser may have gone.
                while piece := answer.read1(65536):
                    self.wfile.write(piece)
            connection.close()

        def log_message(self, *_: object) -> None:
            pass

    with answering(Proxy) as port:
        yield f"http://127.0.0.1:{port}{PREFIX}/"


def test_every_link_of_the_landing_page_works() -> None:
    links = [Link("https://docs.example.org/", "Documentation")]
    with serving(FakePages(), links=links) as server, proxied(server) as page:

        def get(url: str) -> bytes:
            with urllib.request.urlopen(url, timeout=GENEROUS) as answer:  # noqa: S310 -- http
                body: bytes = answer.read()
            return body

        hrefs = [urljoin(page, each) for each in Outline(get(page).decode()).hrefs]
        same, english, french, *others = hrefs
        assert same == f"{page}#main"
        assert b'lang="en"' in get(english)
        assert b"en direct" in get(french)
        assert others.pop() == "https://docs.example.org/"
        assert [get(each) for each in others] == [b"up 1\n", b"Healthy.\n", b"Ready.\n"]
