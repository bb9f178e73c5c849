"""The true numbers of the recorded calls through queues, from Asterisk's `queue_log`.

Asterisk writes `queue_log` itself, so these numbers do not depend on the bus. Moments are Unix
seconds and durations are whole seconds, as Asterisk writes them. `outcome`, `by` and the metrics
have the names of the exporter.
"""

from __future__ import annotations

import gzip
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from tests.recordings.replay import FOLDER, answers

CALL_CENTRE = "call_centre"

OUTCOMES = ("answered", "abandoned", "expired", "left", "lost")
ENDS = ("agent", "caller", "transfer")

UNLOGGED = {
    # The recording ends a moment after the next scenario has begun: its caller waits.
    "answered_ended_by_agent": ("1795620918|1795620918.80|support|NONE|ENTERQUEUE|||1",),
    "answered_ended_by_caller": ("1795620912|1795620912.74|support|NONE|ENTERQUEUE|||1",),
    "answered_with_media_ended_by_agent": ("1795620931|1795620931.92|support|NONE|ENTERQUEUE|||1",),
    "answered_with_media_ended_by_caller": (
        "1795620925|1795620925.86|support|NONE|ENTERQUEUE|||1",
    ),
    "queue_timeout": ("1795620947|1795620947.106|ventes|NONE|ENTERQUEUE|||1",),
    "redirect_talking_caller": ("1795621133|1795621133.268|support|NONE|ENTERQUEUE|||1",),
    "redirect_waiting_caller": ("1795621122|1795621122.262|support|NONE|ENTERQUEUE|||1",),
    "same_queue_twice": ("1795621182|1795621182.306|support|NONE|ENTERQUEUE|||1",),
    "sip_exit_by_key": ("1795626982|1795626982.312|support|NONE|ENTERQUEUE|||1",),
    "sip_rejects_at_once": ("1795627240|1795627240.658|grp-busy|NONE|ENTERQUEUE|||1",),
    # An agent asks a colleague through a queue, and then transfers the caller. His consultation
    # is no call of the driver. These lines are from the events.
    "sip_agents_phone_transfers_attended_to_queue_of_colleague": (
        "1795627812|1795627812.1371|ventes|NONE|ENTERQUEUE|||1",
        "1795627815|1795627812.1371|ventes|Agent/1002|CONNECT|3|1795627812.1372|2",
        "1795627817|1795627812.1371|ventes|Agent/1002|ATTENDEDTRANSFER|LINK|||3|2|1",
    ),
}
"""Lines for visits that are in a recording, but not in its part of the log, by scenario."""

_HUNG_UP = frozenset({"BYE", "CANCEL", "vanished", "gave up"})
"""The last thing that the driver of the calls says of a caller who abandoned by himself."""

_UNANSWERED = {
    "ABANDON": "abandoned",
    "EXITWITHTIMEOUT": "expired",
    "EXITEMPTY": "expired",
    "WITHDRAW": "expired",
    "EXITWITHKEY": "left",
}
_OF_THE_VISITS = {"timeout": "expired", "left_empty": "expired", "withdrawn": "expired"}
_COMPLETED = {
    "COMPLETEAGENT": "agent",
    "COMPLETECALLER": "caller",
    "ATTENDEDTRANSFER": "transfer",
    "BLINDTRANSFER": "transfer",
}


@dataclass(frozen=True)
class Visit:
    """A stay of a caller in a queue.

    Attributes:
        uniqueid: Of the caller's channel when he left, or while he waits.
        joined: When he joined, Unix seconds.
        outcome: One of `OUTCOMES`; None while he waits.
        wait: Seconds until he left; None while he waits.
        left: When he left, Unix seconds; None while he waits.
        ring: Seconds that the phone of the agent rang; None if it is not answered.
        talk: Seconds of the talk; None if there was none, or it had not ended.
        by: Who ended the talk, one of `ENDS`; None as `talk`.
    """

    queue: str
    uniqueid: str
    joined: int
    outcome: str | None = None
    wait: int | None = None
    left: int | None = None
    ring: int | None = None
    talk: int | None = None
    by: str | None = None


