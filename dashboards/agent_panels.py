"""The panels of agents: what they do, how busy they are, pauses, and sessions."""

from __future__ import annotations

from dashboards import house, palette
from dashboards.panels import Panel, bars, lines, stacked, stat
from dashboards.signals import agents


def panels() -> list[Panel]:
    """Build the panels of activities and pauses."""
    return [
        stacked(
            "Agents by activity",
            "Agents who are logged in, by what they do. If several activities are true, the first "
            "of these counts: on call, ringing, paused in all of their queues, in wrap-up, phone "
            "unavailable, available. Unknown: no queue of the agent is known.",
            agents.BY_ACTIVITY,
            colours=palette.ACTIVITIES,
        ),
        lines(
            "Occupancy",
            "Time on calls and in wrap-up, divided by the time on calls, in wrap-up, ringing or "
            "available, of all agents of each server. Pauses do not count.",
            agents.OCCUPANCY_RATE,
            looks={},
            is_shaded=True,
        ),
        bars(
            "Agents paused, by reason",
            "Agents who are paused in all of their queues now, also if they are on a call. The "
            "setting `pause_reasons` lists the reasons that are shown by name; all others are "
            "shown as other, and none is a pause without a reason.",
            agents.PAUSED,
            span=12,
        ),
        bars(
            "Median pause, by reason",
            "Half of the pauses that ended in the selected time range were shorter.",
            agents.MEDIAN_PAUSES,
            decimals=0,
            span=12,
        ),
        stat(
            "Agents logged in",
            "Agents who are logged in now, in any queue.",
            agents.LOGGED_IN,
            steps=house.NONE_IS_BAD,
            span=6,
        ),
        stat(
            "Agents logged out",
            "Known agents who are logged out now.",
            agents.LOGGED_OUT,
            span=6,
        ),
        stat(
            "Occupancy in the time range",
            "Time on calls and in wrap-up, divided by the time on calls, in wrap-up, ringing or "
            "available, of all agents in the selected time range. Pauses do not count.",
            agents.OCCUPANCY,
            decimals=0,
            span=6,
        ),
        stat(
            "Median pause",
            "Half of the pauses in all queues that ended in the selected time range were shorter.",
            agents.MEDIAN_PAUSE,
            span=6,
        ),
    ]


def sessions() -> list[Panel]:
    """Build the panels of logins and sessions."""
    return [
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
            span=6,
        ),
        stat(
            "Logouts",
            "How often agents logged out during the selected time range.",
            agents.LOGOUTS,
            decimals=0,
            span=6,
        ),
        stat(
            "Median session length",
            "Half of the agent sessions that ended in the selected time range were shorter.",
            agents.MEDIAN_SESSION,
            span=6,
        ),
        stat(
            "Long session length",
            "One in ten agent sessions that ended in the selected time range was longer.",
            agents.LONG_SESSION,
            span=6,
        ),
    ]
