"""What Asterisk's `queue_log` and the driver of the calls say about all visits.

Asterisk writes `queue_log` itself, so these numbers do not depend on the bus. Outcomes and metrics
have the names of the exporter. Times are Unix seconds, durations whole seconds.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from math import inf
from typing import Any, Self

from tests.asterisk.deeds import Deeds
from tests.asterisk.queues import queue_of

OUTCOMES = ("answered", "abandoned", "expired", "left", "lost")
ENDS = ("agent", "caller", "transfer")
BUCKETS = {
    "xivo_queue_wait_seconds": (5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600),
    "xivo_queue_talk_seconds": (15, 30, 60, 120, 180, 300, 600, 900, 1800, 3600),
}

_UNANSWERED = {
    "ABANDON": "abandoned",
    "EXITWITHTIMEOUT": "expired",
    "EXITEMPTY": "expired",
    "WITHDRAW": "expired",
    "EXITWITHKEY": "left",
}
_COMPLETED = {
    "COMPLETEAGENT": "agent",
    "COMPLETECALLER": "caller",
    "ATTENDEDTRANSFER": "transfer",
    "BLINDTRANSFER": "transfer",
}

_NEAR_SECONDS = 3
"""What the driver does is in the log within this time."""


@dataclass
class Visit:
    """A stay of a caller in a queue.

    Attributes:
        uniqueid: Of the channel that joined.
        number: Of the caller.
        outcome: One of `OUTCOMES`, "" while the caller waits.
        wait: Seconds until the caller left, None if nobody knows.
        ring: Seconds that the phone rang which answered.
        talk: Seconds of the talk, None if its end was not seen.
        by: Who ended the talk, one of `ENDS`.
        agent: Name of the member who answered.
        ended: When the talk ended.
    """

    queue: str
    uniqueid: str
    number: str
    joined: int
    outcome: str = ""
    left: int | None = None
    wait: int | None = None
    ring: int | None = None
    talk: int | None = None
    by: str = ""
    agent: str = ""
    ended: int | None = None


@dataclass
class Truth:
    """What happened in the queues.

    Attributes:
        visits: All visits, by the end of each.
        ring_no_answers: How often a member was rung and did not answer, by queue.
        refused: Callers whom a queue did not take, by queue.
        unknown: Lines that fit to nothing: a fault of this parser, or a surprise.
    """

    visits: list[Visit]
    ring_no_answers: Counter[str]
    refused: Counter[str]
    unknown: list[str]

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON can write it."""
        visits = [
            {key: value for key, value in asdict(visit).items() if value not in (None, "")}
            for visit in self.visits
        ]
        return {
            "visits": visits,
            "ring_no_answer": dict(self.ring_no_answers),
            "refused": dict(self.refused),
        }

    @classmethod
    def of(cls, written: Mapping[str, Any]) -> Self:
        """Return what `as_dict` has written."""
        visits = [Visit(**visit) for visit in written["visits"]]
        return cls(visits, Counter(written["ring_no_answer"]), Counter(written["refused"]), [])


def read(log: str, deeds: Deeds) -> Truth:
    """Return what happened, from the log of all lives of Asterisk."""
    reader = _Reader(deeds)
    for line in log.splitlines():
        reader.follow(line)
    visits = [*reader.done, *reader.talks.values(), *reader.open.values()]
    visits.sort(key=lambda visit: visit.joined)
    came = {visit.number for visit in visits}
    refused = Counter(
        queue.name
        for number, done in deeds.calls.items()
        if number not in came
        and (queue := queue_of(done.call.exten)) is not None
        and queue.may_refuse
        and not deeds.was_dead(done.began)
    )
    return Truth(visits, reader.missed, refused, reader.unknown)