@dataclass(frozen=True)
class Expected:
    """What is expected of a queue at the end of a recording.

    Attributes:
        joined: How many visits began.
        calls: How many visits ended, by outcome.
        waits: Seconds, in order, of visits that ended: `answered` and `unanswered`. Asterisk tells
            no event how long a caller waited who left by key, so there the time stamps of events
            may give up to a second more or less.
        rings: Seconds, in order, of the visits that were answered.
        talks: Seconds, in order, of the talks that ended.
        completed: How many talks ended, by who ended them.
        ring_no_answer: How often a member was rung and did not answer.
        waiting: How many callers wait at the end.
        talking: How many callers talk to a member at the end.
    """

    joined: int
    calls: Mapping[str, int]
    waits: Mapping[str, tuple[int, ...]]
    rings: tuple[int, ...]
    talks: tuple[int, ...]
    completed: Mapping[str, int]
    ring_no_answer: int
    waiting: int
    talking: int

    def samples(self) -> dict[tuple[str, ...], float]:
        """Return the numbers by metric and last label; histograms as `_count` and `_sum`."""
        found: dict[tuple[str, ...], float] = {
            ("xivo_queue_calls_joined_total",): self.joined,
            ("xivo_queue_ring_no_answer_total",): self.ring_no_answer,
            ("xivo_queue_callers_waiting",): self.waiting,
            ("xivo_queue_members_in_call",): self.talking,
        }
        for outcome, count in self.calls.items():
            found["xivo_queue_calls_total", outcome] = count
        for by, count in self.completed.items():
            found["xivo_queue_calls_completed_total", by] = count
        histograms: dict[tuple[str, ...], tuple[int, ...]] = {
            ("xivo_queue_ring_seconds",): self.rings,
            ("xivo_queue_talk_seconds",): self.talks,
        }
        for outcome, waits in self.waits.items():
            histograms["xivo_queue_wait_seconds", outcome] = waits
        for (name, *labels), seconds in histograms.items():
            found[f"{name}_count", *labels] = len(seconds)
            found[f"{name}_sum", *labels] = sum(seconds)
        return found


@dataclass(frozen=True)
class Waiting:
    """Who waited at a moment, by Asterisk's answer to QueueStatus.

    Attributes:
        time: Of the answer, Unix seconds.
        callers: How many wait, by queue; queues without a caller are left out.
        oldest: When the caller who waits longest joined, Unix seconds, by queue. Up to a second
            less, because Asterisk tells whole seconds of waiting.
    """

    time: float
    label: str
    callers: Mapping[str, int]
    oldest: Mapping[str, float]


@cache
def _truth() -> dict[str, Any]:
    truth: dict[str, Any] = json.loads(gzip.decompress((FOLDER / "truth.json.gz").read_bytes()))
    return truth


def scenarios() -> list[str]:
    """Return the names of the scenarios that have a truth; recordings are `scenarios/NAME`."""
    return sorted(_truth()["scenarios"])


def visits(name: str) -> list[Visit]:
    """Return the visits of `CALL_CENTRE` or of a scenario; waiting callers are the last ones."""
    if name == CALL_CENTRE:
        return [_of_call_centre(each) for each in _truth()[CALL_CENTRE]["visits"]]
    return _Log(_truth()["scenarios"][name]["calls"]).visits(_lines(name))


def ring_no_answers(name: str) -> Counter[str]:
    """Return how often a member was rung and did not answer, by queue."""
    if name == CALL_CENTRE:
        return Counter(_truth()[CALL_CENTRE]["ring_no_answer"])
    events = [line.split("|") for line in _lines(name)]
    return Counter(queue for _, _, queue, _, event, *_ in events if event == "RINGNOANSWER")


def expected(name: str) -> dict[str, Expected]:
    """Return the numbers of each queue at the end of `CALL_CENTRE` or of a scenario."""
    return totals(visits(name), ring_no_answers(name))


def totals(of_all: Iterable[Visit], missed: Mapping[str, int]) -> dict[str, Expected]:
    """Return the numbers of each queue.

    Args:
        of_all: The visits of all queues.
        missed: How often a member was rung and did not answer, by queue.
    """
    by_queue: defaultdict[str, list[Visit]] = defaultdict(list)
    for visit in of_all:
        by_queue[visit.queue].append(visit)
    return {queue: _expected(each, missed.get(queue, 0)) for queue, each in by_queue.items()}


