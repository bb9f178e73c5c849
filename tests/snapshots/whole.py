"""A server whose APIs tell everything that the exporter asks for."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.snapshots.server import AGENTS, PASSWORD, USER, Apis, body

QUEUE_STATUS = "/amid/1.0/action/QueueStatus"
PRESENCES = "/chatd/1.0/users/presences"
LINES = "/calld/1.0/lines"
TRUNKS = "/calld/1.0/trunks"
CALLS = "/calld/1.0/calls"
PARKING = "/calld/1.0/parkinglots"
SWITCHBOARDS = "/confd/1.1/switchboards"
_SWITCHBOARD = "/calld/1.0/switchboards/b1b2c3d4-0000-4000-8000-000000000001/calls"
QUEUES = "/confd/1.1/queues"
GROUPS = "/confd/1.1/groups"

RIGHTS = {
    QUEUE_STATUS: "amid.action.QueueStatus.create",
    AGENTS: "agentd.agents.read",
    PRESENCES: "chatd.users.presences.read",
    LINES: "calld.lines.read",
    TRUNKS: "calld.trunks.read",
    CALLS: "calld.calls.read",
    PARKING: "calld.parkings.read",
    SWITCHBOARDS: "confd.switchboards.read",
    **{
        f"{_SWITCHBOARD}/{state}": f"calld.switchboards.*.calls.{state}.read"
        for state in ("queued", "held")
    },
    QUEUES: "confd.queues.read",
    GROUPS: "confd.groups.read",
}
BODIES = {
    QUEUE_STATUS: "amid_action_QueueStatus",
    AGENTS: "agentd_agents",
    PRESENCES: "chatd_users_presences",
    LINES: "calld_lines",
    TRUNKS: "calld_trunks",
    CALLS: "calld_calls",
    PARKING: "calld_parkinglots",
    SWITCHBOARDS: "confd_switchboards_keys_used",
    f"{_SWITCHBOARD}/queued": "calld_switchboard_calls_queued",
    f"{_SWITCHBOARD}/held": "calld_switchboard_calls_held",
    QUEUES: "confd_queues",
    GROUPS: "confd_groups_keys_used",
}

SOURCES = {
    "amid": QUEUE_STATUS,
    "agentd": AGENTS,
    "chatd": PRESENCES,
    "calld": CALLS,
    "confd": QUEUES,
}
"""A path for which each source asks once each time."""

PATHS = {source: (path,) for source, path in SOURCES.items()} | {
    "calld": (LINES, TRUNKS, CALLS, PARKING, SWITCHBOARDS)
}
"""All lists of each source that make a state complete; those of calld may fail alone."""


def tell_all(apis: Apis) -> Apis:
    """Let the APIs tell what stands in the bodies, to a user with all rights."""
    apis.rights |= {*RIGHTS.values()}
    for path, name in BODIES.items():
        apis.contents[path] = (RIGHTS[path], body(name))
    return apis


def tell(apis: Apis, path: str, content: object) -> None:
    """Let an API tell something else from now on."""
    apis.contents[path] = (RIGHTS[path], json.dumps(content).encode())


def told(apis: Apis, path: str) -> Any:  # noqa: ANN401 -- JSON
    """Return what an API tells."""
    return json.loads(apis.contents[path][1])


def changed(apis: Apis, path: str, change: Callable[[Any], object]) -> None:
    """Let an API tell something else from now on, of which no event tells."""
    content = told(apis, path)
    change(content)
    tell(apis, path, content)


def arguments(apis: Apis, folder: Path, **settings: str) -> list[str]:
    """Return the arguments with which the exporter asks these APIs.

    Args:
        apis: The server.
        folder: For the file with the password.
        settings: Others, without `api_`.
    """
    file = folder / "api-password"
    file.write_text(PASSWORD)
    file.chmod(0o600)
    given: Mapping[str, str] = {
        "url": apis.url,
        "username": USER,
        "password_file": f"{file}",
        **settings,
    }
    return [f"--api-{name.replace('_', '-')}={value}" for name, value in given.items()]
