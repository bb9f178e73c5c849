"""The recorded calls through queues: what the exporter shows of them, and what it should show."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache

from dataflows.metric import Histogram
from dataflows.subsystems.queue_calls import SUBSYSTEM
from tests.pipeline import SeriesValues
from tests.recordings.replay import Recorded, messages
from tests.recordings.truth import CALL_CENTRE, Expected, Visit, Waiting, visits, waiting

THRESHOLD_SECONDS = 20
"""Of the service level, without a setting."""

SERVICE = "xivo_queue_service_level_calls_total"
REFUSED = "xivo_queue_refused_total"
WAITING = "xivo_queue_callers_waiting"
OLDEST = "xivo_queue_oldest_wait_timestamp_seconds"
IN_CALL = "xivo_queue_members_in_call"

SETTLE_SECONDS = 2.0
"""What is not clear at once is decided after it."""

CHANGES = ("QueueCallerJoin", "QueueCallerLeave", "AgentConnect", "AgentComplete")

BESIDE_SECONDS = 0.05
"""Asterisk answers at some moment around the time of a snapshot."""

HISTOGRAMS = ("xivo_queue_wait_seconds", "xivo_queue_ring_seconds", "xivo_queue_talk_seconds")

COMPARED = frozenset(
    {
        "xivo_queue_calls_joined_total",
        "xivo_queue_calls_total",
        "xivo_queue_calls_completed_total",
        "xivo_queue_ring_no_answer_total",
        *(f"{name}_{part}" for name in HISTOGRAMS for part in ("count", "sum")),
        SERVICE,
        WAITING,
        IN_CALL,
    }
)

Numbers = dict[tuple[str, ...], float]
"""By metric, queue and last label; values of 0 are left out."""


def recording(name: str) -> str:
    """Return the path of a recording without the suffix; `name` is that of its truth."""
    return name if name == CALL_CENTRE else f"scenarios/{name}"


@cache
def calls(name: str) -> tuple[Recorded, ...]:
    """Return the messages of a recording that the subsystem of calls reads."""
    names = {decoder.name for decoder in (*SUBSYSTEM.decoders, *SUBSYSTEM.also)}
    return tuple(each for each in messages(recording(name)) if each.name in names)


def stamp(recorded: Recorded) -> float:
    """Return the time stamp of a message, Unix seconds."""
    moment = datetime.fromisoformat(recorded.message.headers["timestamp"])
    return moment.replace(tzinfo=UTC).timestamp()


# --- What is shown ---


def numbers(series: SeriesValues, metrics: Iterable[str] = COMPARED) -> Numbers:
    """Return the numbers of queues that are shown; histograms as `_count` and `_sum`."""
    found: Numbers = {}
    for (metric, labels), value in series.items():
        if isinstance(value, Histogram):
            found[f"{metric}_count", *labels[1:]] = sum(value.counts)
            found[f"{metric}_sum", *labels[1:]] = value.total
        else:
            found[metric, *labels[1:]] = value
    return {key: value for key, value in found.items() if value and key[0] in metrics}


# --- What is true ---


def service_result(visit: Visit) -> str | None:
    """Return what a visit means for the service level."""
    is_soon = (visit.wait or 0) <= THRESHOLD_SECONDS
    match visit.outcome:
        case "answered":
            return "in_time" if is_soon else "missed"
        case "abandoned":
            return "abandoned_early" if is_soon else "missed"
        case "expired":
            return "missed"
    return None


def wanted(expected: Mapping[str, Expected], of_all: Iterable[Visit]) -> Numbers:
    """Return the numbers that should be shown.

    Args:
        expected: Of each queue.
        of_all: The visits, for the service level.
    """
    found: Counter[tuple[str, ...]] = Counter()
    for queue, each in expected.items():
        for (metric, *labels), value in each.samples().items():
            found[metric, queue, *labels] = int(value)
    for visit in of_all:
        if (result := service_result(visit)) is not None:
            found[SERVICE, visit.queue, result] += 1
    return {key: value for key, value in found.items() if value}


def refused(name: str) -> Numbers:
    """Count the arrivals of each queue that never joined it, by name.

    The name of a queue is that of calls that arrived once and joined once. Calls that arrived
    before the first of them joined are not known. In these recordings, a call that goes from one
    queue to another arrives there with the id of the first.
    """
    of_call: defaultdict[tuple[str, str], list[Recorded]] = defaultdict(list)
    for each in calls(name):
        of_call[each.name, each.data.get("Uniqueid", "")].append(each)
    arrivals = {channel: found for (kind, channel), found in of_call.items() if kind == "UserEvent"}
    assert all(each.data["UserEvent"] == "Queue" for found in arrivals.values() for each in found)
    first: dict[str, Recorded] = {}
    for channel, (arrival, *more) in arrivals.items():
        joins = of_call["QueueCallerJoin", channel]
        if len(joins) == 1 and not more:
            first.setdefault(arrival.data["XIVO_DSTID"], joins[0])
    found: Counter[tuple[str, ...]] = Counter()
    for channel, (arrival, *more) in arrivals.items():
        join = first.get(arrival.data["XIVO_DSTID"])
        if join is not None and arrival.message.time > join.message.time:
            never = 1 + len(more) - len(of_call["QueueCallerJoin", channel])
            found[REFUSED, join.data["Queue"]] += never
    return dict(+found)


@dataclass(frozen=True)
class Traced:
    """A visit with the messages about it.

    Attributes:
        visit: From the truth.
        joined: The Join.
        left: The Leave.
        completed: The AgentComplete, if there was a talk.
    """

    visit: Visit
    joined: Recorded
    left: Recorded
    completed: Recorded | None


@cache
def traced() -> tuple[Traced, ...]:
    """Return the visits of the call centre, each with its messages."""
    about: defaultdict[tuple[str, str, str], list[Recorded]] = defaultdict(list)
    without_id = []
    for each in calls(CALL_CENTRE):
        if each.name == "AgentComplete" and "Uniqueid" not in each.data:
            without_id.append(each)
        elif "Queue" in each.data:
            about[each.name, each.data["Uniqueid"], each.data["Queue"]].append(each)
    found = []
    for visit in visits(CALL_CENTRE):
        key = (visit.uniqueid, visit.queue)
        completed = None
        if visit.outcome == "answered" and not (ends := about["AgentComplete", *key]):
            [completed] = [each for each in without_id if _is_end(each, visit)]
            without_id.remove(completed)
        elif visit.outcome == "answered":
            completed = ends.pop(0)
        joined, left = about["QueueCallerJoin", *key].pop(0), about["QueueCallerLeave", *key].pop(0)
        found.append(Traced(visit, joined, left, completed))
    assert not without_id
    return tuple(found)


def _is_end(completed: Recorded, visit: Visit) -> bool:
    data = completed.data
    return (data["Queue"], data["HoldTime"], data["TalkTime"]) == (
        visit.queue,
        str(visit.wait),
        str(visit.talk),
    )


def arrived_by(time: float) -> list[Visit]:
    """Return the visits of the call centre as they are known when some messages have arrived.

    Args:
        time: The last arrival, Unix seconds.
    """
    found = []
    for visit, joined, left, completed in (_parts(each) for each in traced()):
        known = visit
        if joined.message.time > time:
            continue
        if left.message.time > time:
            known = Visit(visit.queue, visit.uniqueid, visit.joined)
        elif completed is not None and completed.message.time > time:
            known = replace(visit, talk=None, by=None)
        found.append(known)
    return found


def _parts(each: Traced) -> tuple[Visit, Recorded, Recorded, Recorded | None]:
    return each.visit, each.joined, each.left, each.completed


def missed_by(time: float) -> Counter[str]:
    """Return how often a member had not answered when some messages have arrived, by queue."""
    return Counter(
        each.data["Queue"]
        for each in calls(CALL_CENTRE)
        if each.name == "AgentRingNoAnswer" and each.message.time <= time
    )


def quiet_snapshots() -> list[Waiting]:
    """Return who waited at each snapshot of the call centre that is not beside a change."""
    changes = [each.message.time for each in calls(CALL_CENTRE) if each.name in CHANGES]
    return [
        snapshot
        for snapshot in waiting()
        if changes[0] < snapshot.time < changes[-1]
        and all(abs(time - snapshot.time) > BESIDE_SECONDS for time in changes)
    ]
