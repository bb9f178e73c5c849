"""All dashboards, and the files that Grafana imports."""

from __future__ import annotations

import json
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from dashboards import call_centre, endpoints, exporter, overview, services

FOLDER = Path(__file__).parent

DASHBOARDS = {
    "overview": overview.dashboard,
    "call_centre": call_centre.dashboard,
    "endpoints": endpoints.dashboard,
    "services": services.dashboard,
    "exporter": exporter.dashboard,
}
"""By the stem of module and file."""


def files() -> dict[Path, str]:
    """Give the text of every file."""
    return {
        FOLDER / f"{stem}.json": json.dumps(build(), cls=JSONEncoder, indent=2) + "\n"
        for stem, build in DASHBOARDS.items()
    }
