"""The calls of one queue, as numbers."""

from __future__ import annotations

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
    CallersWait,
    CallRefused,
    Fact,
    MembersTalk,
    QueueListed,
    VisitEnded,
)
from dataflows.service_levels import DEFAULT
from dataflows.subsystem import Context, State
from dataflows.windows import Level


class CallStatistics(State[CallEvent | Fact]):
    """The calls of one queue.

    Attributes:
        listed_threshold: Of the service level in seconds, as an API lists it; 0 if it does not.
    """

    def __init__(self, first: CallEvent | Fact, context: Context) -> None:
        super().__init__(context)
        self._name = first.queue
        self._queue = (first.origin_uuid, first.queue)
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
        self.listed_threshold = 0
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
            case CallersWait(at=at, callers=callers, oldest=oldest):
                self.samples.set(WAITING, self._queue, callers)
                self.samples.set(OLDEST_WAIT, self._queue, oldest)
                self._waiting.follow(at, callers)
            case VisitEnded():
                self._end_visit(fact)
            case MembersTalk(members=members):
                self.samples.set(IN_CALL, self._queue, members)
            case CallRefused():
                self.samples.add(REFUSED, self._queue)
            case QueueListed(threshold=threshold):
                self.listed_threshold = threshold
                self._show_threshold()

    def _end_visit(self, event: VisitEnded) -> None:
        outcome, wait = event.outcome, event.wait
        self.samples.add(CALLS, (*self._queue, outcome))
        if wait is not None:
            how = Wait.ANSWERED if outcome is Outcome.ANSWERED else Wait.UNANSWERED
            self.samples.observe(WAIT, (*self._queue, how), wait)
        result = self._result(outcome, wait)
        if result is not None:
            self.samples.add(SERVICE, (*self._queue, result))
        self._ended.end(event.at, outcome, wait, result)

    def _result(self, outcome: Outcome, wait: int | None) -> ServiceResult | None:
        if outcome is Outcome.EXPIRED:
            return ServiceResult.MISSED
        if wait is None or outcome not in (Outcome.ANSWERED, Outcome.ABANDONED):
            return None
        if wait > self._threshold:
            return ServiceResult.MISSED
        is_answered = outcome is Outcome.ANSWERED
        return ServiceResult.IN_TIME if is_answered else ServiceResult.ABANDONED_EARLY

    def _show_threshold(self) -> None:
        levels = self.options.service_levels.get(self.bus, DEFAULT)
        self._threshold = self.listed_threshold or levels.of(self._name)
        self.samples.set(THRESHOLD, self._queue, self._threshold)

    def stay(self) -> None:
        """Begin the week of silence again, because an API lists the queue."""
        self._silence.due = None

    def restore(self, now: float) -> None:
        """Follow the options after a resume, also the threshold of the service level."""
        super().restore(now)
        self._show_threshold()

    def move(self, bus: str, now: float) -> None:
        """Belong to another bus, perhaps with another threshold."""
        super().move(bus, now)
        self._show_threshold()

    def expire(self, now: float) -> float | None:
        """Close windows; end all series if the queue had no calls for a week."""
        due = super().expire(now) or inf
        if not self.samples.get(WAITING, self._queue) and self._silence.is_over(now):
            self.samples.retire_all()
        due = min(self._silence.due or inf, due)
        return None if due == inf else due
