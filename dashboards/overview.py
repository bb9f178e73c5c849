"""The state of the telephony on one screen, with the problems at the top."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards import frame, house, palette
from dashboards.completeness import completeness
from dashboards.frame import Section
from dashboards.names import CALL_CENTRE, ENDPOINTS, EXPORTER, OVERVIEW, SERVICES
from dashboards.panels import Panel, bars, stacked, stat, timeline
from dashboards.signals import agents, bus, endpoints, exporter, knowledge, queues, services, users


def dashboard() -> Dashboard:
    """Build the dashboard."""
    return frame.frame(
        OVERVIEW,
        "Overview",
        "The state of the telephony on one screen: services, agents, queues and phones, with the "
        "problems at the top.",
        (frame.origins(), frame.queue_names()),
        (
            Section("Problems", _problems()),
            Section("Services and queues", _states()),
            Section("Agents, phones and users", _people()),
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
        ),
    ]


def _states() -> list[Panel]:
    return [
        timeline(
            "Services",
            "Each service over time, up or down.",
            services.UP,
            words=house.IS_UP,
        ),
        timeline(
            "Members available, by queue",
            "Members of each queue who could take a call: not paused, and their phone not in use. "
            "Red: nobody. Orange: one member.",
            queues.AVAILABLE,
            steps=house.FEW_IS_BAD,
        ),
    ]


def _people() -> list[Panel]:
    return [
        stacked(
            "Agents",
            "Known agents, by status.",
            agents.BY_STATUS,
            colours=palette.AGENT_STATUSES,
            span=6,
        ),
        stacked(
            "Phones",
            "Known phones, by state.",
            endpoints.BY_STATE,
            colours=palette.ENDPOINT_STATES,
            span=10,
        ),
        bars(
            "Users",
            "Known users now, by presence.",
            users.BY_PRESENCE,
        ),
    ]
