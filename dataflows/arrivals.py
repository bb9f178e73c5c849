"""Calls that arrived for a queue, and whether they joined it.

The dialplan of XiVO and Wazo publishes the arrival, with the id of the queue. A queue that is full,
has no members or is closed refuses the call, without an event, and the call may arrive for another
queue at once. amid publishes these events in any order, so they are put together a moment later.
The name of a queue is learnt when an arrival is followed by a Join; calls that it refused before
count then.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from math import inf
from typing import NamedTuple

from msgspec import Struct

from dataflows.waits import REVERSED_SECONDS

MAX_ARRIVALS = 10_000
"""Calls that arrived and have not joined: more than a server can have. The oldest are forgotten."""

MAX_NAMES = 2_000
"""Queues, as many as are shown."""

_MAX_OF_A_CALL = 16
"""A call that goes from queue to queue passes fewer within a moment."""


class _Step(NamedTuple):
    """An arrival for a queue, by its id, or a Join of a queue, by its name."""

    queue: str
    at: float


class _Call(Struct):
    """What is not settled of a call; `ended` is inf while its channel has not ended."""

    arrivals: tuple[_Step, ...] = ()
    joins: tuple[_Step, ...] = ()
    ended: float = inf


class _Name(NamedTuple):
    """The name of a queue, and another one if the last call joined that."""

    name: str
    other: str = ""


class Arrivals:
    """The arrivals of one server that have not joined.

    Args:
        began: When the first event of a queue came, Unix seconds. A call that arrived before it may
            have joined before it.
    """

    __slots__ = ("_began", "_calls", "_earlier", "_names", "_unnamed")

    def __init__(self, began: float) -> None:
        self._began = began
        # By channel, the oldest first.
        self._calls: dict[str, _Call] = {}
        self._names: dict[str, _Name] = {}
        # How many calls were refused by queues whose name is not known, by the id of the queue.
        self._unnamed: Counter[str] = Counter()
        # The names of queues that are known now, once for each of these calls.
        self._earlier: list[str] = []

    def arrive(self, channel: str, queue_id: str, at: float, ended: float) -> None:
        """Note an arrival, which must be settled later.

        Args:
            channel: Of the call.
            queue_id: Id of the queue.
            at: When, Unix seconds.
            ended: When the channel ended; inf for not yet.
        """
        call = self._call(channel)
        call.ended = min(call.ended, ended)
        call.arrivals = (*call.arrivals, _Step(queue_id, at))[-_MAX_OF_A_CALL:]
        self._learn_first(call)

    def join(self, channel: str, queue: str, at: float) -> None:
        """Note that a caller joined a queue, which must be settled later."""
        call = self._call(channel)
        call.joins = (*call.joins, _Step(queue, at))[-_MAX_OF_A_CALL:]
        self._learn_first(call)

    def name(self, queue_id: str, name: str) -> None:
        """Learn the name of a queue from an API."""
        if queue_id in self._names or len(self._names) < MAX_NAMES:
            self._names[queue_id] = _Name(name)
            self._earlier += [name] * min(self._unnamed.pop(queue_id, 0), MAX_ARRIVALS)

    def rename(self, old: str, new: str) -> None:
        """Let a caller take the place of a channel that has not joined."""
        call = self._calls.pop(old, None)
        if call is not None and new not in self._calls:
            call.ended = inf
            self._calls[new] = call

    def end(self, channel: str, at: float) -> bool:
        """Note that a channel ended; return whether it must be settled later."""
        call = self._calls.get(channel)
        if call is None:
            return False
        call.ended = at
        return True

    def settle(self, channel: str, until: float) -> list[str]:
        """Settle what a call did until a time; return the names of queues that refused calls."""
        call = self._calls.get(channel)
        if call is None:
            return []
        joins = [join for join in call.joins if join.at <= until]
        left = self._match([*call.arrivals], joins)
        # A call is at one queue at a time: what was before the last Join or arrival is over.
        over = max([step.at + REVERSED_SECONDS for step in joins], default=-inf)
        over = max([over, *(step.at - REVERSED_SECONDS for step in left)])
        if call.ended <= until:
            over = inf
        call.arrivals = tuple([step for step in left if step.at > over])
        call.joins = tuple([join for join in call.joins if join.at > until])
        if not (call.arrivals or call.joins):
            del self._calls[channel]
        return self._named(step for step in left if step.at <= over)

    def _named(self, refused: Iterable[_Step]) -> list[str]:
        """Return the names of queues that refused a call, and of those whose name is new."""
        names, self._earlier = self._earlier, []
        for queue_id, at in refused:
            known = self._names.get(queue_id)
            if known is not None:
                names.append(known.name)
            elif at > self._began + REVERSED_SECONDS and len(self._unnamed) < MAX_NAMES:
                self._unnamed[queue_id] += 1
        return names

    def forget(self, before: float) -> None:
        """Forget the calls before a time, Unix seconds."""
        self._calls = {
            channel: call
            for channel, call in self._calls.items()
            if any(step.at >= before for step in (*call.arrivals, *call.joins))
        }

    def correct(self, corrected: Callable[[float], float]) -> None:
        """Correct all times."""
        self._began = corrected(self._began)
        for call in self._calls.values():
            call.arrivals, call.joins = (
                tuple([step._replace(at=corrected(step.at)) for step in steps])
                for steps in (call.arrivals, call.joins)
            )
            if call.ended < inf:
                call.ended = corrected(call.ended)

    def _call(self, channel: str) -> _Call:
        call = self._calls.get(channel)
        if call is None:
            call = self._calls[channel] = _Call()
            if len(self._calls) > MAX_ARRIVALS:
                del self._calls[next(iter(self._calls))]
        return call

    def _match(self, arrivals: list[_Step], joins: list[_Step]) -> list[_Step]:
        """Return the arrivals that did not join; learn names from the others."""
        unknown = []
        for join in joins:
            found = [each for each in arrivals if self._is_named(each, join)]
            if found:
                arrivals.remove(found[0])
                self._learn(found[0].queue, join.queue)
            else:
                unknown.append(join)
        for join in unknown:
            before = [each for each in arrivals if each.at <= join.at + REVERSED_SECONDS]
            if before:
                arrivals.remove(before[-1])
                if len(before) == len(unknown) == 1:
                    self._learn(before[-1].queue, join.queue)
        return arrivals

    def _is_named(self, arrival: _Step, join: _Step) -> bool:
        known = self._names.get(arrival.queue)
        return known is not None and known.name == join.queue

    def _learn_first(self, call: _Call) -> None:
        """Learn the first name of a queue at once, for the calls that it refused just before."""
        if len(call.arrivals) == len(call.joins) == 1:
            queue_id = call.arrivals[0].queue
            if queue_id not in self._names:
                self._learn(queue_id, call.joins[0].queue)

    def _learn(self, queue_id: str, name: str) -> None:
        """Note the name of a queue; a new name counts from the second time on."""
        known = self._names.get(queue_id)
        if known is None:
            if len(self._names) < MAX_NAMES:
                self._names[queue_id] = _Name(name)
                self._earlier += [name] * min(self._unnamed.pop(queue_id, 0), MAX_ARRIVALS)
        elif name in known:
            self._names[queue_id] = _Name(name)
        else:
            self._names[queue_id] = known._replace(other=name)
