"""Queries about the requests to APIs for the whole state of servers, by exporter."""

from __future__ import annotations

from dashboards.promql import Signal, own, worst
from exporter.exposition import snapshot_status

BY_OUTCOME = Signal(
    f"sort_desc({worst(own(snapshot_status.SNAPSHOTS, 'increase'), 'source', 'outcome')} > 0)"
)
LAST_SUCCESS_AT = Signal(f"1000 * {own(snapshot_status.LAST_SUCCESS_AT)}", "dateTimeFromNow")
DURATION = Signal(own(snapshot_status.DURATION), "s")
