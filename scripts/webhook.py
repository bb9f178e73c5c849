"""A webhook for Alertmanager that prints every alert on one line.

    firing XivoServiceDown origin_uuid=ca7f… service_name=xivo-ctid severity=critical: xivo-ctid…

`python3 scripts/webhook.py` listens on the address in `dashboards/alertmanager.yml`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PORT = 9095


def line(alert: Mapping[str, Any]) -> str:
    """Return one line for an alert in the webhook format of Alertmanager."""
    labels = {**alert["labels"]}
    name = labels.pop("alertname")
    words = [alert["status"], name, *(f"{key}={value}" for key, value in sorted(labels.items()))]
    text = f"{' '.join(words)}: {alert['annotations'].get('summary', '')}"
    # A label may contain any characters of an event, even line breaks.
    return "".join(each if each.isprintable() else "?" for each in text)


class Printer(BaseHTTPRequestHandler):
    """A handler that prints the alerts of each notification."""

    def do_POST(self) -> None:
        """Print the alerts of one notification."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        for alert in json.loads(body)["alerts"]:
            print(line(alert), flush=True)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Log nothing, because only alerts are printed."""


def listen(port: int) -> ThreadingHTTPServer:
    """Return a server that listens on loopback. Port 0 is any free port."""
    return ThreadingHTTPServer(("127.0.0.1", port), Printer)


if __name__ == "__main__":
    listen(PORT).serve_forever()
