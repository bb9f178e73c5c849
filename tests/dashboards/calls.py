"""The oracle of calls through queues: computes what panels show from the whole history.

It follows the help texts of the metrics. The end of each stay is seen, and each stay that is not
answered lasts longer than `NEAR_SECONDS`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC
from math import inf, nextafter

from tests.windows.models import Fact, Model, Sighting
from tests.windows.oracle import DAY, KeyHistory

Numbers = dict[tuple[str, tuple[str, ...]], float]
Queue = tuple[str, str]
"""Origin and name."""

THRESHOLD = 20
SETTLE_SECONDS = 2
"""After the end of the wait, if nothing but the time says how it ended."""
HANGUP_SECONDS = 0.3
NEAR_SECONDS = 0.5
OUTCOMES = ("answered", "abandoned", "expired", "left", "lost")


class _Waiting(Model):
    """How many callers wait in a queue."""

    def __init__(self) -> None:
        self._callers = 0

    def apply(self, fact: Fact) -> list[Sighting]:
        self._callers += {"QueueCallerJoin": 1, "QueueCallerLeave": -1}.get(fact.name, 0)
        return []

    def values(self) -> dict[str, int]:
        return {"xivo_queue_callers_waiting": self._callers}


@dataclass
class _Stays:
    """The stays of a caller in a queue: times in Unix seconds, waits in seconds."""

    joined: list[float] = field(default_factory=list)
    left: list[float] = field(default_factory=list)
    connected: list[tuple[float, int]] = field(default_factory=list)
    abandoned: list[tuple[float, int]] = field(default_factory=list)
    hung_up: list[float] = field(default_factory=list)

    @property
    def waiting(self) -> int:
        return len(self.joined) - len(self.left)

    def ended(self) -> Iterator[tuple[float, str, int]]:
        """Yield when each stay was settled, its outcome and its wait."""
        for joined, left in zip(sorted(self.joined), sorted(self.left), strict=False):
            if answered := self._near(left, self.connected):
                yield left, "answered", answered[1]
            elif (abandoned := self._near(left, self.abandoned)) is None:
                yield left + SETTLE_SECONDS, "left", int(left) - int(joined)
            elif any(abs(at - abandoned[0]) <= HANGUP_SECONDS for at in self.hung_up):
                yield left, "abandoned", abandoned[1]
            else:
                yield left + SETTLE_SECONDS, "expired", abandoned[1]

    def _near(self, left: float, results: list[tuple[float, int]]) -> tuple[float, int] | None:
        near = [each for each in results if abs(each[0] - left) <= NEAR_SECONDS]
        return min(near, key=lambda each: abs(each[0] - left), default=None)


class Calls:
    """The calls of all queues.

    Args:
        lengths: Seconds of each window, by its label value; 0 for `today`, in UTC.
    """

    def __init__(self, lengths: Mapping[str, int]) -> None:
        self._lengths = lengths
        self._stays: dict[Queue, dict[str, _Stays]] = defaultdict(dict)
        self._hung_up: dict[str, list[float]] = defaultdict(list)
        self._talks: dict[Queue, Counter[str]] = defaultdict(Counter)
        self._waiting: dict[Queue, KeyHistory] = {}

    def take(self, fact: Fact) -> None:
        """Add an event to the history."""
        name, data = fact.name, fact.data
        if name == "HangupRequest" or (name == "SoftHangupRequest" and data["Cause"] == "1"):
            self._hung_up[data["Uniqueid"]].append(fact.at)
        if name == "AttendedTransfer":
            self._transfer(
                fact.origin, data["SecondTransfererUniqueid"], data["TransfereeUniqueid"]
            )
        if name not in EVENTS:
            return
        queue = (fact.origin, data["Queue"])
        if queue not in self._waiting:
            self._waiting[queue] = KeyHistory(_Waiting(), queue, self._lengths, fact.at, UTC)
        self._waiting[queue].take(fact)
        if name in STAY_EVENTS:
            self._note(fact, self._stays[queue].setdefault(data["Uniqueid"], _Stays()))
        member = data.get("Interface", "").casefold()
        self._talks[queue][member] += {"AgentConnect": 1, "AgentComplete": -1}.get(name, 0)

    def _transfer(self, origin: str, transferer: str, caller: str) -> None:
        """Let a caller have the stays of the channel that waited instead."""
        for (where, _), stays in self._stays.items():
            if where == origin and transferer in stays:
                before = stays.pop(transferer)
                after = stays.setdefault(caller, _Stays())
                after.joined += before.joined
                after.left += before.left
                after.connected += before.connected
                after.abandoned += before.abandoned
                after.hung_up = self._hung_up[caller]

    def _note(self, fact: Fact, stays: _Stays) -> None:
        stays.hung_up = self._hung_up[fact.data["Uniqueid"]]
        match fact.name:
            case "QueueCallerJoin":
                stays.joined.append(fact.at)
            case "QueueCallerLeave":
                stays.left.append(fact.at)
            case "AgentConnect":
                stays.connected.append((fact.at, int(fact.data["HoldTime"])))
            case "QueueCallerAbandon":
                stays.abandoned.append((fact.at, int(fact.data["HoldTime"])))

    def look(self, now: float) -> None:
        """Close windows by the clock."""
        for history in self._waiting.values():
            history.look(now)

    def numbers(self, now: float) -> Numbers:
        """Return the series that depend on no range of time."""
        numbers: Numbers = {}
        for queue, history in self._waiting.items():
            origin, _ = queue
            stays = self._stays[queue].values()
            numbers["xivo_state_known", (origin, "queue_calls")] = 0
            numbers["xivo_state_known_since_timestamp_seconds", (origin, "queue_calls")] = 0
            numbers["xivo_queue_callers_waiting", queue] = sum(each.waiting for each in stays)
            talking = sum(talks > 0 for talks in self._talks[queue].values())
            numbers["xivo_queue_members_in_call", queue] = talking
            numbers["xivo_queue_service_level_threshold_seconds", queue] = THRESHOLD
            windows = history.shown | history.today()
            numbers |= {series: float(value) for series, value in windows.items()}
            for window, seconds in self._lengths.items():
                end = now // seconds * seconds if seconds else nextafter(now, inf)
                start = end - seconds if seconds else now // DAY * DAY
                numbers |= self._of_window(queue, window, start, end)
        return numbers

    def _of_window(self, queue: Queue, window: str, start: float, end: float) -> Numbers:
        ended = (visit for stays in self._stays[queue].values() for visit in stays.ended())
        visits = [visit[1:] for visit in ended if start <= visit[0] < end]
        counts = Counter(outcome for outcome, _ in visits)
        numbers: Numbers = {
            ("xivo_queue_window_calls", (*queue, outcome, window)): counts[outcome]
            for outcome in OUTCOMES
        }
        in_time = sum(outcome == "answered" and wait <= THRESHOLD for outcome, wait in visits)
        early = sum(outcome == "abandoned" and wait <= THRESHOLD for outcome, wait in visits)
        judged = len(visits) - counts["left"] - early
        numbers |= {
            ("xivo_queue_window_service_level_calls", (*queue, result, window)): count
            for result, count in (("in_time", in_time), ("missed", judged - in_time))
        }
        if judged:
            numbers["xivo_queue_service_level_ratio", (*queue, window)] = in_time / judged
        if visits:
            longest = max(wait for _, wait in visits)
            numbers["xivo_queue_wait_max_seconds", (*queue, window)] = longest
        return numbers


STAY_EVENTS = {"QueueCallerJoin", "QueueCallerLeave", "QueueCallerAbandon", "AgentConnect"}
EVENTS = STAY_EVENTS | {"AgentComplete", "AgentRingNoAnswer"}
