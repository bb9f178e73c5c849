"""The panels of calls through queues: how they end, how long callers wait and talk."""

from __future__ import annotations

from dashboards import house, palette
from dashboards.documents import explained
from dashboards.heat import distribution
from dashboards.names import CALL_CENTRE
from dashboards.panels import Panel, bars, columns, lines, stacked, stat
from dashboards.signals import queue_calls
from dashboards.tables import Column, table


def panels() -> list[Panel]:
    """Build the panels."""
    return [*_over_time(), *_outcomes(), *_lengths(), *_causes(), _service_level()]


def _over_time() -> list[Panel]:
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
        ),
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
                "rings": house.Look(palette.ORANGE, (10, 6)),
            },
        ),
    ]


def _outcomes() -> list[Panel]:
    return [
        columns(
            "Calls of the last day, by hour and outcome",
            "How callers left the selected queues, in the hour that begins at each column. "
            "Answered: by a member. Abandoned: the caller hung up. Expired: Asterisk ended the "
            "wait, for example after a timeout. Left by a key: the caller pressed the key to "
            "leave. End not seen: for example because Asterisk crashed.",
            queue_calls.BY_HOUR,
            colours=palette.OUTCOMES,
            interval="1h",
            time_from="24h",
            span=18,
        ),
        bars(
            "Ended calls today, by outcome",
            "Calls of the selected queues that ended since midnight, exactly counted.",
            queue_calls.OUTCOMES_TODAY,
            span=6,
        ),
    ]


def _lengths() -> list[Panel]:
    return [
        distribution(
            "How long answered callers had waited",
            "Calls per minute that a member answered, by how long the caller had waited. Each row "
            "is named by its longest wait, in seconds.",
            queue_calls.WAITS,
        ),
        distribution(
            "How long unanswered callers waited",
            "Calls per minute that ended without an answer, by how long the caller had waited. "
            "Each row is named by its longest wait, in seconds.",
            queue_calls.UNANSWERED_WAITS,
        ),
        distribution(
            "How long callers and members talked",
            "Talks per minute that ended, by how long they had lasted. Each row is named by its "
            "longest talk, in seconds.",
            queue_calls.TALKS,
        ),
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


def _causes() -> list[Panel]:
    return [
        bars(
            "Rings without answer, by queue",
            "How often a member was called and did not answer in time, or rejected the call, in "
            "the selected time range.",
            queue_calls.UNANSWERED_RINGS,
            decimals=0,
        ),
        bars(
            "Calls refused, by queue",
            "Calls that arrived in the selected time range but never joined their queue: it was "
            "full, closed or had no members who could answer, or the caller hung up before.",
            queue_calls.REFUSED_CALLS,
            steps=house.SOME_STANDS_OUT,
            decimals=0,
        ),
        stacked(
            "Ended talks per minute, by who ended them",
            "Talks of members and callers that ended: the agent or the caller hung up, or the "
            "agent transferred the caller.",
            queue_calls.COMPLETED,
            colours=palette.ENDED_BY,
            span=8,
        ),
    ]


def _service_level() -> Panel:
    return table(
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
        details={"queue": CALL_CENTRE},
        links=(explained("calls.md#service-level"),),
        height=7,
    )
