"""What somebody can count who hears all messages and looks at no order: the calls of queues."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from exporter.simulation.simulator import Message, Outcome, QueueCalls, Tally

_SECONDS_APART = 0.3


class Recount:
    """Counts of the messages of one server."""

    def __init__(self, queue_ids: Mapping[str, int]) -> None:
        self._queues = {str(number): name for name, number in queue_ids.items()}
        self._arrived: Counter[str] = Counter()
        self._events: defaultdict[str, list[tuple[float, str, dict[str, Any]]]] = defaultdict(list)
        self._requests: defaultdict[str, list[float]] = defaultdict(list)
        self._became: dict[str, str] = {}

    def hear(self, messages: Iterable[Message]) -> None:
        """Take the next messages of the server."""
        for message in messages:
            if not message.routing_key.startswith("ami."):
                continue
            event = json.loads(message.body)
            self._take(message.at, event["name"], event["data"])

    def _take(self, at: float, name: str, data: dict[str, Any]) -> None:
        match name:
            case "UserEvent" if data["UserEvent"] == "Queue":
                assert data["UNIQUEID"] == data["Uniqueid"]
                self._arrived[self._queues[data["XIVO_DSTID"]]] += 1
            case "HangupRequest":
                self._requests[data["Uniqueid"]].append(at)
            case "SoftHangupRequest" if data["Cause"] == "1":
                self._requests[data["Uniqueid"]].append(at)
            case "AttendedTransfer":
                assert (data["DestType"], data["DestApp"]) == ("App", "Queue")
                self._became[data["SecondTransfererUniqueid"]] = data["TransfereeUniqueid"]
            case "AgentComplete" | "AgentConnect" | "AgentRingNoAnswer":
                self._events[data["Queue"]].append((at, name, data))
            case _ if name.startswith("QueueCaller"):
                self._events[data["Queue"]].append((at, name, data))

    def calls(self, queue: str) -> QueueCalls:
        """Return the state of a queue, and what happened there."""
        joins, leaves = defaultdict[str, list[float]](list), Counter[str]()
        for at, name, data in self._events[queue]:
            uniqueid = data.get("Uniqueid", "")
            if name == "QueueCallerJoin":
                joins[self._became.get(uniqueid, uniqueid)].append(at)
            elif name == "QueueCallerLeave":
                leaves[uniqueid] += 1
        waiting = [sorted(times)[leaves[caller] :] for caller, times in joins.items()]
        tally = self._tally(queue)
        tally.joined = sum(map(len, joins.values()))
        tally.refused = self._arrived[queue] - tally.joined
        tally.ended[Outcome.LEFT] = leaves.total() - tally.ended.total()
        return QueueCalls(
            waiting=tally.joined - leaves.total(),
            oldest_join=min((times[0] for times in waiting if times), default=None),
            members_in_call=tally.rings.total() - tally.talks.total(),
            tally=tally,
        )

    def _tally(self, queue: str) -> Tally:
        """Count all but joins and leaves."""
        tally = Tally()
        for at, name, data in self._events[queue]:
            match name:
                case "QueueCallerAbandon":
                    outcome = self._outcome(data["Uniqueid"], at)
                    tally.ended[outcome] += 1
                    tally.waits[outcome][int(data["HoldTime"])] += 1
                case "AgentConnect":
                    tally.ended[Outcome.ANSWERED] += 1
                    tally.waits[Outcome.ANSWERED][int(data["HoldTime"])] += 1
                    tally.rings[int(data["RingTime"])] += 1
                case "AgentComplete":
                    tally.completed[data["Reason"]] += 1
                    tally.talks[int(data["TalkTime"])] += 1
                case "AgentRingNoAnswer":
                    assert int(data["RingTime"]) % 1000 == 0
                    tally.ring_no_answers += 1
        return tally

    def _outcome(self, uniqueid: str, at: float) -> Outcome:
        hung_up = any(abs(at - each) < _SECONDS_APART for each in self._requests[uniqueid])
        return Outcome.ABANDONED if hung_up else Outcome.EXPIRED
