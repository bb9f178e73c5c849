"""Lines, trunks and calls of Wazo."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards import frame, house, palette
from dashboards.completeness import completeness
from dashboards.frame import Section
from dashboards.names import SERVICES, TELEPHONY
from dashboards.panels import Panel, bars, lines, stacked, stat, timeline
from dashboards.signals import bus, calls, knowledge, trunks
from dashboards.signals import lines as line_signals
from dashboards.tables import Column, table

_IS_REGISTERED: house.Words = {0: ("lost", palette.BAD), 1: ("registered", palette.GOOD)}


def dashboard() -> Dashboard:
    """Build the dashboard."""
    return frame.frame(
        TELEPHONY,
        "Lines, trunks and calls",
        "Calls of Wazo: how many are under way, how they end, and which are missed. Lines by "
        "registration. Trunks: registration, calls and losses. The phones of a XiVO are on the "
        "dashboard *Endpoints and presence*.",
        (frame.origins(), frame.windows()),
        (
            Section("Does telephony work now?", _now()),
            Section("Calls", _calls()),
            Section("Lines", _lines()),
            Section("Trunks", _trunks()),
        ),
    )


def _now() -> list[Panel]:
    return [
        stat(
            "Trunks lost",
            "Trunks whose peer Asterisk cannot reach now. Usually, calls over them fail.",
            trunks.LOST,
            steps=house.NONE_IS_GOOD,
            words=house.NONE,
        ),
        stat(
            "Lines not registered",
            "Share of the known lines whose phone Asterisk cannot reach: unplugged, or without "
            "network. Orange from 10 %, red from 30 %.",
            line_signals.NOT_REGISTERED_SHARE,
            steps=house.SHARE_IS_BAD,
            decimals=1,
        ),
        stat(
            "Longest time without events",
            "Time since the last event of the server that has been silent longest. Some minutes "
            "are normal at night. Orange from 5 minutes, red from 15.",
            bus.LONGEST_SILENCE,
            steps=house.SILENCE_IS_BAD,
            decimals=0,
            link=SERVICES,
        ),
        stat(
            "Calls under way",
            "Conversations that ring, are answered or on hold.",
            calls.UNDER_WAY,
        ),
        stat(
            "Failed legs of calls",
            "Phones and trunks that left a call in the selected time range because of a failure or "
            "because no circuit was free.",
            calls.ALL_FAILED,
            steps=house.SOME_STANDS_OUT,
            decimals=0,
        ),
        stat(
            "Missed calls",
            "Calls that did not reach a user, in the selected time range.",
            calls.ALL_MISSED,
            decimals=0,
        ),
        stacked(
            "Calls by direction",
            "Conversations under way. Unknown: the server has not told the direction yet.",
            calls.BY_DIRECTION,
            colours=palette.DIRECTIONS,
            span=8,
        ),
        timeline(
            "Registration of trunks",
            "State of each trunk at each scrape. Trunks whose state Asterisk does not check are "
            "not shown.",
            trunks.REGISTERED,
            words=_IS_REGISTERED,
            span=8,
        ),
        stacked(
            "Lines by registration",
            "Known lines, by whether Asterisk can reach their phone. Unknown: Wazo does not track "
            "the phone, such as SCCP and custom lines.",
            line_signals.BY_REGISTERED,
            colours=palette.REGISTERED,
            span=8,
        ),
        completeness(knowledge.CONVERSATIONS, knowledge.LINES, knowledge.TRUNKS),
    ]


def _calls() -> list[Panel]:
    return [
        stacked(
            "Calls by state",
            "Conversations under way. Up: a person or the server answered, such as a voice menu or "
            "a queue. Held: somebody is on hold.",
            calls.BY_STATE,
            colours=palette.CALL_STATES,
        ),
        lines(
            "Calls under way per window",
            "Maximum, average and minimum of each window, and maximum since midnight, for each "
            "server. They include changes between two scrapes.",
            *calls.EXTREMES,
            looks=house.EXTREMES,
        ),
        stacked(
            "Ends of legs per minute",
            "Phones and trunks that left a call or stopped ringing, by cause. One call has at "
            "least two legs.",
            calls.CAUSES,
            colours=palette.CAUSES,
        ),
        stacked(
            "Conversations that ended per minute",
            "From the call logs, which the server writes some seconds later. Unknown: nobody "
            "answered.",
            calls.CONVERSATIONS,
            colours=palette.LOG_STATUSES,
        ),
        lines(
            "Length of conversations",
            "Half of the answered conversations were shorter than the median. Nine of ten were "
            "shorter than the other line. Each point is about the selected time range before it.",
            calls.MEDIAN_DURATION,
            calls.LONG_DURATION,
            looks=house.LENGTHS,
            span=8,
        ),
        bars(
            "Conversations by destination",
            "Whom callers reached or wanted to reach, in the selected time range.",
            calls.DESTINATIONS,
            decimals=0,
        ),
        bars(
            "Missed calls by reason",
            "Calls that did not reach a user, in the selected time range.",
            calls.MISSED,
            decimals=0,
        ),
    ]


def _lines() -> list[Panel]:
    return [
        stat(
            "Lines",
            "Known lines. Without an API, a line is known from its first event until it is "
            "deleted.",
            line_signals.KNOWN,
            span=8,
        ),
        stat(
            "Lines without registration",
            "Lines whose phone Asterisk cannot reach now: unplugged, or without network.",
            line_signals.NOT_REGISTERED,
            span=8,
            steps=house.ANY_IS_ODD,
            words=house.NONE,
        ),
        stat(
            "Lines in a call",
            "Lines with at least one call now.",
            line_signals.IN_CALL,
            span=8,
        ),
        table(
            "Lines now",
            f"At most {line_signals.MANY} lines, first those whose phone Asterisk cannot reach, "
            "each with its number in the configuration and its calls. Single lines are shown only "
            "with the setting `--details lines`.",
            {"server": "server", "line": "line"},
            (
                Column("state", line_signals.REGISTERED, words=_IS_REGISTERED),
                Column("calls", line_signals.CALLS, decimals=0),
            ),
            no_data="No single lines known: the setting --details lines shows them",
            span=12,
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
        stat(
            "Losses of registration",
            "How often trunks were lost, in the selected time range.",
            trunks.ALL_LOSSES,
            span=12,
            steps=house.SOME_IS_ODD,
            words=house.NEVER,
            decimals=0,
        ),
        stat(
            "Calls on trunks",
            "Calls that use a trunk now, which may also ring or be on hold.",
            trunks.ALL_CALLS,
            span=12,
        ),
        table(
            "Trunks now",
            "State and calls of each trunk, and in the selected time range: the most calls at the "
            "same time that a scrape saw, and how often it was lost. Technology and tenant are "
            "known with an API.",
            {
                "server": "server",
                "trunk": "trunk",
                "technology": "technology",
                "tenant_uuid": "tenant",
            },
            (
                Column("state", trunks.REGISTERED, words=_IS_REGISTERED),
                Column("calls", trunks.CALLS, decimals=0),
                Column("most calls", trunks.MOST_CALLS, decimals=0),
                Column("losses", trunks.LOSSES, decimals=0),
                Column("", trunks.INFO),
            ),
        ),
        lines(
            "Calls by trunk",
            "Calls that use each trunk.",
            trunks.CALLS,
            looks={},
            is_shaded=True,
        ),
        bars(
            "Losses of registration, by trunk",
            "How often each trunk was lost, in the selected time range.",
            trunks.LOSSES,
            steps=house.SOME_STANDS_OUT,
            decimals=0,
            span=12,
        ),
    ]