def waiting() -> list[Waiting]:
    """Return who waited in the call centre at each snapshot."""
    found = []
    for time, label, answer in answers("QueueStatus"):
        entries = [part for part in answer if part.get("Event") == "QueueEntry"]
        oldest: dict[str, float] = {}
        for entry in entries:
            joined = time - int(entry["Wait"])
            oldest[entry["Queue"]] = min(joined, oldest.get(entry["Queue"], joined))
        found.append(Waiting(time, label, Counter(each["Queue"] for each in entries), oldest))
    return found


def _lines(name: str) -> list[str]:
    return sorted([*_truth()["scenarios"][name]["queue_log"], *UNLOGGED.get(name, ())], key=_moment)


def _moment(line: str) -> int:
    return int(line.partition("|")[0])


def _of_call_centre(visit: dict[str, Any]) -> Visit:
    outcome = visit["outcome"]
    if outcome == "abandoned" and visit["abandoned_because"] == "redirected":
        outcome = "expired"
    return Visit(
        visit["queue"],
        visit["uniqueid"],
        visit["joined"],
        "left" if outcome == "key" else _OF_THE_VISITS.get(outcome, outcome),
        visit["wait"],
        visit["left"],
        visit.get("ring"),
        visit.get("talk"),
        visit.get("end"),
    )


@dataclass
class _Log:
    """Makes visits of lines: time, id of the call, queue, agent, event, data.

    Attributes:
        calls: What the driver of the calls says that each caller did, by Uniqueid.
    """

    calls: Mapping[str, list[str]]
    done: list[Visit] = field(default_factory=list)
    open: dict[tuple[str, str], Visit] = field(default_factory=dict)
    talks: dict[tuple[str, str], Visit] = field(default_factory=dict)

    def visits(self, lines: Iterable[str]) -> list[Visit]:
        for line in lines:
            at, uniqueid, queue, _, event, *data = line.split("|")
            self._follow(int(at), (uniqueid, queue), event, data)
        return [*self.done, *self.talks.values(), *self.open.values()]

    def _follow(self, at: int, key: tuple[str, str], event: str, data: list[str]) -> None:
        uniqueid, queue = key
        if event == "ENTERQUEUE":
            assert key not in self.open
            self.open[key] = Visit(queue, uniqueid, at)
        elif event == "CONNECT":
            self.talks[key] = self._left(key, "answered", at, int(data[0]), int(data[2]))
        elif event in _UNANSWERED:
            outcome = _UNANSWERED[event]
            if outcome == "abandoned" and not _HUNG_UP.intersection(self.calls[uniqueid][-1:]):
                outcome = "expired"
            wait = data[3] if event == "EXITWITHKEY" else data[2]
            self.done.append(self._left(key, outcome, at, int(wait)))
        elif event in _COMPLETED:
            # The last data are always the waiting, the talk and the first position.
            talk = self.talks.pop(key)
            self.done.append(replace(talk, talk=int(data[-2]), by=_COMPLETED[event]))

    def _left(
        self, key: tuple[str, str], outcome: str, at: int, wait: int, ring: int | None = None
    ) -> Visit:
        # Who was transferred to a queue joined by another channel, and so by another id.
        joined = self.open.pop(key, None) or Visit(key[1], key[0], at - wait)
        return replace(joined, outcome=outcome, wait=wait, left=at, ring=ring)


def _expected(of_queue: list[Visit], ring_no_answer: int) -> Expected:
    calls = Counter(visit.outcome for visit in of_queue)
    ended = Counter(visit.by for visit in of_queue)
    waits: dict[str, list[int]] = {"answered": [], "unanswered": []}
    for visit in of_queue:
        if visit.wait is not None:
            waits["answered" if visit.outcome == "answered" else "unanswered"].append(visit.wait)
    talks = [visit.talk for visit in of_queue if visit.talk is not None]
    return Expected(
        joined=len(of_queue),
        calls={outcome: calls[outcome] for outcome in OUTCOMES},
        waits={outcome: tuple(sorted(seconds)) for outcome, seconds in waits.items()},
        rings=tuple(sorted(visit.ring for visit in of_queue if visit.ring is not None)),
        talks=tuple(sorted(talks)),
        completed={by: ended[by] for by in ENDS},
        ring_no_answer=ring_no_answer,
        waiting=calls[None],
        talking=calls["answered"] - len(talks),
    )
