"""The wallboard: the call centre on a screen of the floor, to be read from five metres."""

from __future__ import annotations

from dataclasses import replace

from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards import frame, house, palette
from dashboards.completeness import completeness
from dashboards.frame import Section
from dashboards.large import number, ranking, tiles
from dashboards.names import CALL_CENTRE, WALLBOARD
from dashboards.panels import Panel
from dashboards.promql import Signal
from dashboards.signals import agents, knowledge, queue_calls, queues

MANY = 6
"""Rows of a list: more do not fit in letters of this size."""

_ANY_WAITING: house.Steps = ((0, palette.GOOD), (1, palette.NEUTRAL))
# After a minute many callers give up, after three minutes most of them.
_LONG_WAIT: house.Steps = (
    (0, palette.GOOD),
    (1, palette.NEUTRAL),
    (60, palette.WARNING),
    (180, palette.BAD),
)
_COLOURS = dict(
    zip(
        (signal.legend for signal in agents.NOW),
        (
            palette.BLUISH_GREEN,
            palette.BLUE,
            palette.YELLOW,
            palette.SKY_BLUE,
            palette.ORANGE,
            palette.VERMILION,
        ),
        strict=True,
    )
)


def dashboard() -> Dashboard:
    """Build the dashboard."""
    return frame.frame(
        WALLBOARD,
        "Wallboard",
        "The call centre on a screen of the floor: who waits now and how long, the service level "
        "and the calls of today, what the agents do, and the queues that need help. Add `?kiosk` "
        "to its address to hide the menus, and `&theme=dark` for a dark page.",
        (frame.origins(), frame.queue_names()),
        (Section("", [*_now(), *_today(), *_queues(), _known()]),),
        refresh="5s",
        since="now-1h",
    )


def _now() -> list[Panel]:
    return [
        number(
            "waiting",
            "Callers who wait in the selected queues now.",
            queue_calls.ALL_WAITING,
            steps=_ANY_WAITING,
            link=CALL_CENTRE,
        ),
        number(
            "longest wait",
            "How long the caller who waits longest has been waiting. Orange from one minute, red "
            "from three minutes.",
            queue_calls.ALL_LONGEST_WAIT,
            steps=_LONG_WAIT,
            words=house.NOBODY,
            decimals=0,
            link=CALL_CENTRE,
        ),
        number(
            "service level today",
            "Share of the calls of today that were answered within the threshold. Callers who hung "
            "up within it do not count. Orange below 80 %, red below 60 %.",
            queue_calls.ALL_SERVICE_LEVEL_TODAY,
            steps=house.LOW_IS_BAD,
            decimals=0,
            link=CALL_CENTRE,
        ),
        number(
            "queues with nobody available",
            "Selected queues in which no member can take a call now.",
            queues.UNSTAFFED,
            steps=house.NONE_IS_GOOD,
            words=house.NONE,
            link=CALL_CENTRE,
        ),
    ]


def _today() -> list[Panel]:
    return [
        number(
            "answered today",
            "Calls of the selected queues that a member answered since midnight, exactly counted.",
            queue_calls.ALL_ANSWERED_TODAY,
            span=5,
            height=5,
        ),
        number(
            "abandoned today",
            "Calls of the selected queues in which the caller hung up before an answer, since "
            "midnight, exactly counted.",
            queue_calls.ALL_ABANDONED_TODAY,
            span=5,
            height=5,
        ),
        tiles(
            "Agents of the selected servers who are logged in, by what they do now, in any queue.",
            *agents.NOW,
            colours=_COLOURS,
            span=14,
        ),
    ]


def _queues() -> list[Panel]:
    return [
        ranking(
            f"The {MANY} selected queues in which most callers wait now.",
            _first(replace(queue_calls.WAITING, unit="suffix:waiting"), "topk", "sort_desc"),
            steps=_ANY_WAITING,
        ),
        ranking(
            f"The {MANY} selected queues with the longest wait now.",
            _first(queue_calls.LONGEST_WAIT, "topk", "sort_desc"),
            steps=_LONG_WAIT,
            words=house.NOBODY,
        ),
        ranking(
            f"The {MANY} selected queues with the fewest members who can take a call now.",
            _first(replace(queues.AVAILABLE, unit="suffix:available"), "bottomk", "sort"),
            steps=house.FEW_IS_BAD,
        ),
    ]


def _known() -> Panel:
    return completeness(knowledge.CALLS, knowledge.QUEUES, knowledge.AGENTS)


def _first(signal: Signal, choose: str, sort: str) -> Signal:
    return replace(signal, expr=f"{sort}({choose}({MANY}, {signal.expr}))")
