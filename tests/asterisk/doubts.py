"""When the events of a member contradict each other, so that only a snapshot tells the state."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from math import inf
from typing import Any, NamedTuple

from tests.asterisk.comparison import Quiet

_REVERSED_SECONDS = 0.05
"""amid reverses the order of events that come so soon after each other."""

_RINGING = "6"
"""Of two states of a moment, this is the older one, so they are no doubt."""


class Doubt(NamedTuple):
    """A time in which the state of a member of a queue is not known; Unix seconds."""

    queue: str
    start: float
    end: float


def doubts(messages: Iterable[Mapping[str, Any]]) -> list[Doubt]:
    """Return the times from two events of the same moment to the next event of that member."""
    last: dict[tuple[str, str], tuple[float, str, str]] = {}
    since: dict[tuple[str, str], float] = {}
    found = []
    for message in messages:
        data = message["body"]["data"]
        if not data["Event"].startswith("QueueMember"):
            continue
        member, at = (data["Queue"], data["Interface"]), message["time"]
        now = (at, data["Status"], data["Paused"])
        began, status, paused = last.get(member, (-inf, "", ""))
        if at - began < _REVERSED_SECONDS:
            differ = {status, now[1]} - {_RINGING}
            if len(differ) > 1 or paused != now[2]:
                since.setdefault(member, began)
        elif member in since:
            found.append(Doubt(member[0], since.pop(member), at))
        last[member] = now
    return found + [Doubt(queue, start, inf) for (queue, _), start in since.items()]


def without(judged: Iterable[Quiet], found: Sequence[Doubt]) -> list[Quiet]:
    """Return the same, without the queues of which a member's state is not known."""
    return [
        replace(each, queues=tuple(q for q in each.queues if not _has(found, q, each.status.time)))
        for each in judged
    ]


def _has(found: Iterable[Doubt], queue: str, at: float) -> bool:
    return any(doubt.queue == queue and doubt.start <= at <= doubt.end for doubt in found)
