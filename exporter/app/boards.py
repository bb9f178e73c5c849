"""The data of the live page, from the series of a store."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dataflows.subsystem import Subsystem
from exporter.exposition import board, known
from exporter.exposition.store import SeriesStore
from exporter.exposition.telemetry import BusStatus
from exporter.web.board import AgentRow, QueueRow, ServerBoard
from exporter.web.views import KnownView

_METRICS = frozenset((*board.METRICS, *known.METRICS))


def boards(
    store: SeriesStore,
    buses: Sequence[BusStatus],
    subsystems: Iterable[Subsystem],
    *,
    is_stalled: bool,
) -> list[ServerBoard]:
    """Return what the page shows of each server of which there are series now.

    The store is blocked only while the series are copied. The other arguments are those of
    `exporter.exposition.known.known`.
    """
    series = store.columns(_METRICS)
    told = known.known_by_origin(series, buses, subsystems, is_stalled=is_stalled)
    return [
        ServerBoard(
            origin=server.origin,
            name=server.name,
            bus=server.bus,
            known=[KnownView(*each) for each in told.get(server.origin, ())],
            events=server.events,
            last_event_at=server.last_event_at,
            today_from=server.today_from,
            queues=[QueueRow(*each) for each in server.queues],
            activities=server.activities,
            agents=[AgentRow(*each) for each in server.agents],
            services_down=server.services_down,
            trunks_lost=server.trunks_lost,
        )
        for server in board.servers(series, told)
    ]
