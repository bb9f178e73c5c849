"""Agents and queues: who is logged in, who waits, and how many members can take a call."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards import call_panels, frame, house, palette
from dashboards.completeness import completeness
from dashboards.frame import Section
from dashboards.names import CALL_CENTRE
from dashboards.panels import Panel, bars, lines, stacked, stat, timeline
from dashboards.signals import agents, call_forms, knowledge, queues
from dashboards.tables import Column, table


def dashboard() -> Dashboard:
    """Build the dashboard."""
    return frame.frame(
        CALL_CENTRE,
        "Call centre",
        "Agents and queues: available and paused members, callers who wait, the service level, the "
        "fewest available members of each window, logins, sessions and call forms.",
        (frame.origins(), frame.queue_names(), frame.windows()),
        (
            Section("Now", _now()),
            Section("Queues", _queues()),
            Section("Calls through queues", call_panels.panels()),
            Section("Agents", _agents()),
            Section("Call forms", _call_forms()),
        ),
    )


def _now() -> list[Panel]:
    return [
        stat(
            "Queues with nobody available",
            "Selected queues in which no member can take a call now.",
            queues.UNSTAFFED,
            steps=house.NONE_IS_GOOD,
            words=house.NONE,
        ),
        stat(
            "Members available",
            "Members of the selected queues who can take a call now: not paused, not in wrap-up, "
            "and idle, or busy in a queue that rings busy members. A person in two queues counts "
            "twice.",
            queues.ALL_AVAILABLE,
            steps=house.FEW_IS_BAD,
        ),
        stat(
            "Members paused",
            "Members of the selected queues who are paused now.",
            queues.ALL_PAUSED,
        ),
        stat(
            "Members",
            "All members of the selected queues, available or not.",
            queues.ALL_MEMBERS,
        ),
        stat(
            "Agents logged in",
            "Agents who are logged in now, in any queue.",
            agents.LOGGED_IN,
            steps=house.NONE_IS_BAD,
        ),
        stat(
            "Agents logged out",
            "Known agents who are logged out now.",
            agents.LOGGED_OUT,
        ),
        completeness(knowledge.QUEUES, knowledge.CALLS, knowledge.AGENTS),
    ]


def _queues() -> list[Panel]:
    return [
        table(
            "Queues now",
            "Each queue: all members, members who can take a call, paused members, members in "
            "wrap-up, and the fewest, average and most available members in the last window. With "
            "an API, also its name for people, and whether it is a queue of the call centre or a "
            "group of users.",
            {"origin_uuid": "server", "queue": "queue", "display_name": "name", "kind": "kind"},
            (
                Column("members", queues.MEMBERS),
                Column("available", queues.AVAILABLE, steps=house.FEW_IS_BAD),
                Column("paused", queues.PAUSED),
                Column("wrap-up", queues.WRAP_UP),
                Column("fewest available", queues.LEAST_AVAILABLE, steps=house.FEW_IS_BAD),
                Column("average available", queues.MEAN_AVAILABLE, decimals=1),
                Column("most available", queues.MOST_AVAILABLE),
                Column("", queues.NAMES),
            ),
            height=7,
        ),
        timeline(
            "Fewest available members, by queue",
            "The lowest number of members who could take a call in each window, even if it lasted "
            "only a second between two scrapes. Red: nobody. Orange: one member.",
            queues.LEAST_AVAILABLE,
            steps=house.FEW_IS_BAD,
        ),
        stacked(
            "Members by phone state",
            "Members of the selected queues, by the state of their phone.",
            queues.BY_STATUS,
            colours=palette.DEVICE_STATES,
        ),
        lines(
            "Members available and paused",
            "Members of the selected queues: all, available and paused.",
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
            "Member changes per minute",
            "Members who were added to a queue, removed from it, paused or unpaused.",
            queues.CHANGES,
            colours=palette.MEMBER_CHANGES,
            span=8,
        ),
        bars(
            "Static and dynamic members",
            "Members of the selected queues now. Static members are configured, dynamic members "
            "log in.",
            queues.BY_MEMBERSHIP,
            span=6,
        ),
    ]


def _agents() -> list[Panel]:
    return [
        stacked(
            "Agents by activity",
            "Agents who are logged in, by what they do. If several activities are true, the first "
            "of these counts: on call, ringing, paused in all of their queues, in wrap-up, phone "
            "unavailable, available. Unknown: no queue of the agent is known.",
            agents.BY_ACTIVITY,
            colours=palette.ACTIVITIES,
        ),
        bars(
            "Agents paused, by reason",
            "Agents who are paused in all of their queues now, also if they are on a call. The "
            "setting `pause_reasons` lists the reasons that are shown by name; all others are "
            "shown as other, and none is a pause without a reason.",
            agents.PAUSED,
            span=12,
        ),
        lines(
            "Agents logged in per window",
            "Maximum, average and minimum of each window, and maximum since midnight, for each "
            "server. They include changes between two scrapes.",
            *agents.LOGGED_IN_EXTREMES,
            looks=house.EXTREMES,
        ),
        lines(
            "Logins and logouts per minute",
            "How often agents logged in and out. A repeated status does not count.",
            agents.LOGIN_RATE,
            agents.LOGOUT_RATE,
            looks={
                "logins": house.Look(palette.BLUE),
                "logouts": house.Look(palette.ORANGE, (10, 6)),
            },
        ),
        stat(
            "Logins",
            "How often agents logged in during the selected time range.",
            agents.LOGINS,
            decimals=0,
        ),
        stat(
            "Logouts",
            "How often agents logged out during the selected time range.",
            agents.LOGOUTS,
            decimals=0,
        ),
        stat(
            "Median session length",
            "Half of the agent sessions that ended in the selected time range were shorter.",
            agents.MEDIAN_SESSION,
        ),
        stat(
            "Long session length",
            "One in ten agent sessions that ended in the selected time range was longer.",
            agents.LONG_SESSION,
        ),
        stat(
            "Occupancy",
            "Time on calls and in wrap-up, divided by the time on calls, in wrap-up, ringing or "
            "available, of all agents in the selected time range. Pauses do not count.",
            agents.OCCUPANCY,
            decimals=0,
        ),
        stat(
            "Median pause",
            "Half of the pauses in all queues that ended in the selected time range were shorter.",
            agents.MEDIAN_PAUSE,
        ),
    ]


def _call_forms() -> list[Panel]:
    return [
        lines(
            "Call forms per minute",
            "Call forms that users submitted.",
            call_forms.FORMS,
            looks={"forms": house.Look(palette.BLUE)},
        ),
        lines(
            "Users who submitted call forms",
            "Number of different users who submitted a call form in each window, and since "
            "midnight.",
            call_forms.SUBMITTERS,
            call_forms.SUBMITTERS_TODAY,
            looks=house.COUNTS,
        ),
    ]
