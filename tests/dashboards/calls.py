"""The oracle of calls through queues: computes what panels show from the whole history.

It follows the help texts of the metrics. Each caller stays in a queue once. All ends are seen.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from tests.windows.models import Fact, Model, Sighting
from tests.windows.oracle import KeyHistory

Numbers = dict[tuple[str, tuple[str, ...]], float]
Queue = tuple[str, str]
"""Origin and name."""

THRESHOLD = 20
SETTLE_SECONDS = 2
"""After the end of the wait, if nothing but the time says how it ended."""
HANGUP_SECONDS = 0.3
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
class _Visit:
    """The events of a caller in a queue, by name: when, and the wait that it says."""

    events: dict[str, tuple[float, int]] = field(default_factory=dict)

    @property
    def is_waiting(self) -> bool:
        return "QueueCallerLeave" not in self.events

    def end(self, hung_up: list[float]) -> tuple[float, str, int]:
        """Return when it was settled, its outcome and its wait."""
        left, _ = self.events["QueueCallerLeave"]
        if "AgentConnect" in self.events:
            return left, "answered", self.events["AgentConnect"][1]
        if "QueueCallerAbandon" not in self.events:
            joined, _ = self.events["QueueCallerJoin"]
            return left + SETTLE_SECONDS, "left", int(left) - int(joined)
        ended, wait = self.events["QueueCallerAbandon"]
        if any(abs(at - ended) <= HANGUP_SECONDS for at in hung_up):
            return left, "abandoned", wait
        return left + SETTLE_SECONDS, "expired", wait


class Calls:
    """The calls of all queues.

    Args:
        lengths: Seconds of each window, by its label value.
    """

    def __init__(self, lengths: Mapping[str, int]) -> None:
        self._lengths = lengths
        self._visits: dict[Queue, dict[str, _Visit]] = defaultdict(lambda: defaultdict(_Visit))
        self._hung_up: dict[str, list[float]] = defaultdict(list)
        self._talks: dict[Queue, Counter[str]] = defaultdict(Counter)
        self._waiting: dict[Queue, KeyHistory] = {}

    def take(self, fact: Fact) -> None:
        """Add an event to the history."""
        name, data = fact.name, fact.data
        if name == "HangupRequest" or (name == "SoftHangupRequest" and data["Cause"] == "1"):
            self._hung_up[data["Uniqueid"]].append(fact.at)
        if name not in EVENTS:
            return
        queue = (fact.origin, data["Queue"])
        if queue not in self._waiting:
            self._waiting[queue] = KeyHistory(_Waiting(), queue, self._lengths, fact.at)
        self._waiting[queue].take(fact)
        if name in VISIT_EVENTS:
            wait = int(data.get("HoldTime", 0))
            self._visits[queue][data["Uniqueid"]].events[name] = fact.at, wait
        member = data.get("Interface", "").casefold()
        self._talks[queue][member] += {"AgentConnect": 1, "AgentComplete": -1}.get(name, 0)

    def look(self, now: float) -> None:
        """Close windows by the clock."""
        for history in self._waiting.values():
            history.look(now)

    def numbers(self, now: float) -> Numbers:
        """Return the series that depend on no range of time."""
        numbers: Numbers = {}
        for queue, history in self._waiting.items():
            origin, _ = queue
            visits = self._visits[queue].values()
            numbers["xivo_state_known", (origin, "queue_calls")] = 0
            numbers["xivo_state_known_since_timestamp_seconds", (origin, "queue_calls")] = 0
            numbers["xivo_queue_callers_waiting", queue] = sum(each.is_waiting for each in visits)
            talking = sum(talks > 0 for talks in self._talks[queue].values())
            numbers["xivo_queue_members_in_call", queue] = talking
            numbers["xivo_queue_service_level_threshold_seconds", queue] = THRESHOLD
            numbers |= {series: float(value) for series, value in history.shown.items()}
            for window, seconds in self._lengths.items():
                end = now // seconds * seconds
                numbers |= self._of_window(queue, window, end - seconds, end)
        return numbers

    def _of_window(self, queue: Queue, window: str, start: float, end: float) -> Numbers:
        visits = [visit[1:] for visit in self._ended(queue) if start <= visit[0] < end]
        counts = Counter(outcome for outcome, _ in visits)
        numbers: Numbers = {
            ("xivo_queue_window_calls", (*queue, outcome, window)): counts[outcome]
            for outcome in OUTCOMES
        }
        in_time = sum(outcome == "answered" and wait <= THRESHOLD for outcome, wait in visits)
        early = sum(outcome == "abandoned" and wait <= THRESHOLD for outcome, wait in visits)
        if judged := len(visits) - counts["left"] - early:
            numbers["xivo_queue_service_level_ratio", (*queue, window)] = in_time / judged
        if visits:
            longest = max(wait for _, wait in visits)
            numbers["xivo_queue_wait_max_seconds", (*queue, window)] = longest
        return numbers

    def _ended(self, queue: Queue) -> Iterator[tuple[float, str, int]]:
        for caller, visit in self._visits[queue].items():
            if not visit.is_waiting:
                yield visit.end(self._hung_up[caller])


VISIT_EVENTS = {"QueueCallerJoin", "QueueCallerLeave", "QueueCallerAbandon", "AgentConnect"}
EVENTS = VISIT_EVENTS | {"AgentComplete", "AgentRingNoAnswer"}
