"""Replays a recording while the recorded answers of Asterisk arrive, as the snapshotter puts them.

An answer enters the dataflow two seconds after it came. The one to agentd is made up: the recorded
agents were logged in all the time.
"""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from math import inf

from dataflows.envelope import Delivery
from dataflows.events.agents import AgentsListed
from dataflows.items import Item, Opened, ReadingContinued, SnapshotBegun, SnapshotTaken
from dataflows.listings import Source
from exporter.snapshots import agentd, amid
from exporter.snapshots.source import Request
from tests.agent_oracle import agent_of
from tests.pipeline import Pipeline
from tests.recordings.activities import activity
from tests.recordings.replay import FOLDER, Recorded, Settings, gauges_of, messages

BUS = "default"

ARRIVED_SECONDS = 2.0
"""After the answer; then the events that were published before it have arrived."""

_ASKED_SECONDS = 0.1
"""Before the answer, where the recording does not tell it."""

WAITING = "xivo_queue_callers_waiting"
IN_CALL = "xivo_queue_members_in_call"
KNOWN = "xivo_state_known"
OLDEST = "xivo_queue_oldest_wait_timestamp_seconds"
GAUGES = frozenset(
    {
        "xivo_queue_members",
        "xivo_queue_member_states",
        "xivo_queue_members_paused",
        "xivo_queue_members_wrap_up",
        "xivo_queue_members_available",
        WAITING,
        IN_CALL,
    }
)
Gauges = dict[tuple[str, ...], float]
"""By metric, queue and last label; values of 0 are left out."""

Part = dict[str, str]


@dataclass(frozen=True)
class Answer:
    """An answer of Asterisk to QueueStatus.

    Attributes:
        asked: When the request was sent, Unix seconds.
        time: When the answer came.
        parts: Its messages.
    """

    asked: float
    time: float
    label: str
    parts: tuple[Part, ...]

    def of(self, event: str) -> list[Part]:
        """Return its entries of one kind."""
        return [part for part in self.parts if part.get("Event") == event]

    @property
    def queues(self) -> set[str]:
        """The names of its queues."""
        return {part["Queue"] for part in self.of("QueueParams")}

    def gauges(self, settings: Settings, now: float) -> Gauges:
        """Return what the gauges must show at a time."""
        members = self.of("QueueMember")
        found = Counter(gauges_of(members, settings, now))
        found.update((WAITING, part["Queue"]) for part in self.of("QueueEntry"))
        found.update((IN_CALL, part["Queue"]) for part in members if part["InCall"] == "1")
        return {key: float(value) for key, value in found.items() if value}

    def activities(self, settings: Settings, now: float) -> Counter[str]:
        """Return how many agents do what, of those who are members of a queue."""
        by_agent: dict[str, list[Part]] = {}
        for member in self.of("QueueMember"):
            if (agent := agent_of(member["Location"].lower())) is not None:
                by_agent.setdefault(agent, []).append(member)
        return Counter(activity(each, settings, now) for each in by_agent.values())


def answers_of(name: str) -> list[Answer]:
    """Return the answers to QueueStatus while something was recorded."""
    with gzip.open(FOLDER / f"{name}.snapshots.jsonl.gz", "rt") as lines:
        found = [json.loads(line) for line in lines]
    return [
        Answer(
            each.get("asked", each["time"] - _ASKED_SECONDS),
            each["time"],
            each["label"],
            tuple(each["answer"]),
        )
        for each in found
        if each["action"] == "QueueStatus"
    ]


@dataclass(frozen=True)
class Merged:
    """What an answer changed.

    Attributes:
        before: The gauges of queues before it was merged.
        after: And afterwards.
        wanted: What they must be afterwards, by the answer.
        still: The queues of which no event arrived between the request and the merge.
        drift: How much of it counted as drift, by subsystem and kind.
        is_old: Whether Asterisk started or reloaded between the request and the merge.
    """

    answer: Answer
    now: float
    before: Gauges
    after: Gauges
    wanted: Gauges
    still: frozenset[str]
    drift: Counter[tuple[str, str]]
    is_old: bool

    def of_queue(self, gauges: Gauges, queue: str) -> Gauges:
        """Return the gauges of one queue."""
        return {key: value for key, value in gauges.items() if key[1] == queue}

    @property
    def differing(self) -> list[str]:
        """The still queues whose gauges are not those of the answer."""
        return [
            queue
            for queue in sorted(self.still)
            if self.of_queue(self.after, queue) != self.of_queue(self.wanted, queue)
        ]