class _Reader:
    """Makes visits of lines: time, id of the call, queue, agent, event, data."""

    def __init__(self, deeds: Deeds) -> None:
        self._deeds = deeds
        self.done: list[Visit] = []
        self.open: dict[tuple[str, str], Visit] = {}
        self.talks: dict[tuple[str, str], Visit] = {}
        self.missed: Counter[str] = Counter()
        self._transfers: dict[tuple[str, str], int] = {}
        self.unknown: list[str] = []

    def follow(self, line: str) -> None:
        at, uniqueid, queue, agent, event, *data = line.split("|")
        key = (uniqueid, queue)
        if event == "QUEUESTART":
            self._start(int(at))
        elif event == "ENTERQUEUE":
            self.open[key] = Visit(queue, uniqueid, data[1], int(at))
        elif event == "RINGNOANSWER":
            self.missed[queue] += 1
        elif event == "CONNECT" or event in _UNANSWERED:
            visit = self._leave(line, int(at), key, event, data)
            if event == "CONNECT" and visit is not None:
                visit.agent = agent
        elif event in _COMPLETED:
            self._complete(line, int(at), key, _COMPLETED[event], data)

    def _complete(self, line: str, at: int, key: tuple[str, str], by: str, data: list[str]) -> None:
        talk = self.talks.pop(key, None)
        if talk is None:
            # A transfer to an agent may be logged as the end of the caller's talk, too.
            if self._transfers.get(key) != at:
                self.unknown.append(line)
            return
        if by == "transfer":
            self._transfers[key] = at
        # The last data are always the waiting, the talk and the first position.
        talk.talk, talk.by, talk.ended = int(data[-2]), by, at
        self.done.append(talk)

    def _start(self, at: int) -> None:
        """Lose what was under way when Asterisk died."""
        for visit in self.open.values():
            visit.outcome = "lost"
        for talk in self.talks.values():
            talk.ended = at
        self.done += [*self.open.values(), *self.talks.values()]
        self.open, self.talks = {}, {}

    def _leave(
        self, line: str, at: int, key: tuple[str, str], event: str, data: list[str]
    ) -> Visit | None:
        wait = int(data[0] if event == "CONNECT" else data[3 if event == "EXITWITHKEY" else 2])
        visit = self.open.pop(key, None) or self._transferred(key[1], at - wait)
        if visit is None:
            self.unknown.append(line)
            return None
        visit.left = at
        if event == "CONNECT":
            visit.outcome, visit.wait, visit.ring = "answered", wait, int(data[2])
            self.talks[key] = visit
            return visit
        visit.outcome, visit.wait = _UNANSWERED[event], wait
        if event == "ABANDON" and self._was_withdrawn(visit.number, at):
            visit.outcome = "expired"
        self.done.append(visit)
        return visit

    def _transferred(self, queue: str, joined: int) -> Visit | None:
        """Return the visit of a consultation whose place this caller took."""
        found = [(old, queue) for old in self._deeds.transfers if (old, queue) in self.open]
        if not found:
            return None
        return self.open.pop(min(found, key=lambda key: abs(self.open[key].joined - joined)))

    def _was_withdrawn(self, number: str, at: int) -> bool:
        """Whether the wait was ended by an administrator, or by the end of Asterisk."""
        done = self._deeds.calls.get(number)
        hung_up = inf if done is None else done.ended or inf
        ends = [self._deeds.withdrawn.get(number, 0.0)]
        # Who hung up just before a restart abandoned.
        ends += [
            began for how, began, _ in self._deeds.deaths if how == "restart" and hung_up > began
        ]
        return any(int(end) <= at <= end + _NEAR_SECONDS for end in ends)


Numbers = dict[tuple[str, ...], float]
"""By metric and last label."""


def expected(truth: Truth) -> dict[str, Numbers]:
    """Return the counters and counts of each queue at the end; histograms as count and buckets."""
    by_queue: defaultdict[str, list[Visit]] = defaultdict(list)
    for visit in truth.visits:
        by_queue[visit.queue].append(visit)
    return {
        queue: {
            **_numbers(visits),
            ("xivo_queue_ring_no_answer_total",): truth.ring_no_answers[queue],
            ("xivo_queue_refused_total",): truth.refused[queue],
        }
        for queue, visits in by_queue.items()
    }


def _numbers(visits: Iterable[Visit]) -> Numbers:
    visits = list(visits)
    found: Numbers = {("xivo_queue_calls_joined_total",): len(visits)}
    outcomes = Counter(visit.outcome for visit in visits)
    found |= {("xivo_queue_calls_total", outcome): outcomes[outcome] for outcome in OUTCOMES}
    ends = Counter(visit.by for visit in visits)
    found |= {("xivo_queue_calls_completed_total", by): ends[by] for by in ENDS}
    answered = [visit for visit in visits if visit.outcome == "answered"]
    others = [visit for visit in visits if visit.outcome in {"abandoned", "expired", "left"}]
    histograms: Mapping[tuple[str, ...], list[int | None]] = {
        ("xivo_queue_wait_seconds", "answered"): [visit.wait for visit in answered],
        ("xivo_queue_wait_seconds", "unanswered"): [visit.wait for visit in others],
        ("xivo_queue_ring_seconds",): [visit.ring for visit in answered],
        ("xivo_queue_talk_seconds",): [visit.talk for visit in visits],
    }
    for (name, *labels), values in histograms.items():
        seconds = [value for value in values if value is not None]
        found[f"{name}_count", *labels] = len(seconds)
        found[f"{name}_sum", *labels] = sum(seconds)
        for bound in BUCKETS.get(name, ()):
            found[f"{name}_bucket", *labels, f"{bound}"] = sum(each <= bound for each in seconds)
    return found
