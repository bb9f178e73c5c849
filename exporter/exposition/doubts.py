"""What is doubtful about the answers of APIs, for the pages and the log."""

from __future__ import annotations

from collections.abc import Iterable

import structlog

from dataflows.listings import Source
from dataflows.outputs import AnswerCompared
from exporter.exposition.telemetry import BusStatus

log = structlog.get_logger(__name__)


class Doubts:
    """Notes in the status of a bus that an answer lacks most of what events told.

    Args:
        buses: Those that this process may read.
    """

    def __init__(self, buses: Iterable[BusStatus]) -> None:
        self._statuses = {bus.name: bus for bus in buses}
        # By bus and API, then by subsystem: several subsystems follow one API.
        self._doubts: dict[tuple[str, str], dict[str, str]] = {}

    def __call__(self, compared: AnswerCompared) -> None:
        """Note how an answer compares; log it when that changes."""
        status = self._statuses.get(compared.bus)
        source = status and status.sources.get(Source(compared.source))
        if not source:
            return
        doubts = self._doubts.setdefault((compared.bus, compared.source), {})
        doubts[compared.subsystem] = _doubt(compared)
        before, source.doubt = source.doubt, "; ".join(filter(None, doubts.values()))
        if source.doubt and source.doubt != before:
            log.warning(
                "the answer of the API is not believed", bus=compared.bus, problem=source.doubt
            )


def problems_of_apis(bus: BusStatus) -> tuple[str, ...]:
    """Return what is wrong with the APIs of a bus, a line for each problem."""
    problems = [each.problem or each.doubt for each in bus.sources.values()]
    strangers = [_STRANGER.format(origin) for origin in bus.strangers]
    return (*filter(None, problems), *strangers)


def _doubt(compared: AnswerCompared) -> str:
    if not compared.lacking:
        return ""
    return (
        f"{compared.source} lacks {compared.lacking} {compared.subsystem} that events told of: "
        "does the user have auth.tenants.read, and is it in the master tenant?"
    )


_STRANGER = "the API is that of the server {}, whose events this bus does not carry"
