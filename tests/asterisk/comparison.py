"""Compares the exporter's series with what Asterisk said: counters at the end, gauges all along."""

from __future__ import annotations

import bisect
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

from tests.asterisk.ami import Message
from tests.asterisk.truth import Numbers, Truth
from tests.program import Series
from tests.queue_oracle import DEVICE_STATES

SLACK_SECONDS = 1.0
"""So long after the last event, the gauges are right."""

_LAST_LABELS = ("outcome", "by", "status", "membership")

GAUGES = ("xivo_queue_callers_waiting",)
IN_CALL = "xivo_queue_members_in_call"
MEMBERS = ("xivo_queue_members", "xivo_queue_member_states", "xivo_queue_members_paused")


@dataclass(frozen=True)
class Scrape:
    """What the exporter showed of the queues.

    Attributes:
        time: When the answer came, Unix seconds.
        gauges: By queue, metric and last label; values of 0 are left out.
        known: The subsystems whose state is complete.
    """

    time: float
    gauges: Mapping[tuple[str, ...], float]
    known: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Status:
    """Asterisk's answer to QueueStatus.

    Attributes:
        asked: When the question was sent, Unix seconds.
        time: When the answer was whole.
        parts: Its messages.
    """

    asked: float
    time: float
    parts: Sequence[Message]


def numbers_of(samples: Mapping[Series, float]) -> dict[str, Numbers]:
    """Return the numbers of each queue, in the form of `truth.expected`; without windows."""
    found: dict[str, Numbers] = {}
    for (name, labels), value in samples.items():
        given = dict(labels)
        queue = given.get("queue")
        if queue is None or "window" in given or not name.startswith("xivo_queue_"):
            continue
        last = [given[label] for label in _LAST_LABELS if label in given]
        if "le" in given:
            last.append(given["le"].removesuffix(".0"))
        found.setdefault(queue, {})[name, *last] = value
    return found


def differences(
    expected: Mapping[str, Numbers], shown: Mapping[str, Numbers], truth: Truth
) -> list[str]:
    """Return a line for each counter that differs.

    Asterisk tells no event how long a caller waited who left by key; that wait may differ by a
    second, and with it the sum and the buckets.
    """
    lines = []
    for queue, numbers in sorted(expected.items()):
        by_key = [v.wait for v in truth.visits if v.queue == queue and v.outcome == "left"]
        for key, wanted in numbers.items():
            got = shown.get(queue, {}).get(key, 0)
            slack = _slack(key, [wait for wait in by_key if wait is not None])
            if abs(got - wanted) > slack:
                lines.append(f"{queue} {' '.join(key)}: {got:g} instead of {wanted:g}")
    return lines


def _slack(key: tuple[str, ...], by_key: Sequence[int]) -> int:
    if "unanswered" not in key:
        return 0
    if key[0].endswith("_sum"):
        return len(by_key)
    if key[0].endswith("_bucket"):
        return sum(abs(wait - int(key[-1])) <= 1 for wait in by_key)
    return 0


def gauges_of(numbers: Mapping[str, Numbers], names: Iterable[str]) -> dict[tuple[str, ...], float]:
    """Return the gauges that are not 0, by queue, metric and last label."""
    wanted = set(names)
    return {
        (queue, *key): value
        for queue, its in numbers.items()
        for key, value in its.items()
        if key[0] in wanted and value
    }


def said(status: Status, names: Iterable[str]) -> dict[tuple[str, ...], float]:
    """Return the same gauges as Asterisk gives them."""
    found: Counter[tuple[str, ...]] = Counter()
    for part in status.parts:
        queue = part.get("Queue", "")
        if part.get("Event") == "QueueEntry":
            found[queue, "xivo_queue_callers_waiting"] += 1
        elif part.get("Event") == "QueueMember":
            found[queue, "xivo_queue_members", part["Membership"]] += 1
            found[queue, "xivo_queue_member_states", DEVICE_STATES[int(part["Status"])]] += 1
            found[queue, "xivo_queue_members_paused"] += int(part["Paused"])
            found[queue, IN_CALL] += part.get("InCall") == "1"
    wanted = set(names)
    return {key: float(value) for key, value in found.items() if value and key[1] in wanted}


@dataclass(frozen=True)
class Quiet:
    """An answer, the next scrape, and the queues of which both must tell the same.

    Attributes:
        queues: Those of which no event came from a second before the question to a second after the
            scrape.
    """

    status: Status
    scrape: Scrape
    queues: tuple[str, ...]


def moments(messages: Iterable[Mapping[str, Any]]) -> dict[str, list[float]]:
    """Return when events of each queue came, in order."""
    found: dict[str, list[float]] = {}
    for message in messages:
        queue = message["body"]["data"].get("Queue")
        if queue is not None:
            found.setdefault(queue, []).append(message["time"])
    return found


def quiet(
    statuses: Iterable[Status], scrapes: Sequence[Scrape], events: Mapping[str, Sequence[float]]
) -> list[Quiet]:
    """Return what must agree.

    Args:
        statuses: Answers.
        scrapes: In their order.
        events: When events of each queue came.
    """
    times = [scrape.time for scrape in scrapes]
    found = []
    for status in statuses:
        index = bisect.bisect_left(times, status.time)
        if index == len(scrapes):
            continue
        scrape = scrapes[index]
        queues = {part["Queue"] for part in status.parts if part.get("Event") == "QueueParams"}
        still = []
        for queue in sorted(queues):
            its = events.get(queue, ())
            first = bisect.bisect_left(its, status.asked - SLACK_SECONDS)
            if first == len(its) or its[first] > scrape.time + SLACK_SECONDS:
                still.append(queue)
        found.append(Quiet(status, scrape, tuple(still)))
    return found


def disagreements(judged: Iterable[Quiet], names: Sequence[str]) -> list[str]:
    """Return a line for each queue of which a scrape tells something else than the answer."""
    lines = []
    for each in judged:
        wanted = said(each.status, names)
        shown = {key: value for key, value in each.scrape.gauges.items() if key[1] in names}
        for queue in each.queues:
            if _of(shown, queue) != _of(wanted, queue):
                at = f"{each.status.time:.1f} {queue}"
                lines.append(f"{at}: {_of(shown, queue)}, not {_of(wanted, queue)}")
    return lines


def talk_disagreements(scrapes: Iterable[Scrape], truth: Truth) -> list[str]:
    """Return a line for each scrape that shows another number of members who talk.

    The log has whole seconds, so at each moment a number is only known to be within bounds.
    """
    queues = sorted({visit.queue for visit in truth.visits})
    answered = [visit for visit in truth.visits if visit.left is not None and visit.agent]
    lines = []
    for scrape in scrapes:
        for queue in queues:
            sure, perhaps = set(), set()
            for visit in answered:
                began, ended = visit.left or 0, visit.ended or inf
                if visit.queue == queue and began - SLACK_SECONDS <= scrape.time <= ended + 2:
                    perhaps.add(visit.agent)
                    if began + 1 + SLACK_SECONDS <= scrape.time <= ended:
                        sure.add(visit.agent)
            shown = scrape.gauges.get((queue, IN_CALL), 0)
            if not len(sure) <= shown <= len(perhaps):
                bounds = f"{len(sure)} to {len(perhaps)}"
                lines.append(f"{scrape.time:.1f} {queue}: {shown:g}, not {bounds}")
    return lines


def _of(gauges: Mapping[tuple[str, ...], float], queue: str) -> dict[str, float]:
    return {" ".join(key[1:]): value for key, value in gauges.items() if key[0] == queue}
