"""The state of the telephony on one screen, with what is wrong on top."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards import frame, house, palette
from dashboards.frame import Section
from dashboards.names import CALL_CENTRE, ENDPOINTS, EXPORTER, OVERVIEW, SERVICES
from dashboards.panels import Panel, bars, stacked, stat, timeline
from dashboards.signals import agents, bus, endpoints, exporter, queues, services, users


def dashboard() -> Dashboard:
    """Build the dashboard."""
    return frame.frame(
        OVERVIEW,
        "Overview",
        "The state of the telephony on one screen: services, agents, queues and phones, with what "
        "is wrong on top.",
        (frame.origins(), frame.queue_names()),
        (
            Section("What is wrong", _wrong()),
            Section("Services and queues", _states()),
            Section("Agents, phones and users", _people()),
        ),
    )


def _wrong() -> list[Panel]:
    return [
        stat(
            "Services down",
            "Services whose latest instance has deregistered and none has registered since. One "
            "that crashed says nothing, and counts as up until it starts again.",
            services.DOWN,
            steps=house.NONE_IS_GOOD,
            words=house.NONE,
            link=SERVICES,
        ),
        stat(
            "Queues with nobody available",
            "Queues without a member who can take a call now: all are paused, busy or logged out.",
            queues.UNSTAFFED,
            steps=house.NONE_IS_GOOD,
            words=house.NONE,
            link=CALL_CENTRE,
        ),
        stat(
            "Agents logged in",
            "Agents who are logged in now. Red when there is none.",
            agents.LOGGED_IN,
            steps=house.NONE_IS_BAD,
            link=CALL_CENTRE,
        ),
        stat(
            "Phones unavailable",
            "Share of the known phones that are unavailable: unplugged, or without network. "
            "Orange from 10 %, red from 30 %.",
            endpoints.UNAVAILABLE_SHARE,
            steps=house.SHARE_IS_BAD,
            decimals=1,
            link=ENDPOINTS,
        ),
        stat(
            "Longest silence of a server",
            "Time since the newest event of the server that was silent for longest. Some minutes "
            "are normal at night. Orange from 5 minutes, red from 15.",
            bus.LONGEST_SILENCE,
            steps=house.SILENCE_IS_BAD,
            decimals=0,
            link=SERVICES,
        ),
        stat(
            "Exporters in trouble",
            "Buses without a connection, and dataflows that stand still, on all exporters. While "
            "there is one, what you see here may be old.",
            exporter.TROUBLED,
            steps=house.NONE_IS_GOOD,
            words=house.NONE,
            link=EXPORTER,
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
            "The number stands in the band; red is nobody, orange one.",
            queues.AVAILABLE,
            steps=house.FEW_IS_BAD,
        ),
    ]


def _people() -> list[Panel]:
    return [
        stacked(
            "Agents",
            "Agents known, by status.",
            agents.BY_STATUS,
            colours=palette.AGENT_STATUSES,
            span=6,
        ),
        stacked(
            "Phones",
            "Phones known, by state.",
            endpoints.BY_STATE,
            colours=palette.ENDPOINT_STATES,
            span=10,
        ),
        bars(
            "Users",
            "Users known, by presence, now.",
            users.BY_PRESENCE,
        ),
    ]
