"""The panels of the members of queues: those who can take a call, pauses, and phones."""

from __future__ import annotations

from dashboards import house, palette
from dashboards.documents import explained
from dashboards.names import CALL_CENTRE
from dashboards.panels import Panel, bars, lines, stacked, stat, timeline
from dashboards.signals import queue_calls, queues
from dashboards.tables import Column, table


def windows() -> list[Panel]:
    """Build the panels of what happened between two scrapes."""
    return [
        timeline(
            "Fewest available members, by queue",
            "The lowest number of members who could take a call in each window, even if it lasted "
            "only a second between two scrapes. Red: nobody. Orange: one member.",
            queues.LEAST_AVAILABLE,
            steps=house.FEW_IS_BAD,
            span=24,
        ),
        table(
            "Queues in the last window",
            "Each queue in the last window: the fewest, average and most callers who waited at the "
            "same time, the longest wait that ended, and the fewest, average and most members who "
            "could take a call. At the end: the longest wait that ended today.",
            {"server": "server", "queue": "queue"},
            (
                Column("fewest waiting", queue_calls.LEAST_WAITING),
                Column("average waiting", queue_calls.MEAN_WAITING, decimals=1),
                Column("most waiting", queue_calls.MOST_WAITING),
                Column("longest ended wait", queue_calls.LONGEST_ENDED_WAIT),
                Column("fewest available", queues.LEAST_AVAILABLE, steps=house.FEW_IS_BAD),
                Column("average available", queues.MEAN_AVAILABLE, decimals=1),
                Column("most available", queues.MOST_AVAILABLE),
                Column("longest today", queue_calls.LONGEST_TODAY),
            ),
            details={"queue": CALL_CENTRE},
            links=(explained("windows.md"),),
            no_data=house.NO_QUEUES,
        ),
    ]


def members() -> list[Panel]:
    """Build the panels of members and the states of their phones."""
    return [
        stat(
            "Members",
            "All members of the selected queues, available or not. A person in two queues counts "
            "twice.",
            queues.ALL_MEMBERS,
            span=6,
        ),
        stat(
            "Members available",
            "Members of the selected queues who can take a call now: not paused, not in wrap-up, "
            "and idle, or busy in a queue that rings busy members. A person in two queues counts "
            "twice.",
            queues.ALL_AVAILABLE,
            steps=house.FEW_IS_BAD,
            span=6,
        ),
        stat(
            "Members in call",
            "Members who talk to a caller of the selected queues now.",
            queue_calls.ALL_IN_CALL,
            span=6,
        ),
        stat(
            "Members paused",
            "Members of the selected queues who are paused now.",
            queues.ALL_PAUSED,
            span=6,
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
        ),
        stacked(
            "Members by phone state",
            "Members of the selected queues, by the state of their phone.",
            queues.BY_STATUS,
            colours=palette.DEVICE_STATES,
        ),
        stacked(
            "Member changes per minute",
            "Members who were added to a queue, removed from it, paused or unpaused.",
            queues.CHANGES,
            colours=palette.MEMBER_CHANGES,
        ),
        bars(
            "Static and dynamic members",
            "Members of the selected queues now. Static members are configured, dynamic members "
            "log in.",
            queues.BY_MEMBERSHIP,
            span=12,
        ),
    ]
