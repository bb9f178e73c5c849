"""The exporters themselves: are the other dashboards correct and up to date?"""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards import frame, house, knowledge_panels, palette
from dashboards.frame import Section
from dashboards.names import EXPORTER, OVERVIEW
from dashboards.panels import Panel, bars, lines, stat, timeline
from dashboards.signals import bus, deliveries, exporter
from dashboards.tables import Column, table

_CONNECTION: house.Words = {
    0: ("disconnected", palette.BAD),
    1: ("connected", palette.GOOD),
    2: ("standby", palette.GREY),
}
_SETTINGS: house.Words = {0: ("refused", palette.WARNING), 1: ("used", palette.GOOD)}
_STALLED: house.Words = {0: ("moving", palette.GOOD), 1: ("stalled", palette.BAD)}


def dashboard() -> Dashboard:
    """Build the dashboard."""
    return frame.frame(
        EXPORTER,
        "Exporter",
        "The exporters themselves: deliveries, rejections by reason, gaps, delays, series, stalls. "
        "Each exporter is shown separately, and replicas are not merged.",
        (frame.origins(), frame.jobs(), frame.instances()),
        (
            Section("Health", _health()),
            Section("Deliveries", _deliveries()),
            Section("Delay", _delay()),
            Section("Connections", _connections()),
            Section("Series", _series()),
            Section("Servers and exporters", _origins()),
            Section("Knowledge", knowledge_panels.known()),
            Section("Snapshots", knowledge_panels.snapshots()),
        ),
    )


def _health() -> list[Panel]:
    return [
        stat(
            "Exporters",
            "Exporters that Prometheus scrapes.",
            exporter.EXPORTERS,
            steps=house.NONE_IS_BAD,
        ),
        stat(
            "Buses disconnected",
            "Buses that an exporter is not connected to, so that it receives no events from them. "
            "A standby does not count while another exporter reads the bus.",
            exporter.DISCONNECTED,
            steps=house.NONE_IS_GOOD,
            words=house.NONE,
        ),
        stat(
            "Dataflows stalled",
            "Exporters whose dataflow makes no progress. All their metrics are out of date.",
            exporter.ALL_STALLED,
            steps=house.NONE_IS_GOOD,
            words=house.NONE,
        ),
        stat(
            "Gaps",
            "How often exporters missed events, or may have, in the selected time range.",
            exporter.ALL_GAPS,
            steps=house.SOME_IS_ODD,
            words=house.NONE,
            decimals=0,
        ),
        stat(
            "Rejected",
            "Deliveries that could not be used, in the selected time range, of the exporter that "
            "rejected most.",
            deliveries.REJECTED_COUNT,
            steps=house.SOME_IS_ODD,
            words=house.NONE,
            decimals=0,
        ),
        stat(
            "Samples dropped",
            "Samples dropped in the selected time range, because the limit of series was reached, "
            "of the exporter that dropped most.",
            exporter.DROPPED,
            steps=house.SOME_IS_ODD,
            words=house.NONE,
            decimals=0,
        ),
    ]


def _deliveries() -> list[Panel]:
    return [
        lines(
            "Deliveries per second",
            "Deliveries of each exporter. The line of all is the sum of used, unused, rejected and "
            "duplicates.",
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
            hides_zeros=True,
        ),
        bars(
            "Rejected deliveries, by reason",
            "In the selected time range, of the exporter that rejected most.",
            deliveries.BY_REASON,
            steps=house.SOME_STANDS_OUT,
            decimals=0,
            span=6,
        ),
        bars(
            "Events per second, by name",
            f"The {bus.MANY} most frequent events of the selected servers.",
            bus.EVENTS,
            decimals=2,
            span=6,
        ),
    ]


