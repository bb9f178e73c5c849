"""A real Prometheus that scrapes the ports of a test, and answers queries."""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import urlopen

from tests.support import ProcessGroup, eventually, free_port, missing

SCRAPE_SECONDS = 1

Point = tuple[float, float]
"""Unix seconds and a value."""


@dataclass(frozen=True)
class Series:
    """One series of a query result."""

    labels: Mapping[str, str]
    points: Sequence[Point]

    @property
    def value(self) -> float:
        """The newest value."""
        return self.points[-1][1]


class Prometheus:
    """The server in a subprocess, on a loopback port, with an empty store."""

    def __init__(
        self,
        directory: Path,
        jobs: Mapping[str, Sequence[int]],
        *,
        further: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        """Prepare to run the server.

        Args:
            directory: Directory for its storage, its configuration and its log.
            jobs: Loopback ports to scrape, by job name.
            further: Further settings of some of these jobs, such as `scrape_protocols`.
        """
        program = shutil.which("prometheus")
        if program is None:
            missing("prometheus", "apt-get install prometheus")
        self._program = program
        self._directory = directory
        self._port = free_port()
        self._targets = [port for ports in jobs.values() for port in ports]
        scrapes = [
            {
                "job_name": job,
                "static_configs": [{"targets": [f"127.0.0.1:{port}" for port in ports]}],
                **(further or {}).get(job, {}),
            }
            for job, ports in jobs.items()
        ]
        seconds = f"{SCRAPE_SECONDS}s"
        configuration = {"global": {"scrape_interval": seconds}, "scrape_configs": scrapes}
        # JSON is YAML.
        (directory / "prometheus.yml").write_text(json.dumps(configuration))
        self._group = ProcessGroup(directory)

    def __enter__(self) -> Self:
        self._group.spawn(
            [
                self._program,
                f"--config.file={self._directory / 'prometheus.yml'}",
                f"--storage.tsdb.path={self._directory / 'store'}",
                f"--web.listen-address=127.0.0.1:{self._port}",
            ],
            env=os.environ,
            stdout=self._directory / "prometheus.log",
        )
        eventually(
            self._has_scraped,
            timeout=30,
            what="Prometheus has scraped all targets",
            ignoring=(URLError, ConnectionError),
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._group.close()

    def query(self, expr: str, at: float | None = None) -> list[Series]:
        """Run an instant query at a time, by default now."""
        result = self._get("query", {"query": expr} | ({} if at is None else {"time": at}))
        if result["resultType"] == "scalar":
            return [Series({}, [_point(result["result"])])]
        return [Series(each["metric"], [_point(each["value"])]) for each in result["result"]]

    def query_range(self, expr: str, start: float, end: float, step: float) -> list[Series]:
        """Run a range query."""
        result = self._get(
            "query_range", {"query": expr, "start": start, "end": end, "step": step}
        )["result"]
        return [Series(each["metric"], list(map(_point, each["values"]))) for each in result]

    def label_values(self, label: str, *, of: str) -> list[str]:
        """Return the values of a label in the series that match `of`."""
        with urlopen(  # noqa: S310 -- our own server
            f"{self._api}/label/{label}/values?{urlencode({'match[]': of})}", timeout=20
        ) as answer:
            values: list[str] = json.load(answer)["data"]
        return values

    def _has_scraped(self) -> bool:
        try:
            return len(self.query("up == 1")) == len(self._targets)
        except HTTPError as error:
            # It is reading its store.
            error.close()
            return False

    @property
    def _api(self) -> str:
        return f"http://127.0.0.1:{self._port}/api/v1"

    def _get(self, path: str, parameters: Mapping[str, object]) -> Any:  # noqa: ANN401 -- JSON
        with urlopen(  # noqa: S310 -- our own server
            f"{self._api}/{path}?{urlencode(parameters)}", timeout=20
        ) as answer:
            return json.load(answer)["data"]


@contextmanager
def served(text: str) -> Iterator[int]:
    """Serve an exposition on a loopback port, and yield the port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = text.encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:  # noqa: ANN401 -- as its base
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", free_port()), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def _point(pair: Sequence[Any]) -> Point:
    return float(pair[0]), float(pair[1])
