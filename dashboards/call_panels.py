"""The panels of calls through queues, a section of the call centre."""

from __future__ import annotations

from dashboards import house, palette
from dashboards.panels import Panel, bars, lines, stacked, stat
from dashboards.signals import queue_calls
from dashboards.tables import Column, table


def panels() -> list[Panel]:
    """Build the panels."""
    return [*_callers(), *_outcomes(), *_times(), *_rates()]


def _callers() -> list[Panel]:
    return [
        stat(
            "Callers waiting",
            "Callers who wait in the selected queues now.",
            queue_calls.ALL_WAITING,
        ),
        stat(
            "Longest wait now",
            "How long the caller who waits longest has been waiting; 0 while nobody waits.",
            queue_calls.ALL_LONGEST_WAIT,
            decimals=0,
        ),
        stat(
            "Members in call",
            "Members who talk to a caller of the selected queues now.",
            queue_calls.ALL_IN_CALL,
        ),
        stat(
            "Service level",
            "Share of the calls that were answered within the threshold, in the selected time "
            "range. Callers who hung up within the threshold do not count. Orange below 80 %, red "
            "below 60 %.",
            queue_calls.ALL_SERVICE_LEVEL,
            steps=house.LOW_IS_BAD,
            span=6,
            decimals=0,
        ),
        stat(
            "Calls refused",
            "Calls that arrived in the selected time range but never joined their queue: it was "
            "full, closed or had no members who could answer, or the caller hung up before.",
            queue_calls.ALL_REFUSED,
            steps=house.SOME_STANDS_OUT,
            span=6,
            decimals=0,
        ),
        table(
            "Callers of each queue",
            "Each queue now: callers who wait, the longest wait, and members who talk to callers. "
            "Then, for the last window: the fewest, average and most callers who waited at the "
            "same time, and the longest wait that ended. At the end: the longest wait that ended "
            "today.",
            {"server": "server", "queue": "queue"},
            (
                Column("waiting", queue_calls.WAITING),
                Column("longest wait", queue_calls.LONGEST_WAIT, decimals=0),
                Column("in call", queue_calls.IN_CALL),
                Column("fewest waiting", queue_calls.LEAST_WAITING),
                Column("average waiting", queue_calls.MEAN_WAITING, decimals=1),
                Column("most waiting", queue_calls.MOST_WAITING),
                Column("longest ended wait", queue_calls.LONGEST_ENDED_WAIT),
                Column("longest today", queue_calls.LONGEST_TODAY),
            ),
            height=7,
        ),
        table(
            "Service level of each queue",
            "The threshold, and the calls of the selected time range: answered in time; missed, "
            "which means answered later, expired or abandoned after the threshold; and abandoned "
            "within it. The service level is in time / (in time + missed): of the selected time "
            "range, of the last window, and of today.",
            {"server": "server", "queue": "queue"},
            (
                Column("threshold", queue_calls.THRESHOLD),
                Column("in time", queue_calls.IN_TIME, decimals=0),
                Column("missed", queue_calls.MISSED, decimals=0),
                Column("abandoned early", queue_calls.ABANDONED_EARLY, decimals=0),
                Column(
                    "service level",
                    queue_calls.SERVICE_LEVEL,
                    steps=house.LOW_IS_BAD,
                    decimals=0,
                ),
                Column(
                    "of the window",
                    queue_calls.WINDOW_SERVICE_LEVEL,
                    steps=house.LOW_IS_BAD,
                    decimals=0,
                ),
                Column(
                    "today",
                    queue_calls.SERVICE_LEVEL_TODAY,
                    steps=house.LOW_IS_BAD,
                    decimals=0,
                ),
            ),
            height=7,
        ),
    ]


def _outcomes() -> list[Panel]:
    return [
        lines(
            "Callers waiting and members in call",
            "Callers who wait in the selected queues, and members who talk to callers of them.",
            queue_calls.ALL_WAITING,
            queue_calls.ALL_IN_CALL,
            looks={
                "waiting": house.Look(palette.ORANGE),
                "talking": house.Look(palette.BLUE, (10, 6)),
            },
            span=9,
        ),
        stacked(
            "Ended calls per minute, by outcome",
            "How callers left the selected queues. answered: by a member. abandoned: the caller "
            "hung up. expired: Asterisk ended the wait, for example after a timeout. left: the "
            "caller pressed a key. lost: the end was not seen.",
            queue_calls.OUTCOMES,
            colours=palette.OUTCOMES,
            span=9,
        ),
        bars(
            "Ended calls today, by outcome",
            "Calls of the selected queues that ended since midnight, exactly counted.",
            queue_calls.OUTCOMES_TODAY,
            span=6,
        ),
    ]


def _times() -> list[Panel]:
    return [
        stat(
            "Median wait",
            "Half of the calls that were answered in the selected time range had waited less.",
            queue_calls.MEDIAN_WAIT,
            decimals=0,
        ),
        stat(
            "Long wait",
            "One in ten calls that were answered in the selected time range had waited longer.",
            queue_calls.LONG_WAIT,
            decimals=0,
        ),
        stat(
            "Median wait without answer",
            "Half of the calls that ended without an answer in the selected time range had waited "
            "less.",
            queue_calls.MEDIAN_UNANSWERED_WAIT,
            decimals=0,
        ),
        stat(
            "Median ring time",
            "Half of the phones that were answered in the selected time range rang for a shorter "
            "time.",
            queue_calls.MEDIAN_RING,
            decimals=0,
        ),
        stat(
            "Median talk",
            "Half of the talks that ended in the selected time range were shorter.",
            queue_calls.MEDIAN_TALK,
            decimals=0,
        ),
        stat(
            "Long talk",
            "One in ten talks that ended in the selected time range was longer.",
            queue_calls.LONG_TALK,
            decimals=0,
        ),
    ]


def _rates() -> list[Panel]:
    return [
        lines(
            "Calls per minute",
            "Calls that joined the selected queues, calls that these queues refused, and how often "
            "a member was called and did not answer.",
            queue_calls.JOINED,
            queue_calls.REFUSED,
            queue_calls.NO_ANSWER,
            looks={
                "joined": house.Look(palette.BLUE),
                "refused": house.Look(palette.VERMILION, (2, 4)),
                "unanswered": house.Look(palette.ORANGE, (10, 6)),
            },
        ),
        stacked(
            "Ended talks per minute, by who ended them",
            "Talks of members and callers that ended: the agent or the caller hung up, or the "
            "agent transferred the caller.",
            queue_calls.COMPLETED,
            colours=palette.ENDED_BY,
        ),
    ]
