"""The exporter itself: is what the other dashboards show true and new?"""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards import frame, house, palette
from dashboards.frame import Section
from dashboards.names import EXPORTER
from dashboards.panels import Panel, bars, lines, stat, timeline
from dashboards.signals import bus, deliveries, exporter
from dashboards.tables import Column, table

_CONNECTED: house.Words = {0: ("broken", palette.BAD), 1: ("connected", palette.GOOD)}
_STALLED: house.Words = {0: ("moving", palette.GOOD), 1: ("stalled", palette.BAD)}


def dashboard() -> Dashboard:
    """Build the dashboard."""
    return frame.frame(
        EXPORTER,
        "Exporter",
        "The exporters themselves: throughput, rejections by reason, gaps, lag, series, stalls. "
        "Each exporter speaks for itself here: replicas are shown side by side.",
        (frame.origins(), frame.jobs(), frame.instances()),
        (
            Section("Is it well?", _well()),
            Section("Deliveries", _deliveries()),
            Section("Delay", _delay()),
            Section("Connections", _connections()),
            Section("Series", _series()),
            Section("Who is read, and by whom", _origins()),
        ),
    )


def _well() -> list[Panel]:
    return [
        stat("Exporters", "Exporters scraped.", exporter.EXPORTERS, steps=house.NONE_IS_BAD),
        stat(
            "Buses disconnected",
            "Buses that an exporter has no connection to: no events arrive from there. An exporter "
            "that stands by for another counts, too.",
            exporter.DISCONNECTED,
            steps=house.NONE_IS_GOOD,
            words=house.NONE,
        ),
        stat(
            "Dataflows stalled",
            "Exporters whose dataflow makes no progress: all they show is as it was before.",
            exporter.ALL_STALLED,
            steps=house.NONE_IS_GOOD,
            words=house.NONE,
        ),
        stat(
            "Gaps",
            "Times in the time that is shown that events were certainly or possibly missed.",
            exporter.ALL_GAPS,
            steps=house.SOME_IS_ODD,
            words=house.NONE,
            decimals=0,
        ),
        stat(
            "Rejected",
            "Deliveries that could not be used, in the time that is shown, by the exporter that "
            "rejected most.",
            deliveries.REJECTED_COUNT,
            steps=house.SOME_IS_ODD,
            words=house.NONE,
            decimals=0,
        ),
        stat(
            "Samples without room",
            "Samples that were not shown because the cap on series was reached, in the time that "
            "is shown, by the exporter that lost most.",
            exporter.DROPPED,
            steps=house.SOME_IS_ODD,
            words=house.NONE,
            decimals=0,
        ),
    ]


def _deliveries() -> list[Panel]:
    return [
        lines(
            "Deliveries a second",
            "What became of the deliveries of each exporter. All are the sum of used, unused, "
            "rejected and duplicates.",
            deliveries.ALL,
            deliveries.USED,
            deliveries.UNUSED,
            deliveries.REJECTED,
            deliveries.DUPLICATES,
            looks={
                "all": house.Look(palette.GREY, width=4),
                "used": house.Look(palette.BLUE),
                "unused": house.Look(palette.SKY_BLUE, (2, 4)),
                "rejected": house.Look(palette.VERMILION, (10, 6)),
                "duplicates": house.Look(palette.REDDISH_PURPLE, (10, 4, 2, 4)),
            },
        ),
        bars(
            "Rejected, by reason",
            "In the time that is shown, by the exporter that rejected most.",
            deliveries.BY_REASON,
            steps=house.SOME_STANDS_OUT,
            decimals=0,
            span=6,
        ),
        bars(
            "Events a second, by name",
            f"What the chosen servers publish: the {bus.MANY} most frequent events.",
            bus.EVENTS,
            decimals=2,
            span=6,
        ),
    ]


def _delay() -> list[Panel]:
    return [
        lines(
            "Since the newest delivery",
            "Time since a delivery arrived from each bus, by exporter.",
            deliveries.SILENCE,
            looks={},
            span=6,
        ),
        lines(
            "Since the end of a window",
            "A line goes up to the length of its window and down again. One that rises on tells "
            "that the dataflow does not follow.",
            deliveries.WINDOW_LAG,
            looks={},
            span=6,
        ),
        bars(
            "Late events",
            "Events in the time that is shown that were older than the shortest window. A few in "
            "a thousand are normal; many tell of a wrong clock or time zone.",
            exporter.LATE,
            decimals=0,
            span=6,
        ),
        bars(
            "Impossible time stamps",
            "Events in the time that is shown that claimed a time ahead of their arrival, or a day "
            "before it.",
            deliveries.CLAMPED,
            steps=house.SOME_STANDS_OUT,
            decimals=0,
            span=6,
        ),
    ]


def _connections() -> list[Panel]:
    return [
        timeline(
            "Connection to the bus",
            "Whether deliveries could arrive, by bus and exporter.",
            exporter.CONNECTED,
            words=_CONNECTED,
            span=8,
            height=6,
        ),
        timeline(
            "Dataflow",
            "Whether the dataflow made progress, by exporter.",
            exporter.STALLED,
            words=_STALLED,
            span=6,
            height=6,
        ),
        table(
            "Buses",
            "Connections made and broken and gaps in the time that is shown, and when the last "
            "gap was noticed.",
            {"bus": "bus", "instance": "exporter"},
            (
                Column("connects", exporter.CONNECTS, decimals=0),
                Column("disconnects", exporter.DISCONNECTS, decimals=0),
                Column("gaps", exporter.GAPS, steps=house.SOME_IS_ODD, decimals=0),
                Column("last gap", exporter.LAST_GAP_AT, words=house.NEVER),
            ),
            span=10,
            height=6,
        ),
    ]


def _series() -> list[Panel]:
    return [
        bars(
            "Series, by metric",
            f"The {exporter.MANY} metrics with most series, of the exporter that has most. The cap "
            "is 10,000 a metric, unless --max-series says otherwise.",
            exporter.SERIES,
            span=9,
            height=10,
        ),
        lines(
            "Series, by exporter",
            "All series that an exporter shows.",
            exporter.ALL_SERIES,
            looks={},
            span=6,
            height=10,
        ),
        bars(
            "Without room, by metric",
            "Samples in the time that is shown that were not shown because the cap was reached: "
            "the five metrics that lost most.",
            exporter.BY_DROPPED,
            steps=house.SOME_STANDS_OUT,
            decimals=0,
            span=9,
            height=10,
        ),
    ]


def _origins() -> list[Panel]:
    return [
        table(
            "Servers",
            "Each server, the bus that it was seen on, how many exporters show it, how long it was "
            "silent, and by how much the exporter that knows least of it is behind the others.",
            {"origin_uuid": "server", "bus": "bus"},
            (
                Column("", bus.ORIGINS),
                Column("exporters", bus.READERS),
                Column("silent for", bus.SILENCE, decimals=0),
                Column("behind by", bus.DISAGREEMENT, decimals=0),
            ),
            span=14,
            height=5,
        ),
        table(
            "Versions",
            "Versions of each exporter, of its Python and of bytewax.",
            {"instance": "exporter", "version": "version"}
            | {"python_version": "Python", "bytewax_version": "bytewax"},
            (Column("", exporter.BUILDS),),
            span=10,
            height=5,
        ),
    ]
