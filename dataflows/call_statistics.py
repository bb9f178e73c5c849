"""The calls of one queue, as numbers."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable
from math import inf

from dataflows.call_windows import METRICS as WINDOW_METRICS
from dataflows.call_windows import CallWindows
from dataflows.clock import Countdown
from dataflows.events.queue_calls import (
    AgentConnected,
    CallCompleted,
    CallerJoined,
    CallEvent,
    MemberDidNotAnswer,
)
from dataflows.parts import FORGET_AFTER_SECONDS
from dataflows.queue_call_metrics import (
    CALLS,
    COMPLETED,
    IN_CALL,
    JOINED,
    METRICS,
    OLDEST_WAIT,
    REFUSED,
    RING,
    RING_NO_ANSWER,
    SERVICE,
    TALK,
    THRESHOLD,
    WAIT,
    WAITING,
    WAITING_LEVELS,
    Outcome,
    ServiceResult,
    Wait,
)
from dataflows.queue_facts import (
    CallRefused,
    Fact,
    MembersTalk,
    VisitEnded,
    WaitBegan,
    WaitEnded,
)
from dataflows.service_levels import DEFAULT
from dataflows.subsystem import Context, State
from dataflows.windows import Level


class CallStatistics(State[CallEvent | Fact]):
    """The calls of one queue."""

    def __init__(self, first: CallEvent | Fact, context: Context) -> None:
        super().__init__(context)
        self._name = first.queue
        self._queue = (first.origin_uuid, first.queue)
        # When each caller who waits joined, Unix seconds, ascending.
        self._joined: list[float] = []
        self._silence = Countdown(FORGET_AFTER_SECONDS)
        for spec in METRICS:
            if "window" not in spec.labels:
                self.samples.start(spec, self._queue)
        self._waiting = Level(
            self.samples, WAITING_LEVELS, self._queue, self.windows, at=first.at, value=0
        )
        self._ended = CallWindows(
            self.samples, WINDOW_METRICS, self._queue, self.windows, at=first.at
        )
        self.trackers = (self._waiting, self._ended)
        self._show_threshold()

    def apply(self, event: CallEvent | Fact) -> None:
        """Count an event of a caller, or a fact that follows from one."""
        self._silence.due = None  # A call of `stop` for each event would cost more.
        if isinstance(event, CallEvent):
            self._count(event)
        else:
            self._follow(event)

    def _count(self, event: CallEvent) -> None:
        samples, queue = self.samples, self._queue
        match event:
            case CallerJoined():
                samples.add(JOINED, queue)
            case AgentConnected(ring=ring) if ring is not None:
                samples.observe(RING, queue, ring)
            case MemberDidNotAnswer():
                samples.add(RING_NO_ANSWER, queue)
            case CallCompleted(talk_time=talk_time, by=by):
                if talk_time is not None:
                    samples.observe(TALK, queue, talk_time)
                if by is not None:
                    samples.add(COMPLETED, (*queue, by))

    def _follow(self, fact: Fact) -> None:
        match fact:
            case WaitBegan(at=at):
                insort(self._joined, at)
                self._show_waiting(at)
            case WaitEnded(at=at, joined=joined):
                del self._joined[bisect_left(self._joined, joined)]
                self._show_waiting(at)
            case VisitEnded():
                self._end_visit(fact)
            case MembersTalk(members=members):
                self.samples.set(IN_CALL, self._queue, members)
            case CallRefused():
                self.samples.add(REFUSED, self._queue)

    def _show_waiting(self, at: float) -> None:
        joined = self._joined
        self.samples.set(WAITING, self._queue, len(joined))
        self.samples.set(OLDEST_WAIT, self._queue, joined[0] if joined else 0)
        self._waiting.follow(at, len(joined))

    def _end_visit(self, event: VisitEnded) -> None:
        outcome, wait = event.outcome, event.wait
        self.samples.add(CALLS, (*self._queue, outcome))
        if wait is not None:
            how = Wait.ANSWERED if outcome is Outcome.ANSWERED else Wait.UNANSWERED
            self.samples.observe(WAIT, (*self._queue, how), wait)
        result = self._result(outcome, wait or 0)
        if result is not None:
            self.samples.add(SERVICE, (*self._queue, result))
        self._ended.end(event.at, outcome, wait, result)

    def _result(self, outcome: Outcome, wait: int) -> ServiceResult | None:
        match outcome:
            case Outcome.ANSWERED:
                is_in_time = wait <= self._threshold
                return ServiceResult.IN_TIME if is_in_time else ServiceResult.MISSED
            case Outcome.ABANDONED:
                is_early = wait <= self._threshold
                return ServiceResult.ABANDONED_EARLY if is_early else ServiceResult.MISSED
            case Outcome.EXPIRED:
                return ServiceResult.MISSED
            case _:
                return None

    def _show_threshold(self) -> None:
        levels = self.options.service_levels.get(self.bus, DEFAULT)
        self._threshold = levels.of(self._name)
        self.samples.set(THRESHOLD, self._queue, self._threshold)

    def restore(self, now: float) -> None:
        """Follow the options after a resume, also the threshold of the service level."""
        super().restore(now)
        self._show_threshold()

    def recheck(self, now: float) -> None:
        """Let nobody have joined in the future: the clock was set back."""
        super().recheck(now)
        self.shift(lambda at: min(at, now))

    def shift(self, corrected: Callable[[float], float]) -> None:
        """Correct when the callers joined."""
        self._joined = [corrected(at) for at in self._joined]
        self.samples.set(OLDEST_WAIT, self._queue, self._joined[0] if self._joined else 0)

    def expire(self, now: float) -> float | None:
        """Close windows; end all series if the queue had no calls for a week."""
        due = super().expire(now) or inf
        if not self._joined and self._silence.is_over(now):
            self.samples.retire_all()
        due = min(self._silence.due or inf, due)
        return None if due == inf else due
