"""What is doubtful about the answers of APIs, for the pages and the log."""

from __future__ import annotations

from collections.abc import Iterable

import structlog

from dataflows.listings import Source
from dataflows.outputs import AnswerCompared
from exporter.exposition.telemetry import BusStatus

log = structlog.get_logger(__name__)


class Doubts:
    """Notes in the status of a bus why an answer does not make a state complete.

    Args:
        buses: Those that this process may read.
    """

    def __init__(self, buses: Iterable[BusStatus]) -> None:
        self._statuses = {bus.name: bus for bus in buses}

    def __call__(self, compared: AnswerCompared) -> None:
        """Note how an answer compares; log it when that changes."""
        status = self._statuses.get(compared.bus)
        source = status and status.sources.get(Source(compared.source))
        if not source:
            return
        before, doubt = source.doubts.get(compared.subsystem, ""), _doubt(compared)
        # A new dict, because the pages read the old one.
        source.doubts = {**source.doubts, compared.subsystem: doubt}
        if doubt and doubt != before:
            log.warning(
                "the answer of the API does not make the state complete",
                bus=compared.bus,
                problem=doubt,
            )


def problems_of_apis(bus: BusStatus) -> tuple[str, ...]:
    """Return what is wrong with the APIs of a bus, a line for each problem."""
    problems = [
        problem
        for each in bus.sources.values()
        for problem in ([each.problem] if each.problem else each.doubts.values())
    ]
    strangers = [_STRANGER.format(origin) for origin in bus.strangers]
    return (*filter(None, problems), *strangers)


def _doubt(compared: AnswerCompared) -> str:
    if compared.refused:
        return (
            f"{compared.refused} {compared.subsystem} of {compared.source} are more than the "
            "exporter keeps: check --max-series and xivo_exporter_series_dropped_total"
        )
    if not compared.lacking:
        return ""
    return (
        f"{compared.source} lacks {compared.lacking} {compared.subsystem} that events told of: "
        "does the user have auth.tenants.read, and is it in the master tenant?"
    )


_STRANGER = "the API is that of the server {}, whose events this bus does not carry"
