"""How many callers wait in each queue, how long, and who answers them?

Source: the events of callers and channels of Asterisk, as xivo-amid and wazo-amid publish them
(`dataflows/events/queue_call_decoders.py`, `channels.py`). A visit is the stay of a caller in a
queue, from a Join to a Leave (`dataflows/callers.py`).

Trouble: reordered events and duplicates change nothing. A visit that ends without an answer is
settled two seconds later, when it is certain that no other event belongs to it. A missed Leave: the
visit is lost when the channel of the caller ends, when Asterisk starts, or after a day. After a
restart without a recovery store, callers who wait are unknown until they leave; the end of their
visit counts. A queue that confd says is deleted ends at once, if its name is known, as for
`queues`. Calls that it still has no longer count.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from math import inf
from operator import attrgetter

from dataflows.arrivals import Arrivals
from dataflows.call_statistics import CallStatistics
from dataflows.deleted_queues import CALL_SECONDS, DeletedQueues, of_group
from dataflows.duplicates import LastEvents
from dataflows.events import asterisk, channels, configuration, queue_call_decoders
from dataflows.events.channels import (
    CallerTransferred,
    ChannelEnded,
    ChannelEvent,
    HangupRequested,
    QueueDialled,
)
from dataflows.events.configuration import ConfigurationChanged, GroupDeleted, QueueDeleted
from dataflows.events.queue_calls import CallerJoined, CallersListed, CallEvent
from dataflows.events.queue_names import QueueKind, QueuesNamed
from dataflows.knowledge import Drift
from dataflows.listed_callers import ListedCallers
from dataflows.listings import Source
from dataflows.merging import Changed
from dataflows.parts import MAX_PARTS, PartedState
from dataflows.queue_call_metrics import METRICS
from dataflows.queue_facts import CallRefused, Fact, QueueListed
from dataflows.recent import DELETED_SECONDS
from dataflows.subsystem import Context, Event, Subsystem
from dataflows.waits import MAX_GREETING_SECONDS

NAME = "queue_calls"


class QueueCallsState(PartedState[CallEvent | Fact]):
    """The calls of the queues of one origin.

    After a caller waited for four seconds, and while they talk:

        xivo_queue_callers_waiting{origin_uuid="ca7f…",queue="support"} 0
        xivo_queue_calls_joined_total{origin_uuid="ca7f…",queue="support"} 1
        xivo_queue_calls_total{origin_uuid="ca7f…",queue="support",outcome="answered"} 1
        xivo_queue_members_in_call{origin_uuid="ca7f…",queue="support"} 1
    """

    part_name = attrgetter("queue")
    start_part = CallStatistics

    def __init__(self, first: Event, context: Context) -> None:
        super().__init__(first, context)
        self._origin = first.origin_uuid
        self._callers = ListedCallers(first.origin_uuid, self.entities)
        self._arrivals = Arrivals(first.at)
        self._last_events = LastEvents()
        # As confd lists them.
        self._names: dict[str, str] = {}
        self._deleted = DeletedQueues()

    def apply(self, event: CallEvent | ChannelEvent | ConfigurationChanged | Fact) -> None:
        if self.asked:
            self.note(event)
        if self._callers.settling.next_at <= event.at:
            self._settle(event.at)
        if isinstance(event, ChannelEvent):
            self._follow(event)
        elif isinstance(event, CallEvent):
            if not self._is_repeated(event):
                self._count(event)
        elif isinstance(event, ConfigurationChanged):
            self._configure(event)

    def _count(self, event: CallEvent) -> None:
        super().apply(event)
        self._apply_all(self._callers.follow(event))
        if type(event) is CallerJoined:
            self._arrivals.join(event.caller, event.queue, event.at)
            self._callers.settling.add(event.at, event.caller)

    def count_refused(self) -> int:
        return super().count_refused() + self._callers.refused

    def _configure(self, event: ConfigurationChanged) -> None:
        match event:
            case QueueDeleted(queue_id=queue_id, at=at) if queue_id in self._names:
                self._delete(self._names[queue_id], at)
            case GroupDeleted(group_uuid=uuid, at=at) if uuid:
                self._deleted.add(uuid, at)
                for queue in of_group(self._parts, uuid):
                    self._delete(queue, at)

    def _delete(self, queue: str, at: float) -> None:
        self._deleted.add(queue, at)
        if queue in self._parts:
            self.drop(queue)

    def may_start(self, event: CallEvent | Fact) -> bool:
        # After the reload, nobody can join a deleted queue and it is not listed, but calls may end.
        shows_queue = type(event) in (CallerJoined, QueueListed)
        seconds = DELETED_SECONDS if shows_queue else CALL_SECONDS
        return not self._deleted.has(event.queue, event.at, seconds)

    def note(self, event: CallEvent | ChannelEvent | ConfigurationChanged | Fact) -> None:
        changed = self.asked.get(Source.AMID)
        if changed is not None and isinstance(event, CallEvent):
            self._callers.note(event, changed)

    def merge(self, listing: CallersListed | QueuesNamed, changed: Changed) -> Mapping[Drift, int]:
        if isinstance(listing, QueuesNamed):
            queues = [each for each in listing.queues if each.kind is QueueKind.QUEUE]
            self._names = {each.queue_id: each.queue for each in queues[:MAX_PARTS]}
            for each in queues:
                self._arrivals.name(each.queue_id, each.queue)
            return {}
        self._settle(listing.at)
        facts, drift = self._callers.follow_listing(listing.queues, listing.at, changed)
        self._apply_all(facts)
        self._follow_queues(listing, {queue for queue, *_ in changed})
        return drift

    def _follow_queues(self, listing: CallersListed, changed: set[str]) -> None:
        # First, because new queues can take the places.
        for name in self._parts.keys() - {each.queue for each in listing.queues} - changed:
            if not self._callers.has(name):
                self.drop(name)
        for each in listing.queues:
            part = self._parts.get(each.queue)
            assert part is None or isinstance(part, CallStatistics)
            if part is not None:
                part.stay()
            if part is None or part.listed_threshold != each.threshold:
                self._apply_all([QueueListed(self._origin, listing.at, each.queue, each.threshold)])

    def _is_repeated(self, event: CallEvent) -> bool:
        arrived = 0.0 if event.is_stamped else event.at
        return self._last_events.has(event.digest, arrived) or self._callers.is_repeated(event)

    def _follow(self, event: ChannelEvent) -> None:
        channel, at = event.channel, event.at
        # Most channels are no callers, and their events cost less this way than with `match`.
        if type(event) is ChannelEnded:
            self._callers.end(channel, at)
            if self._arrivals.end(channel, at):
                self._callers.settling.add(at, channel)
        elif type(event) is HangupRequested:
            if facts := self._callers.hang_up(channel, at):
                self._apply_all(facts)
        elif type(event) is QueueDialled:
            if self._last_events.has(event.digest, 0.0 if event.is_stamped else at):
                return
            ended = self._callers.channels.ended_at(channel)
            self._arrivals.arrive(channel, event.queue_id, at, ended)
            self._callers.settling.add(max(at, ended) if ended < inf else at, channel)
        elif type(event) is CallerTransferred:
            self._apply_all(self._callers.transfer(channel, event.by, at))
            self._arrivals.rename(channel, event.by)

    def _settle(self, at: float) -> None:
        """Settle what is due at the time of an event."""
        for since, name in self._callers.settling.passed(at):
            self._look_again(since, name)
        for since, name in self._callers.leaving.passed(at):
            self._look_again(since + MAX_GREETING_SECONDS, name)

    def _look_again(self, at: float, name: str) -> None:
        self._apply_all(self._callers.look_again(at, name))
        if refused := self._arrivals.settle(name, at):
            self._apply_all([CallRefused(self._origin, at, queue) for queue in refused])

    def _apply_all(self, facts: Iterable[Fact]) -> None:
        for fact in facts:
            part = self.part_of(fact)
            if part is not None:
                part.apply(fact)

    def restart(self, at: float, started: float) -> None:
        self._settle(at)
        self._apply_all(self._callers.lose(at, started))
        self._arrivals.forget(started)

    def recheck(self, now: float) -> None:
        super().recheck(now)
        self._deleted.recheck(now)
        self._correct(now, lambda at: min(at, now))

    def shift(self, corrected: Callable[[float], float]) -> None:
        super().shift(corrected)
        self._correct(0.0, corrected)

    def _correct(self, at: float, corrected: Callable[[float], float]) -> None:
        self._arrivals.correct(corrected)
        self._apply_all(self._callers.correct(at, corrected))

    def expire(self, now: float) -> float | None:
        callers = self._callers
        if self.knowledge.is_updated:
            for at, name in callers.settling.passed_by_clock(now):
                self._look_again(at, name)
            for at, name in callers.leaving.passed_by_clock(now):
                self._look_again(at + MAX_GREETING_SECONDS, name)
        else:
            callers.settling.hold()
            callers.leaving.hold()
        self._apply_all(callers.expire(now))
        self.refused += callers.refused
        callers.refused = 0
        due = min(super().expire(now) or inf, callers.due)
        return None if due == inf else due


SUBSYSTEM = Subsystem(
    NAME,
    "How many callers wait in each queue, how long, and who answers them?",
    METRICS,
    QueueCallsState,
    queue_call_decoders.DECODERS,
    starters=(CallEvent,),
    also=(*channels.DECODERS, *asterisk.DECODERS, *configuration.DELETIONS),
    needs=(ChannelEvent, QueueDeleted, GroupDeleted),
    listings=(CallersListed, QueuesNamed),
    can_be_complete=True,
    max_shown=MAX_PARTS,
)
