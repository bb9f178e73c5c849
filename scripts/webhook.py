"""A webhook for Alertmanager that prints every alert, one a line.

    firing XivoServiceDown origin_uuid=ca7f… service_name=xivo-ctid severity=critical: xivo-ctid…

`python3 scripts/webhook.py` listens where `dashboards/alertmanager.yml` sends to.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PORT = 9095


def line(alert: Mapping[str, Any]) -> str:
    """Write an alert of Alertmanager's webhook format as one line."""
    labels = {**alert["labels"]}
    name = labels.pop("alertname")
    words = [alert["status"], name, *(f"{key}={value}" for key, value in sorted(labels.items()))]
    text = f"{' '.join(words)}: {alert['annotations'].get('summary', '')}"
    # Whatever the bus made of a label: it is still one line.
    return "".join(each if each.isprintable() else "?" for each in text)


class Printer(BaseHTTPRequestHandler):
    """Prints the alerts of each notification."""

    def do_POST(self) -> None:
        """Take one notification."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        for alert in json.loads(body)["alerts"]:
            print(line(alert), flush=True)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Keep quiet: only alerts are printed."""


def listen(port: int) -> ThreadingHTTPServer:
    """Listen on loopback; 0 is any free port."""
    return ThreadingHTTPServer(("127.0.0.1", port), Printer)


if __name__ == "__main__":
    listen(PORT).serve_forever()
