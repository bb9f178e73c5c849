"""All dashboards, and the files that Grafana imports."""

from __future__ import annotations

import json
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from dashboards import (
    call_centre,
    endpoints,
    exporter,
    overview,
    services,
    switchboards,
    telephony,
    wallboard,
)

FOLDER = Path(__file__).parent

DASHBOARDS = {
    "overview": overview.dashboard,
    "wallboard": wallboard.dashboard,
    "call_centre": call_centre.dashboard,
    "endpoints": endpoints.dashboard,
    "telephony": telephony.dashboard,
    "switchboards": switchboards.dashboard,
    "services": services.dashboard,
    "exporter": exporter.dashboard,
}
"""Builders, by the name of the module and of the file."""


def files() -> dict[Path, str]:
    """Return the text of every file."""
    return {
        FOLDER / f"{stem}.json": json.dumps(build(), cls=JSONEncoder, indent=2) + "\n"
        for stem, build in DASHBOARDS.items()
    }
