"""The oracle of agents: what they do, and for how long, from the whole history.

It follows the help texts of the metrics. After each event it computes from all memberships what
each agent does, and keeps every stretch of time in which an agent did one thing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf
from typing import Any

from tests.queue_oracle import ADDED, PAUSES, Fact, Member, Queue, interface_of, is_of_member

ACTIVITIES = ("on_call", "ringing", "paused", "wrap_up", "unavailable", "available", "unknown")
PAUSE_BOUNDS = (30, 60, 120, 300, 600, 900, 1200, 1800, 2700, 3600, 7200, 14400)
MINUTE = 60

METRICS = {
    "xivo_agents_by_activity",
    "xivo_agent_activity_seconds_total",
    "xivo_agents_paused",
    "xivo_agent_pause_duration_seconds",
    "xivo_agent_activity",
}
Numbers = dict[tuple[str, tuple[str, ...]], Any]


def agent_of(interface: str) -> str | None:
    """Return the agent of an interface in lower case."""
    if not (interface.startswith("local/id-") and interface.endswith("@agentcallback")):
        return None
    digits = interface[len("local/id-") : -len("@agentcallback")]
    return str(int(digits)) if digits.isascii() and digits.isdecimal() else None


@dataclass
class Stretch:
    """A stretch of time in which an agent did one thing; `end` is infinite while it goes on."""

    agent: str
    what: str
    begin: float
    end: float = inf

    def length(self, gaps: Iterable[tuple[float, float]], now: float) -> float:
        end = min(self.end, now)
        missed = (max(0.0, min(end, to) - max(self.begin, since)) for since, to in gaps)
        return end - self.begin - sum(missed)


@dataclass
class Pause:
    agent: str
    reason: str
    begin: float | None
    end: float | None = None


class Agents:
    """The agents of one origin. They are unknown until the first event of an agent."""

    def __init__(self) -> None:
        self.has_begun = False
        # Since when time counts: since the first events had been processed, or since a gap.
        self.counts_since: float | None = None
        # The beginnings and ends of times that do not count.
        self.gaps: list[tuple[float, float]] = []
        self.is_in: dict[str, bool] = {}
        self.deleted_at: dict[str, float] = {}
        self.queues: dict[str, Queue] = {}
        self.stretches: list[Stretch] = []
        self.pauses: list[Pause] = []
        self.answered: Counter[str] = Counter()
        self._reasons: dict[str, str] = {}
        self._last_change: dict[str, float] = {}

    def memberships(self, agent: str) -> list[tuple[Queue, str, Member]]:
        return [
            (queue, name, member)
            for queue in self.queues.values()
            for name, member in queue.members.items()
            if agent_of(name) == agent
        ]

    def doing(self, agent: str) -> str | None:
        """Return what an agent does now; None if they are not logged in."""
        if not self.is_in.get(agent):
            return None
        mine = self.memberships(agent)
        states = {member.status for _, _, member in mine}
        holds = {
            "on_call": bool(states & {"in_use", "busy", "on_hold", "ringing_in_use"}),
            "ringing": "ringing" in states,
            "unknown": not mine,
            "paused": all(member.is_paused for _, _, member in mine),
            "wrap_up": any(queue.is_in_wrap_up(name) for queue, name, _ in mine),
            "unavailable": states <= {"unavailable", "invalid"},
            "available": True,
        }
        return next(activity for activity, is_so in holds.items() if is_so)

    def end_wrap_ups(self, now: float) -> None:
        """End all wrap-ups until a time, one after the other."""
        while True:
            ends = [(queue.next_end(), name) for name, queue in self.queues.items()]
            until, name = min(ends, default=(inf, ""))
            if until > now:
                return
            next(self.queues[name].end_wrap_ups(until, is_clock=False))
            self._update(until, is_seen=True)

    def look(self, now: float) -> None:
        """Pass the time of the clock."""
        if self.has_begun and self.counts_since is None:
            self.counts_since = now
            self.gaps.append((-inf, now))
        self.end_wrap_ups(now)
        for queue in self.queues.values():
            for at in queue.end_wrap_ups(now, is_clock=True):
                self._update(at, is_seen=True)

    def miss(self, since: float, now: float) -> None:
        """Miss what happens between two times, of which the second one is now."""
        if self.counts_since is not None:
            self.gaps.append((since, now))
            self.counts_since = now

    def apply(self, fact: Fact) -> None:
        """Apply an event."""
        is_of_agent = fact.name in {"agent_status_update", "agent_created", "agent_deleted"}
        self.has_begun |= is_of_agent
        if not self.has_begun:
            return
        self.end_wrap_ups(fact.at)
        if is_of_agent:
            self._apply_of_agent(fact)
            self._update(fact.at, is_seen=True)
        elif is_of_member(fact) or (fact.name == "AgentComplete" and "WrapupTime" in fact.data):
            self._apply_of_queue(fact)

    def _apply_of_agent(self, fact: Fact) -> None:
        if fact.name == "agent_deleted":
            agent = str(int(fact.data["id"]))
            self.deleted_at[agent] = fact.at
            self.is_in.pop(agent, None)
            return
        if fact.name == "agent_created":
            agent = str(int(fact.data["id"]))
            if fact.at - self.deleted_at.get(agent, -inf) >= MINUTE:
                self.is_in.setdefault(agent, False)
            return
        agent = str(int(fact.data["agent_id"]))
        if fact.at - self.deleted_at.get(agent, -inf) >= MINUTE:
            self.is_in[agent] = fact.data["status"] == "logged_in"

    def _apply_of_queue(self, fact: Fact) -> None:
        name = interface_of(fact)
        agent, queue = agent_of(name), self.queues.get(fact.data["Queue"])
        if fact.name == "AgentComplete":
            if queue is not None:
                queue.apply(fact)
                self._update(fact.at, is_seen=True)
            return
        if agent is None:
            return
        if queue is None:
            queue = self.queues[fact.data["Queue"]] = Queue()
        before = queue.members.get(name)
        queue.apply(fact)
        after = queue.members.get(name)
        if after is not None and after.is_paused:
            is_same = before is not None and before.is_paused and before.reason == after.reason
            if not is_same:
                self._reasons[agent] = after.reason
        is_seen = before is not None or fact.name == ADDED or fact.name in PAUSES
        self._update(fact.at, is_seen=is_seen)

    def _update(self, at: float, *, is_seen: bool) -> None:
        everyone = {
            *self.is_in,
            *(each.agent for each in self.stretches if each.end == inf),
            *(each.agent for each in self.pauses if each.end is None),
        }
        for agent in everyone:
            moment = max(at, self._last_change.get(agent, -inf))
            self._update_stretch(agent, moment)
            self._update_pause(agent, moment, is_seen=is_seen)

    def _update_stretch(self, agent: str, at: float) -> None:
        mine = [each for each in self.stretches if each.agent == agent and each.end == inf]
        now = self.doing(agent)
        if [each.what for each in mine] == ([] if now is None else [now]):
            return
        counted = max(at, self.counts_since or at)
        for each in mine:
            each.end = counted
        if now is not None:
            self.stretches.append(Stretch(agent, now, counted))
        self._last_change[agent] = at

    def _update_pause(self, agent: str, at: float, *, is_seen: bool) -> None:
        mine = [each for each in self.pauses if each.agent == agent and each.end is None]
        members = [member for _, _, member in self.memberships(agent)]
        is_paused = self.is_in.get(agent) and members and all(each.is_paused for each in members)
        wanted = [self._reasons[agent]] if is_paused else []
        if [each.reason for each in mine] == wanted:
            return
        for each in mine:
            each.end = at
        self.pauses += [Pause(agent, reason, at if is_seen else None) for reason in wanted]

    def spent(self, what: str, now: float) -> float:
        """Return the seconds that all agents spent in an activity."""
        return sum(each.length(self.gaps, now) for each in self.stretches if each.what == what)

    def numbers(self, origin: str, now: float, reasons: Sequence[str], *, details: bool) -> Numbers:
        """Return all series of activities and pauses."""
        if not self.has_begun:
            return {}
        found: Numbers = {}
        doing = {agent: self.doing(agent) for agent in self.is_in}
        for what in ACTIVITIES:
            key = origin, what
            found["xivo_agents_by_activity", key] = sum(each == what for each in doing.values())
            found["xivo_agent_activity_seconds_total", key] = self.spent(what, now)
            for agent, current in doing.items() if details else ():
                if current is not None:
                    labels = (origin, agent, what)
                    found["xivo_agent_activity", labels] = int(what == current)
        for reason in {*reasons, "other", "none"}:
            mine = [each for each in self.pauses if _shown(each.reason, reasons) == reason]
            key = origin, reason
            found["xivo_agents_paused", key] = sum(each.end is None for each in mine)
            found["xivo_agent_pause_duration_seconds", key] = _histogram(mine)
        return found


def _shown(reason: str, reasons: Iterable[str]) -> str:
    if not reason:
        return "none"
    return reason if reason in {*reasons, "none"} else "other"


def _histogram(pauses: Iterable[Pause]) -> tuple[tuple[int, ...], float]:
    lengths = [
        max(0.0, each.end - each.begin)
        for each in pauses
        if each.end is not None and each.begin is not None
    ]
    edges = (-inf, *PAUSE_BOUNDS, inf)
    counts = tuple(sum(low < each <= high for each in lengths) for low, high in pairwise(edges))
    return counts, sum(lengths)