def _delay() -> list[Panel]:
    return [
        lines(
            "Time since the last delivery",
            "Time since the last delivery from each bus arrived, by exporter.",
            deliveries.SILENCE,
            looks={},
            span=8,
        ),
        lines(
            "Time since the last window",
            "A line rises to the length of its window and falls again. If it keeps rising, the "
            "dataflow has stalled.",
            deliveries.WINDOW_LAG,
            looks={},
            span=8,
        ),
        lines(
            "How long today has counted",
            "Time since the window today of each server began to count. Normally it begins at "
            "midnight in the time zone of the bus. If it begins at another time, the exporter "
            "started or missed events then, and the numbers of that day may be too low.",
            bus.COUNTED,
            looks={},
            span=8,
        ),
        bars(
            "Late events",
            "Events in the selected time range that were older than the shortest current window. "
            "A few in a thousand are normal. If there are many, a clock or the time zone is wrong.",
            exporter.LATE,
            decimals=0,
            span=12,
        ),
        bars(
            "Impossible time stamps",
            "Events in the selected time range with a time stamp more than 1 s after their "
            "arrival, or more than a day before it.",
            deliveries.CLAMPED,
            steps=house.SOME_STANDS_OUT,
            decimals=0,
            span=12,
        ),
    ]


def _connections() -> list[Panel]:
    return [
        timeline(
            "Connection to the bus",
            "Whether each exporter was connected to each bus, or waited as a standby.",
            exporter.CONNECTION,
            words=_CONNECTION,
            span=8,
            height=6,
        ),
        timeline(
            "Dataflow",
            "Whether the dataflow of each exporter made progress.",
            exporter.STALLED,
            words=_STALLED,
            span=6,
            height=6,
        ),
        table(
            "Buses",
            "Connects, disconnects and gaps in the selected time range, when the last gap was "
            "noticed, and the deliveries that are held back now, after a reconnection.",
            {"bus": "bus", "instance": "exporter"},
            (
                Column("connects", exporter.CONNECTS, decimals=0),
                Column("disconnects", exporter.DISCONNECTS, decimals=0),
                Column("gaps", exporter.GAPS, steps=house.SOME_IS_ODD, decimals=0),
                Column("last gap", exporter.LAST_GAP_AT, words=house.NEVER),
                Column("held", exporter.HELD, decimals=0),
            ),
            span=10,
            height=6,
        ),
    ]


def _series() -> list[Panel]:
    return [
        bars(
            "Series, by metric",
            f"The {exporter.MANY} metrics with most series, of the exporter with most series. "
            "--max-series limits the queues, services, agents and phones that have series.",
            exporter.SERIES,
            span=9,
            height=10,
        ),
        lines(
            "Series, by exporter",
            "All series of each exporter.",
            exporter.ALL_SERIES,
            looks={},
            span=6,
            height=10,
        ),
        bars(
            "Samples dropped, by metric",
            "Samples dropped in the selected time range, because the limit of series was reached: "
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
            "Each server: its name, its UUID, its bus, the number of exporters that show it, the "
            "time since its last event, and the difference between the last events that its "
            "exporters show. Click on a UUID to see only this server.",
            {"server": "server", "origin_uuid": "UUID", "bus": "bus"},
            (
                Column("", bus.ORIGINS),
                Column("exporters", bus.READERS),
                Column("silent for", bus.SILENCE, decimals=0),
                Column("behind by", bus.DISAGREEMENT, decimals=0),
            ),
            details={"origin_uuid": OVERVIEW},
            span=12,
            height=5,
        ),
        table(
            "Exporters",
            "Each exporter: its version, those of its Python and its bytewax, the time since its "
            "start, whether its newest settings can be used, and the time since it last read them "
            "successfully.",
            {"instance": "exporter", "version": "version"}
            | {"python_version": "Python", "bytewax_version": "bytewax"},
            (
                Column("", exporter.BUILDS),
                Column("uptime", exporter.UPTIME, decimals=0),
                Column("settings", exporter.SETTINGS, words=_SETTINGS),
                Column("read", exporter.SETTINGS_READ, decimals=0),
            ),
            span=12,
            height=5,
        ),
    ]
