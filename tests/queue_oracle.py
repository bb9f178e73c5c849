"""The oracle of queues: what the members of a queue are after some events.

It follows the documents, not the code: it tries every way to cut the last events of a member
into reversed batches (decision 8), one after the other.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from math import inf
from typing import Any, Protocol

DEVICE_STATES = [
    "unknown",
    "not_in_use",
    "in_use",
    "busy",
    "invalid",
    "unavailable",
    "ringing",
    "ringing_in_use",
    "on_hold",
]
RING_IF_SET = {"in_use", "busy", "ringing", "ringing_in_use", "on_hold"}
REMOVED, ADDED = "QueueMemberRemoved", "QueueMemberAdded"
PAUSES = {"QueueMemberPause", "QueueMemberPaused"}


class Fact(Protocol):
    """An event, see `tests.oracle.Fact` and `tests.windows.oracle.Fact`."""

    @property
    def name(self) -> str: ...
    @property
    def at(self) -> float: ...
    @property
    def data(self) -> Any: ...  # noqa: ANN401 -- whatever the event contains


@dataclass(frozen=True)
class Member:
    """What is known of a member."""

    status: str = "unknown"
    membership: str | None = None
    is_paused: bool = False
    login_time: int = 0
    is_announced: bool = False
    rings_in_use: bool = False
    last_call: int = -1
    wrap_up: int = 0
    reason: str = ""

    @property
    def can_ring(self) -> bool:
        """Whether Asterisk would ring it, if it is not in wrap-up."""
        idle = self.status in {"unknown", "not_in_use"}
        return not self.is_paused and (idle or (self.rings_in_use and self.status in RING_IF_SET))


def number(data: Any, field: str, most: int = 10**11, absent: int = 0) -> int:  # noqa: ANN401 -- as above
    """Return a time or a duration; `absent` if it is absent or invalid."""
    text = str(data.get(field, ""))
    if not (text.isascii() and text.isdecimal() and len(text) <= 11):
        return absent
    return int(text) if int(text) <= most else absent


def interface_of(fact: Fact) -> str:
    """Return the name of the member."""
    data = fact.data
    named: str = data.get("Interface") or data.get("Location") or data.get("Member")
    return named.casefold()


def is_of_member(fact: Fact) -> bool:
    """Return whether an event tells that there is, or was, a member."""
    return fact.name.startswith("QueueMember") and (fact.name == REMOVED or "Paused" in fact.data)


class Queue:
    """One queue; `apply` takes its events in the order of their arrival."""

    def __init__(self) -> None:
        self.members: dict[str, Member] = {}
        self.changes: Counter[str] = Counter()
        self._wrap_up = 0
        # When each wrap-up ends, and its length.
        self._until: dict[str, tuple[float, int]] = {}
        self._removals: dict[str, tuple[float, int]] = {}
        self._last: list[tuple[str, Member | None, Fact, Counter[str]]] = []

    def available(self) -> int:
        """Return how many members can take a call."""
        return sum(
            member.can_ring and name not in self._until for name, member in self.members.items()
        )

    def is_in_wrap_up(self, name: str) -> bool:
        """Return whether the wrap-up of a member is not over."""
        return name in self._until

    def next_end(self) -> float:
        """Return when the next wrap-up ends; infinite if there is none."""
        return min((until for until, _ in self._until.values()), default=inf)

    def end_wrap_ups(self, now: float, *, is_clock: bool) -> Iterator[float]:
        """End the wrap-ups that are over, one after the other; yield when each ended.

        A wrap-up that, by the clock, begins more than a second later ends now.
        """
        while self._until:
            (until, seconds), name = min((both, name) for name, both in self._until.items())
            if until <= now:
                del self._until[name]
                yield until
            elif is_clock and until - seconds > now + 1:
                del self._until[name]
                yield now
            else:
                return

    def recheck(self, now: float) -> None:
        """Forget which events were the last, and let no removal be in the future."""
        self._last.clear()
        self._removals = {
            name: (min(at, now), login_time) for name, (at, login_time) in self._removals.items()
        }

    def apply(self, fact: Fact) -> None:
        """Apply an event; wrap-ups that ended before must have been ended."""
        name = interface_of(fact)
        before = self.members.get(name)
        if fact.name == "AgentComplete":
            self._wrap_up = number(fact.data, "WrapupTime", 86400)
            began = fact.at - number(fact.data, "TalkTime")
            if before is not None and before.login_time <= began:
                self._begin_wrap_up(name, before, int(fact.at), fact.at)
        elif is_of_member(fact):
            self._apply_to_member(name, before, fact)
        elif before is not None:
            self.members[name] = replace(before, rings_in_use=str(fact.data["Ringinuse"]) == "1")

    def _apply_to_member(self, name: str, before: Member | None, fact: Fact) -> None:
        if before is None and self._is_overtaken(name, fact):
            self._remember(name, before, fact, Counter())
            return
        recent = self._recent(name, fact)
        first = recent[0][1] if recent else before
        events = [*(each for _, _, each, _ in recent), fact]
        batches = min(_cuts(events), key=lambda cut: _badness(first, cut))
        after, counted = first, Counter[str]()
        for each in _true_order(batches):
            after = _follow(after, each, counted)
        if after is not None and before is not None and not _has_setting(fact):
            # The setting that Asterisk 11 sent alone stays.
            after = replace(after, rings_in_use=before.rings_in_use)
        for *_, before_counted in recent:
            counted.subtract(before_counted)
        counted = +counted
        self._remember(name, before, fact, counted)
        self.changes += counted
        self._replace(name, before, after, fact)
        if after is None:
            login_time = max(number(each.data, "LoginTime") for each in events)
            self._removals[name] = fact.at, login_time
        else:
            self._removals.pop(name, None)

    def _replace(self, name: str, before: Member | None, after: Member | None, fact: Fact) -> None:
        if after is None:
            self.members.pop(name, None)
            self._until.pop(name, None)
            return
        if before is not None and after.login_time > before.login_time:
            self._until.pop(name, None)
        if after.last_call > (before.last_call if before is not None else 0):
            self._begin_wrap_up(name, after, after.last_call, fact.at)
        self.members[name] = after

    def _begin_wrap_up(self, name: str, member: Member, ended: float, at: float) -> None:
        seconds = member.wrap_up or self._wrap_up
        until = min(ended, at) + seconds
        if until > max(at, self._until.get(name, (0, 0))[0]):
            self._until[name] = until, seconds

    def _is_overtaken(self, name: str, fact: Fact) -> bool:
        if fact.name in {ADDED, REMOVED} or name not in self._removals:
            return False
        at, login_time = self._removals[name]
        return fact.at - at < 1 and not 0 < login_time < number(fact.data, "LoginTime")

    def _remember(
        self, name: str, before: Member | None, fact: Fact, counted: Counter[str]
    ) -> None:
        self._last = [*self._last, (name, before, fact, counted)][-14:]

    def _recent(self, name: str, fact: Fact) -> list[tuple[str, Member | None, Fact, Counter[str]]]:
        found: list[tuple[str, Member | None, Fact, Counter[str]]] = []
        for each in reversed([each for each in self._last if each[0] == name]):
            later = found[0][2] if found else fact
            if abs(later.at - each[2].at) >= 0.05 or len(found) == 8:
                break
            found.insert(0, each)
        return found


def _cuts(events: list[Fact]) -> Iterator[list[list[Fact]]]:
    """Yield every way to cut events into batches."""
    if not events:
        yield []
    for size in range(1, len(events) + 1):
        for rest in _cuts(events[size:]):
            yield [events[:size], *rest]


def _true_order(batches: list[list[Fact]]) -> list[Fact]:
    return [fact for batch in batches for fact in reversed(batch)]


def _badness(first: Member | None, batches: list[list[Fact]]) -> tuple[int, int, list[int]]:
    """Return what decides between two ways to cut; the lower is the better one."""
    facts = _true_order(batches)
    total = _against_first(first, facts[0])
    total += sum(_against(before, after) for before, after in pairwise(facts))
    sizes = [len(batch) for batch in batches]
    return total, sum(size - 1 for size in sizes), sizes[::-1]


def _against_first(member: Member | None, fact: Fact) -> int:
    if member is None:
        login_time = number(fact.data, "LoginTime")
        return 0 if fact.name == ADDED or (fact.name == REMOVED and not login_time) else 2
    return _against_state(member, fact)


def _against(before: Fact, fact: Fact) -> int:
    if before.name != REMOVED:
        # Pauses of Asterisk 11 do not contain the status.
        return _against_state(replace(_state(None, before), status=_status(before) or ""), fact)
    then, now = number(before.data, "LoginTime"), number(fact.data, "LoginTime")
    if fact.name == REMOVED:
        return 2
    if fact.name == ADDED:
        return 5 if 0 < now < then else 0
    return 1 if 0 < then < now else 5


BUSY = {"in_use", "busy", "on_hold"}
NO_CALL = {"unknown", "not_in_use", "invalid", "unavailable"}


def _against_state(before: Member, fact: Fact) -> int:
    login_time = number(fact.data, "LoginTime")
    is_newer = 0 < before.login_time < login_time
    is_older = 0 < login_time < before.login_time
    if fact.name == REMOVED:
        return 2 * (is_newer or is_older)
    total = 5 * is_older + 2 * is_newer
    if fact.name == ADDED:
        return total or 2 * bool(login_time)
    is_of_other = is_newer or is_older
    total += is_of_other
    if not is_of_other and 0 <= number(fact.data, "LastCall", absent=-1) < before.last_call:
        total += 2
    if fact.name not in PAUSES and _is_paused(fact) != before.is_paused:
        total += 2
    status = _status(fact)
    if fact.name != "QueueMemberStatus":
        return total + 2 * (status is not None and status != before.status)
    if status == before.status:
        return total + (2 if login_time else 1)
    is_odd = (
        (status == "ringing" and before.status in BUSY | {"invalid", "unavailable"})
        or (before.status in NO_CALL and status in {"ringing_in_use", "on_hold"})
        or (before.status == "ringing" and status == "on_hold")
        or (before.status == "on_hold" and status in NO_CALL)
    )
    return total + 2 * is_odd


def _is_paused(fact: Fact) -> bool:
    return int(fact.data["Paused"]) == 1


def _status(fact: Fact) -> str | None:
    status = fact.data.get("Status")
    return None if status is None else DEVICE_STATES[int(status)]


def _state(before: Member | None, fact: Fact) -> Member:
    """Return the member after an event that is no removal."""
    known = before or Member()
    data = fact.data
    login_time = number(data, "LoginTime") or known.login_time
    is_renewed = login_time > known.login_time > 0
    rings = {"0": False, "1": True}.get(str(data.get("Ringinuse")), known.rings_in_use)
    last_call = number(data, "LastCall", absent=-1)
    return Member(
        _status(fact) or known.status,
        data.get("Membership") or known.membership,
        _is_paused(fact),
        login_time,
        known.is_announced or is_renewed or fact.name == ADDED,
        rings,
        last_call if is_renewed else max(last_call, known.last_call),
        number(data, "Wrapuptime", 86400),
        _reason(known, fact),
    )


def _reason(before: Member, fact: Fact) -> str:
    if not _is_paused(fact):
        return ""
    said = [fact.data[field] for field in ("PausedReason", "Reason") if field in fact.data]
    if not said and fact.name not in PAUSES:
        return before.reason
    return next((text for text in said if text), "")


def _has_setting(fact: Fact) -> bool:
    return fact.name != REMOVED and str(fact.data.get("Ringinuse")) in {"0", "1"}


def _follow(before: Member | None, fact: Fact, counted: Counter[str]) -> Member | None:
    if fact.name == REMOVED:
        if before is None or 0 < number(fact.data, "LoginTime") < before.login_time:
            return before
        counted["removed"] += 1
        return None
    after = _state(before, fact)
    if before is not None and after.login_time > before.login_time > 0:
        counted.update(("removed", "added"))
    elif after.is_announced and not (before is not None and before.is_announced):
        counted["added"] += 1
    if before is None:
        if fact.name in PAUSES:
            counted["paused" if after.is_paused else "unpaused"] += 1
    elif before.is_paused != after.is_paused:
        counted["paused" if after.is_paused else "unpaused"] += 1
    return after


def follow(facts: Iterable[Fact], now: float) -> Queue:
    """Return the queue after some events, at a time."""
    queue = Queue()
    for fact in facts:
        deque(queue.end_wrap_ups(fact.at, is_clock=False), 0)
        queue.apply(fact)
    deque(queue.end_wrap_ups(now, is_clock=True), 0)
    return queue
