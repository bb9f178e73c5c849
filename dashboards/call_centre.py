"""Agents and queues: who is there, who can take a call, and who could at the worst moment."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards import frame, house, palette
from dashboards.frame import Section
from dashboards.names import CALL_CENTRE
from dashboards.panels import Panel, bars, lines, stacked, stat, timeline
from dashboards.signals import agents, call_forms, queues
from dashboards.tables import Column, table


def dashboard() -> Dashboard:
    """Build the dashboard."""
    return frame.frame(
        CALL_CENTRE,
        "Call centre",
        "Agents and queues: members by state, available, paused, the least available in each "
        "window, logins and sessions.",
        (frame.origins(), frame.queue_names(), frame.windows()),
        (
            Section("Now", _now()),
            Section("Queues", _queues()),
            Section("Agents", _agents()),
            Section("Work", _work()),
        ),
    )


def _now() -> list[Panel]:
    return [
        stat(
            "Queues with nobody available",
            "Of the chosen queues, those without a member who can take a call now.",
            queues.UNSTAFFED,
            steps=house.NONE_IS_GOOD,
            words=house.NONE,
        ),
        stat(
            "Members available",
            "Members of the chosen queues who can take a call now. Somebody in two queues counts "
            "twice.",
            queues.ALL_AVAILABLE,
            steps=house.FEW_IS_BAD,
        ),
        stat(
            "Members paused",
            "Members of the chosen queues who are paused now.",
            queues.ALL_PAUSED,
        ),
        stat(
            "Members",
            "Members of the chosen queues, available or not.",
            queues.ALL_MEMBERS,
        ),
        stat(
            "Agents logged in",
            "Agents who are logged in now, in whatever queues.",
            agents.LOGGED_IN,
            steps=house.NONE_IS_BAD,
        ),
        stat(
            "Agents logged out",
            "Agents known who are logged out now.",
            agents.LOGGED_OUT,
        ),
    ]


def _queues() -> list[Panel]:
    return [
        table(
            "Queues now",
            "Each queue: its members, those who can take a call, those who are paused, and the "
            "least, mean and greatest number available in the last window.",
            {"origin_uuid": "server", "queue": "queue"},
            (
                Column("members", queues.MEMBERS),
                Column("available", queues.AVAILABLE, steps=house.FEW_IS_BAD),
                Column("paused", queues.PAUSED),
                Column("least available", queues.LEAST_AVAILABLE, steps=house.FEW_IS_BAD),
                Column("mean available", queues.MEAN_AVAILABLE, decimals=1),
                Column("most available", queues.MOST_AVAILABLE),
            ),
            height=7,
        ),
        timeline(
            "Least available in each window, by queue",
            "The least number of members who could take a call in each window, also if it was for "
            "a second between two scrapes. Red is nobody, orange one.",
            queues.LEAST_AVAILABLE,
            steps=house.FEW_IS_BAD,
        ),
        stacked(
            "Members by state of their phone",
            "Members of the chosen queues, by the state of their device.",
            queues.BY_STATUS,
            colours=palette.DEVICE_STATES,
        ),
        lines(
            "Available and paused",
            "Members of the chosen queues who can take a call, who are paused, and all.",
            queues.ALL_MEMBERS,
            queues.ALL_AVAILABLE,
            queues.ALL_PAUSED,
            looks={
                "members": house.Look(palette.GREY, width=1),
                "available": house.Look(palette.BLUISH_GREEN),
                "paused": house.Look(palette.ORANGE, (10, 6)),
            },
            span=10,
        ),
        stacked(
            "Changes of members a minute",
            "Members who were added to a queue, removed, paused and unpaused.",
            queues.CHANGES,
            colours=palette.MEMBER_CHANGES,
            span=8,
        ),
        bars(
            "Members by kind",
            "Members of the chosen queues now: static ones are configured, dynamic ones log in.",
            queues.BY_MEMBERSHIP,
            span=6,
        ),
    ]


def _agents() -> list[Panel]:
    return [
        lines(
            "Agents logged in, in each window",
            "The greatest, mean and least number in each window, with what came and went between "
            "two scrapes. For each server.",
            *agents.LOGGED_IN_EXTREMES,
            looks=house.EXTREMES,
        ),
        lines(
            "Logins and logouts a minute",
            "Agents who logged in and out; a repeated status is neither.",
            agents.LOGIN_RATE,
            agents.LOGOUT_RATE,
            looks={
                "logins": house.Look(palette.BLUE),
                "logouts": house.Look(palette.ORANGE, (10, 6)),
            },
        ),
        stat(
            "Logins",
            "Agents who logged in during the time that is shown.",
            agents.LOGINS,
            decimals=0,
            span=6,
        ),
        stat(
            "Logouts",
            "Agents who logged out during the time that is shown.",
            agents.LOGOUTS,
            decimals=0,
            span=6,
        ),
        stat(
            "Median session",
            "Half of the sessions that ended in the time that is shown were shorter.",
            agents.MEDIAN_SESSION,
            span=6,
        ),
        stat(
            "Long sessions",
            "A tenth of the sessions that ended in the time that is shown were longer.",
            agents.LONG_SESSION,
            span=6,
        ),
    ]


def _work() -> list[Panel]:
    return [
        lines(
            "Call forms a minute",
            "Call forms that users submitted.",
            call_forms.FORMS,
            looks={"forms": house.Look(palette.BLUE)},
        ),
        lines(
            "Who submits call forms",
            "Different users who submitted a call form in each window.",
            call_forms.SUBMITTERS,
            looks={"different": house.Look(palette.BLUE)},
        ),
    ]
