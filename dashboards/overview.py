"""The state of the telephony on one screen, with the problems at the top."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards import frame, house, palette
from dashboards.completeness import completeness
from dashboards.frame import Section
from dashboards.names import (
    CALL_CENTRE,
    ENDPOINTS,
    EXPORTER,
    OVERVIEW,
    SERVICES,
    SWITCHBOARDS,
    TELEPHONY,
)
from dashboards.panels import Panel, bars, stacked, stat, timeline
from dashboards.signals import (
    agents,
    bus,
    calls,
    endpoints,
    exporter,
    knowledge,
    lines,
    queues,
    services,
    switchboards,
    trunks,
    users,
)


def dashboard() -> Dashboard:
    """Build the dashboard."""
    return frame.frame(
        OVERVIEW,
        "Overview",
        "The state of the telephony on one screen: services, agents, queues, phones, lines, trunks "
        "and calls, with the problems at the top.",
        (frame.origins(), frame.queue_names()),
        (
            Section("Problems", _problems()),
            Section("Only on Wazo", _wazo()),
            Section("Services and queues", _states()),
            Section("Agents, phones, lines and users", _people()),
        ),
    )


def _problems() -> list[Panel]:
    return [
        stat(
            "Services down",
            "Services that stopped and have not started again. A service that crashes does not "
            "deregister, so it counts as up until it starts again.",
            services.DOWN,
            steps=house.NONE_IS_GOOD,
            words=house.NONE,
            link=SERVICES,
        ),
        stat(
            "Queues with nobody available",
            "Queues in which no member can take a call now: all are paused, busy, in wrap-up or "
            "logged out.",
            queues.UNSTAFFED,
            steps=house.NONE_IS_GOOD,
            words=house.NONE,
            link=CALL_CENTRE,
        ),
        stat(
            "Agents logged in",
            "Agents who are logged in now. Red: nobody.",
            agents.LOGGED_IN,
            steps=house.NONE_IS_BAD,
            link=CALL_CENTRE,
        ),
        stat(
            "Phones unavailable",
            "Share of the known phones that cannot be reached: unplugged, or without network. "
            "Orange from 10 %, red from 30 %.",
            endpoints.UNAVAILABLE_SHARE,
            steps=house.SHARE_IS_BAD,
            decimals=1,
            link=ENDPOINTS,
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
            "Exporter problems",
            "Buses without a connection and stalled dataflows, of all exporters except standbys. "
            "While there are any, this dashboard may be out of date.",
            exporter.TROUBLED,
            steps=house.NONE_IS_GOOD,
            words=house.NONE,
            link=EXPORTER,
        ),
        completeness(
            knowledge.SERVICES,
            knowledge.QUEUES,
            knowledge.AGENTS,
            knowledge.PHONES,
            knowledge.USERS,
            knowledge.OF_WAZO,
        ),
    ]


def _wazo() -> list[Panel]:
    return [
        stat(
            "Components failing",
            "Components of the daemons that do not work, such as the connection of amid to "
            "Asterisk. Only with an API.",
            services.COMPONENTS_FAILING,
            steps=house.NONE_IS_GOOD,
            words=house.NONE,
            link=SERVICES,
        ),
        stat(
            "Trunks lost",
            "Trunks whose peer Asterisk cannot reach now. Usually, calls over them fail.",
            trunks.LOST,
            steps=house.NONE_IS_GOOD,
            words=house.NONE,
            link=TELEPHONY,
        ),
        stat(
            "Lines not registered",
            "Share of the known lines whose phone Asterisk cannot reach: unplugged, or without "
            "network. Orange from 10 %, red from 30 %.",
            lines.NOT_REGISTERED_SHARE,
            steps=house.SHARE_IS_BAD,
            decimals=1,
            link=TELEPHONY,
        ),
        stat(
            "Calls under way",
            "Conversations that ring, are answered or on hold.",
            calls.UNDER_WAY,
            link=TELEPHONY,
        ),
        stat(
            "Missed calls",
            "Calls that did not reach a user, in the selected time range.",
            calls.ALL_MISSED,
            decimals=0,
            link=TELEPHONY,
        ),
        stat(
            "Calls queued at switchboards",
            "Calls that wait at all switchboards until an operator takes them.",
            switchboards.ALL_QUEUED,
            link=SWITCHBOARDS,
        ),
    ]


def _states() -> list[Panel]:
    return [
        timeline(
            "Services",
            "Each service over time, up or down. A daemon of Wazo is down here while one of its "
            "components fails.",
            services.UP_OR_WORKS,
            words=house.IS_UP,
            link=SERVICES,
        ),
        timeline(
            "Members available, by queue",
            "Members of each queue who could take a call: not paused, and their phone not in use. "
            "Red: nobody. Orange: one member.",
            queues.AVAILABLE,
            steps=house.FEW_IS_BAD,
            link=CALL_CENTRE,
        ),
    ]


def _people() -> list[Panel]:
    return [
        stacked(
            "Agents",
            "Known agents, by status.",
            agents.BY_STATUS,
            colours=palette.AGENT_STATUSES,
            link=CALL_CENTRE,
            span=5,
        ),
        stacked(
            "Phones",
            "Known phones, by state. Only XiVO publishes them.",
            endpoints.BY_STATE,
            colours=palette.ENDPOINT_STATES,
            link=ENDPOINTS,
            span=7,
        ),
        stacked(
            "Lines",
            "Known lines, by whether Asterisk can reach their phone. Only Wazo publishes them.",
            lines.BY_REGISTERED,
            colours=palette.REGISTERED,
            link=TELEPHONY,
            span=6,
        ),
        bars(
            "Users",
            "Known users now, by presence.",
            users.BY_PRESENCE,
            link=ENDPOINTS,
            span=6,
        ),
    ]
