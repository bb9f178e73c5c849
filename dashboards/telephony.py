"""Lines and trunks of Wazo: registrations and calls."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards import frame, house, palette
from dashboards.completeness import completeness
from dashboards.frame import Section
from dashboards.names import TELEPHONY
from dashboards.panels import Panel, bars, lines, stacked, stat, timeline
from dashboards.signals import knowledge, trunks
from dashboards.signals import lines as line_signals
from dashboards.tables import Column, table

_IS_REGISTERED: house.Words = {0: ("lost", palette.BAD), 1: ("registered", palette.GOOD)}


def dashboard() -> Dashboard:
    """Build the dashboard."""
    return frame.frame(
        TELEPHONY,
        "Lines, trunks and calls",
        "Lines of Wazo by registration, lines in a call in each window, and trunks: registration, "
        "calls and losses. XiVO tells of its phones on the dashboard of endpoints.",
        (frame.origins(), frame.windows()),
        (
            Section("Now", _now()),
            Section("Lines", _lines()),
            Section("Trunks", _trunks()),
        ),
    )


def _now() -> list[Panel]:
    return [
        stat(
            "Trunks lost",
            "Trunks whose peer Asterisk cannot reach now. Calls over them fail.",
            trunks.LOST,
            steps=house.NONE_IS_GOOD,
            words=house.NONE,
        ),
        stat(
            "Calls on trunks",
            "Calls that use a trunk now, which may also ring or be on hold.",
            trunks.ALL_CALLS,
        ),
        stat(
            "Losses of registration",
            "How often trunks were lost, in the selected time range.",
            trunks.ALL_LOSSES,
            steps=house.SOME_IS_ODD,
            words=house.NEVER,
            decimals=0,
        ),
        stat(
            "Lines",
            "Known lines. Without an API, a line is known from its first event until it is "
            "deleted.",
            line_signals.KNOWN,
        ),
        stat(
            "Lines not registered",
            "Lines whose phone Asterisk cannot reach now: unplugged, or without network.",
            line_signals.NOT_REGISTERED,
            steps=house.ANY_IS_ODD,
            words=house.NONE,
        ),
        stat("Lines in a call", "Lines with at least one call now.", line_signals.IN_CALL),
        completeness(knowledge.LINES, knowledge.TRUNKS),
    ]


def _lines() -> list[Panel]:
    return [
        stacked(
            "Lines by registration",
            "Known lines, by whether Asterisk can reach their phone. Unknown: Wazo does not track "
            "the phone, such as SCCP and custom lines.",
            line_signals.BY_REGISTERED,
            colours=palette.REGISTERED,
        ),
        lines(
            "Lines in a call per window",
            "Maximum, average and minimum of each window, and maximum since midnight, for each "
            "server. They include changes between two scrapes.",
            *line_signals.IN_CALL_EXTREMES,
            looks=house.EXTREMES,
        ),
    ]


def _trunks() -> list[Panel]:
    return [
        timeline(
            "Registration of trunks",
            "State of each trunk at each scrape. A trunk whose state Asterisk does not check is "
            "not here.",
            trunks.REGISTERED,
            words=_IS_REGISTERED,
        ),
        lines(
            "Calls by trunk",
            "Calls that use each trunk.",
            trunks.CALLS,
            looks={},
        ),
        bars(
            "Losses of registration, by trunk",
            "How often each trunk was lost, in the selected time range.",
            trunks.LOSSES,
            steps=house.SOME_STANDS_OUT,
            decimals=0,
        ),
        table(
            "Trunks now",
            "State and calls of each trunk, and how often it was lost in the selected time range. "
            "Technology and tenant are known with an API.",
            {
                "origin_uuid": "server",
                "trunk": "trunk",
                "technology": "technology",
                "tenant_uuid": "tenant",
            },
            (
                Column("state", trunks.REGISTERED, words=_IS_REGISTERED),
                Column("calls", trunks.CALLS, decimals=0),
                Column("losses", trunks.LOSSES, decimals=0),
                Column("", trunks.INFO),
            ),
            span=16,
        ),
    ]
