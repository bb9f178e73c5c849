"""Panels about what the exporters know of each server, and how they ask for it."""

from __future__ import annotations

from dashboards import house, palette
from dashboards.panels import Panel
from dashboards.signals import knowledge
from dashboards.signals import snapshots as requests
from dashboards.tables import Column, table

_STATE: house.Words = {0: ("partial", palette.GREY), 1: ("complete", palette.GOOD)}
_NEVER: house.Words = {0: ("never", palette.BAD)}


def known() -> list[Panel]:
    """Build the panels that show what the exporters know of each server."""
    return [
        table(
            "What is known",
            "Each server and subsystem that has published events. Complete: the exporter knows "
            "the whole state and has missed nothing since. Partial: the numbers may be too low or "
            "old. That is normal after a start and, without an API, always. The services of a "
            "newer Wazo are always partial, because it has no list of them: nothing is wrong. "
            "Drift: what was wrong in a complete state, in the selected time range, because events "
            "were missed. An answer of an API showed and repaired it. Chat, call forms, voicemail, "
            "conferences and faxes have no state that can be complete, only events.",
            {"server": "server", "subsystem": "subsystem"},
            (
                Column("state", knowledge.STATE, words=_STATE),
                Column("complete since", knowledge.COMPLETE_SINCE),
                Column("time since the last event", knowledge.LAST_EVENT, decimals=0),
                Column("drift", knowledge.DRIFT, steps=house.SOME_IS_ODD, decimals=0),
            ),
            span=16,
            height=12,
        ),
        table(
            "Drift, by kind",
            "Agents, queue members, callers and so on that were wrong in a complete state, in the "
            "selected time range. Added: the exporter did not know them. "
            "Removed: they were gone. Changed: it showed an old state. A few are normal, many mean "
            "that events are lost. No data means that no API has answered.",
            {"subsystem": "subsystem"},
            tuple(
                Column(kind, signal, steps=house.SOME_STANDS_OUT, decimals=0)
                for kind, signal in knowledge.BY_DRIFT.items()
            ),
            span=8,
            height=12,
        ),
    ]


def snapshots() -> list[Panel]:
    """Build the panels about the requests for the whole state of servers."""
    return [
        table(
            "Requests to APIs, by outcome",
            "Requests for the whole state of a server in the selected time range, of the exporter "
            "with most requests. No data means that no API is set.",
            {"source": "API", "outcome": "outcome"},
            (Column("requests", requests.BY_OUTCOME, decimals=0),),
            span=12,
        ),
        table(
            "APIs",
            "Each API that an exporter asks for the whole state of a server: when it last gave a "
            "complete answer, and how long the last request took. The page of the exporter shows "
            "the reason of a failure.",
            {"bus": "bus", "source": "API", "instance": "exporter"},
            (
                Column("last success", requests.LAST_SUCCESS_AT, words=_NEVER),
                Column("duration", requests.DURATION, decimals=2),
            ),
            span=12,
        ),
    ]
