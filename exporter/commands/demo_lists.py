"""What the APIs of the demo answer, by method and path."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from exporter.simulation.apis import Apis
from exporter.simulation.wazo.apis import WazoApis
from exporter.simulation.wazo.server import Wazo

Lists = Mapping[tuple[str, str], Callable[[], object]]
"""Returns an answer, by method and path."""


def lists(apis: Apis, speed: float, base: str) -> Lists:
    """Return the answers of a server.

    Args:
        apis: Of the call centre.
        speed: Simulated seconds in each second.
        base: Path of the APIs, for a Wazo: as behind its web server, each daemon is below it.
    """
    of_daemons: dict[str, dict[tuple[str, str], Callable[[], object]]] = {
        "auth": {("GET", "/0.1/tenants"): lambda: _page(apis.tenants())},
        "amid": {("POST", "/1.0/action/QueueStatus"): lambda: apis.queue_status(speed=speed)},
        "agentd": {("GET", "/1.0/agents"): apis.agents},
        "confd": {
            ("GET", "/1.1/queues"): lambda: _page(apis.queues()),
            ("GET", "/1.1/groups"): lambda: _page(apis.groups()),
        },
    }
    if not isinstance(apis, WazoApis):
        return {each: answer for found in of_daemons.values() for each, answer in found.items()}
    for daemon, more in _of_wazo(apis).items():
        of_daemons[daemon] = of_daemons.get(daemon, {}) | more
    return {
        (method, f"{base}/{daemon}{path}"): answer
        for daemon, found in of_daemons.items()
        for (method, path), answer in found.items()
    }


def _of_wazo(apis: WazoApis) -> dict[str, dict[tuple[str, str], Callable[[], object]]]:
    """Return what only a Wazo answers, by daemon."""
    wazo = apis.wazo
    board = wazo.switchboard
    answers: dict[str, dict[tuple[str, str], Callable[[], object]]] = {
        daemon: {
            ("GET", f"/{_VERSIONS.get(daemon, '1.0')}/status"): partial(wazo.daemons.listed, daemon)
        }
        for daemon in wazo.daemons.components
    }
    answers["chatd"]["GET", "/1.0/users/presences"] = lambda: _page(apis.presences())
    answers["confd"]["GET", "/1.1/switchboards"] = lambda: _page(apis.switchboards())
    answers["calld"] |= {
        ("GET", "/1.0/lines"): lambda: _page(apis.lines()),
        ("GET", "/1.0/trunks"): lambda: _page(apis.trunks()),
        ("GET", "/1.0/calls"): lambda: {"items": apis.calls()},
        ("GET", "/1.0/parkinglots"): lambda: {"items": apis.parking_lots()},
    }
    for state in board.waiting:
        path = f"/1.0/switchboards/{board.uuid}/calls/{state}"
        answers["calld"]["GET", path] = partial(_waiting, wazo, state)
    return answers


def _waiting(wazo: Wazo, state: str) -> object:
    return {"items": wazo.switchboard.listed(state)}


_VERSIONS = {"confd": "1.1"}
"""Of the APIs of daemons, if it is not 1.0."""


def _page(items: list[dict[str, object]]) -> dict[str, object]:
    """Return a list as the daemons show it; all of it is one page."""
    return {"items": items, "total": len(items), "filtered": len(items)}
