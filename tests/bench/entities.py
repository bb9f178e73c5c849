"""Events of many entities, for benchmarks of states that know many."""

from __future__ import annotations

import json

_STATUSES = (0, 0, 0, 0, 0, 1, 1, 8, 4)

TURNS = 2 * len(_STATUSES)
"""After so many, each entity is as it was."""


def status_of_endpoint(number: int, turn: int = 0, origins: int = 1) -> bytes:
    """Tell the status of an endpoint; on each turn another, mostly."""
    status = _STATUSES[(number + turn) % len(_STATUSES)]
    return _body("endpoint_status_update", number, origins, endpoint_id=number, status=status)


def status_of_agent(number: int, turn: int = 0, origins: int = 1) -> bytes:
    """Tell the status of an agent; on each turn the other."""
    status = ("logged_in", "logged_out")[(number + turn) % 2]
    return _body("agent_status_update", number, origins, agent_id=number, status=status)


def _body(name: str, number: int, origins: int, **data: object) -> bytes:
    origin = f"{number % origins:08x}-c2c8-5fad-ba1b-c3140ebb9be3"
    return json.dumps({"name": name, "origin_uuid": origin, "data": data}).encode()