class Watched:
    """An exporter that lists and watches while a recording is replayed.

    Args:
        name: Of the recording.
        start: How many seconds of the recording the exporter misses.
        agents: Their numbers; all are logged in.

    Attributes:
        pipeline: The dataflow.
        settings: What events told of queues.
    """

    def __init__(self, name: str, start: float = 0.0, agents: int = 4) -> None:
        recorded = [*messages(name)]
        began = recorded[0].message.time + start
        self.messages = [each for each in recorded if each.message.time >= began]
        body = json.loads(self.messages[0].message.content())
        self._origin: str = body["origin_uuid"]
        self.pipeline = Pipeline(windows="")
        self.pipeline.now = self.messages[0].message.time - 1
        self.settings = Settings()
        self._next = self._number = 0
        self._agents = [{"id": number, "logged": True} for number in range(1, agents + 1)]
        self._take(Opened(BUS, self.pipeline.now), ReadingContinued(BUS))

    def merge(self, answers: list[Answer]) -> Iterator[Merged]:
        """Merge answers, those that come while the exporter runs; yield what each changed."""
        last = self.messages[-1].message.time
        for answer in answers:
            if self.pipeline.now < answer.asked < last:
                yield self.merge_one(answer)

    def finish(self) -> None:
        """Let the rest of the recording arrive."""
        self._until(inf)

    def shown(self, metrics: frozenset[str] = GAUGES) -> Gauges:
        """Return gauges of queues."""
        return {
            (metric, *labels[1:]): value
            for (metric, labels), value in self.pipeline.series().items()
            if metric in metrics and value and isinstance(value, int | float)
        }

    def known(self) -> dict[str, float]:
        """Return whether the state of each subsystem is complete that has one."""
        return {subsystem: value for (subsystem,), value in self.of_origin(KNOWN).items()}

    def activities(self) -> Counter[str]:
        """Return how many agents do what."""
        found = self.of_origin("xivo_agents_by_activity")
        return +Counter({activity: int(value) for (activity,), value in found.items()})

    def of_origin(self, metric: str) -> dict[tuple[str, ...], float]:
        """Return the series of a metric, by the labels after that of the server."""
        return {
            labels[1:]: value
            for (name, labels), value in self.pipeline.series().items()
            if name == metric and isinstance(value, int | float)
        }

    def merge_one(self, answer: Answer, arrived: float = ARRIVED_SECONDS) -> Merged:
        """Merge an answer so many seconds after it came."""
        self._until(answer.asked)
        for source in (Source.AGENTD, Source.AMID):
            self._begin(source)
        heard = self._until(answer.time + arrived)
        before, drift = self.shown(), Counter(self._drift())
        self._end(answer)
        found = Counter(self._drift())
        found.subtract(drift)
        wanted = answer.gauges(self.settings, self.pipeline.now)
        return Merged(
            answer,
            self.pipeline.now,
            before,
            self.shown(),
            wanted,
            frozenset(answer.queues - {each.data.get("Queue") for each in heard}),
            Counter(+found),
            any(each.name in ("FullyBooted", "Reload") for each in heard),
        )

    def _until(self, time: float) -> list[Recorded]:
        found = []
        while self._next < len(self.messages) and self.messages[self._next].message.time <= time:
            each = self.messages[self._next]
            self._next += 1
            found.append(each)
            self.settings.follow(each)
            self.pipeline.advance(each.message.time)
            delivery: Delivery = each.message.delivery(BUS, self.pipeline.now)
            self._take(delivery)
        if time < inf:
            self.pipeline.advance(time)
        return found

    def _begin(self, source: Source) -> None:
        self._number += 1
        self._take(SnapshotBegun(BUS, self.pipeline.now, self._origin, source, self._number))

    def _end(self, answer: Answer) -> None:
        at, origin, number = answer.time, self._origin, self._number
        agents = agentd.decode(json.dumps(self._agents).encode(), origin)
        logged_in = AgentsListed(origin, at, number - 1, agents)
        self._take(SnapshotTaken(BUS, at, origin, Source.AGENTD, number - 1, (logged_in,)))
        body = json.dumps(answer.parts).encode()
        queues = amid.decode(body, Request(origin, number, lambda: at), at)
        self._take(SnapshotTaken(BUS, at, origin, Source.AMID, number, queues))

    def _take(self, *items: Item) -> None:
        self.pipeline.take(items)

    def _drift(self) -> dict[tuple[str, str], int]:
        found = self.of_origin("xivo_state_drift_total")
        return {(subsystem, str(kind)): int(value) for (subsystem, kind), value in found.items()}
