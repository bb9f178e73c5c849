"""A small model of the members of queues in Asterisk, and of amid, which reverses batches.

The model follows `app_queue.c`; it shares no code with the exporter. Its state at the end is
what the exporter must show.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from hypothesis import strategies as st

from tests.laws.phones import MOST_CALLS, Phone, next_states

ADDED, REMOVED = "QueueMemberAdded", "QueueMemberRemoved"
MOST = 8
"""Events of a queue in a burst, after which nothing more happens in it."""

QUEUES = ("support", "ventes", "urgence")
INTERFACES = ("SIP/a", "SIP/b")

NEXT_STATES = next_states()


@dataclass
class Member:
    """A member, with the fields of its events."""

    queue: str
    interface: str
    login_time: int
    status: int = 1
    paused: int = 0
    ringinuse: int = 0
    last_call: int = 0
    wrapuptime: int = 0

    def data(self) -> dict[str, str]:
        """Return the fields, as Asterisk 18 and later send them."""
        return {
            "Queue": self.queue,
            "Interface": self.interface,
            "Membership": "dynamic",
            "LastCall": str(self.last_call),
            "LoginTime": str(self.login_time),
            "Status": str(self.status),
            "Paused": str(self.paused),
            "Ringinuse": str(self.ringinuse),
            "Wrapuptime": str(self.wrapuptime),
        }

    def is_available(self, now: float) -> bool:
        """Return what `is_member_available` returns."""
        is_able = self.status in (0, 1) or (self.ringinuse == 1 and self.status in (2, 3, 6, 7, 8))
        return is_able and not self.paused and not self.is_in_wrap_up(now)

    def is_in_wrap_up(self, now: float) -> bool:
        """Return whether Asterisk gives it no call, because one has just ended."""
        return bool(self.last_call and self.wrapuptime and now - self.wrapuptime < self.last_call)


Event = tuple[str, dict[str, str]]


@dataclass
class Asterisk:
    """Members by queue and interface, and the events that were sent since `flush`."""

    now: int
    phones: dict[str, Phone]
    members: dict[tuple[str, str], Member] = field(default_factory=dict)
    sent: list[Event] = field(default_factory=list)

    def add(self, queue: str, interface: str, wrapuptime: int) -> None:
        """Add a member."""
        status = self.phones[interface].state
        member = Member(queue, interface, self.now, status, wrapuptime=wrapuptime)
        self.members[queue, interface] = member
        self._send("QueueMemberAdded", member)

    def remove(self, member: Member) -> None:
        """Remove a member."""
        self._send("QueueMemberRemoved", member)
        del self.members[member.queue, member.interface]

    def change(self, interface: str, phone: Phone, *, of_queue: bool) -> None:
        """Let something happen to a phone; each queue says whether its state is another one."""
        self.phones[interface], status = phone, phone.state
        for member in [*self.members.values()]:
            if member.interface == interface and member.status != status:
                if status == 1 and member.status == 2 and of_queue:
                    member.last_call = self.now
                member.status = status
                self._send("QueueMemberStatus", member)

    def pause(self, interface: str, paused: int) -> None:
        """Pause or unpause an agent in all queues."""
        for member in self.members.values():
            if member.interface == interface:
                member.paused = paused
                self._send("QueueMemberPause", member)

    def set_ringinuse(self, member: Member, value: int) -> None:
        """Change a setting of a member."""
        member.ringinuse = value
        self._send("QueueMemberRinginuse", member)

    def _send(self, name: str, member: Member) -> None:
        self.sent.append((name, replace(member).data()))

    def flush(self) -> list[Event]:
        """Return what was sent, in true order."""
        sent, self.sent = self.sent, []
        return sent


Batch = list[Event]
Key = tuple[str, str]


@dataclass
class Burst:
    """What happened within milliseconds.

    Attributes:
        seconds: Since the burst before.
        arrivals: The events in the order in which amid publishes them.
        members: All members afterwards.
        changes: How often members were added and removed so far, by queue and change.
    """

    seconds: int
    arrivals: list[Event]
    members: list[Member]
    changes: Counter[tuple[str, str]]


@st.composite
def days(draw: st.DrawFn, began: int) -> list[Burst]:
    """Draw what a server sends. The exporter knows the members of the first burst."""
    busy_at = st.integers(1, MOST_CALLS + 1)
    asterisk = Asterisk(began, {each: Phone(busy_at=draw(busy_at)) for each in INTERFACES})
    for queue in QUEUES[: draw(st.integers(1, 3))]:
        for interface in INTERFACES[: draw(st.integers(1, 2))]:
            asterisk.add(queue, interface, draw(st.sampled_from((0, 5))))
    sent = asterisk.flush()
    changes = Counter((data["Queue"], "added") for _, data in sent)
    bursts = [Burst(0, sent, _copies(asterisk), Counter(changes))]
    for _ in range(draw(st.integers(1, 5))):
        seconds = draw(st.sampled_from((1, 2, 4, 7)))
        asterisk.now += seconds
        before = {(each.queue, each.interface): each.data() for each in _copies(asterisk)}
        for _ in range(draw(st.integers(1, 8))):
            _act(draw, asterisk)
        sent = asterisk.flush()
        for name, data in sent:
            if name in {ADDED, REMOVED}:
                changes[data["Queue"], name.removeprefix("QueueMember").lower()] += 1
        arrivals = _as_published(_cut(draw, sent))
        if not _is_decidable(before, arrivals):
            arrivals = sent
        bursts.append(Burst(seconds, arrivals, _copies(asterisk), Counter(changes)))
    return bursts


def _copies(asterisk: Asterisk) -> list[Member]:
    return [replace(member) for member in asterisk.members.values()]


def _cut(draw: st.DrawFn, events: list[Event]) -> list[Batch]:
    batches: list[Batch] = []
    while events:
        size = draw(st.integers(1, 14))
        batches.append(events[:size])
        events = events[size:]
    return batches


def _as_published(batches: list[Batch]) -> list[Event]:
    return [event for batch in batches for event in reversed(batch)]


def _act(draw: st.DrawFn, asterisk: Asterisk) -> None:
    """Let something happen, unless a burst has more events than the exporter compares."""
    interface = draw(st.sampled_from(INTERFACES))
    in_burst = Counter(data["Queue"] for _, data in asterisk.sent)
    if any(count >= MOST for count in in_burst.values()):
        return
    mine = [member for member in asterisk.members.values() if member.interface == interface]
    absent = [queue for queue in QUEUES if (queue, interface) not in asterisk.members]
    if absent and (not mine or draw(st.integers(0, 6)) == 0):
        asterisk.add(draw(st.sampled_from(absent)), interface, draw(st.sampled_from((0, 5))))
        return
    what = draw(st.sampled_from(("status", "status", "status", "pause", "remove", "set")))
    if what == "pause":
        asterisk.pause(interface, draw(st.integers(0, 1)))
    elif what == "remove":
        asterisk.remove(draw(st.sampled_from(mine)))
    elif what == "set":
        asterisk.set_ringinuse(draw(st.sampled_from(mine)), draw(st.integers(0, 1)))
    else:
        phone = draw(st.sampled_from([*asterisk.phones[interface].steps()]))
        asterisk.change(interface, phone, of_queue=draw(st.booleans()))


def _is_decidable(before: dict[Key, dict[str, str]], arrivals: list[Event]) -> bool:
    """Return whether all true sequences that amid would publish so end in the same state.

    If two end differently, nothing orders the events, such as those of a pause and its end.
    """
    by_member: dict[Key, list[Event]] = {}
    for event in arrivals:
        by_member.setdefault((event[1]["Queue"], event[1]["Interface"]), []).append(event)
    return all(
        len({str(end) for end in _ends(before.get(key), events)}) == 1
        for key, events in by_member.items()
    )


def _ends(before: dict[str, str] | None, arrivals: list[Event]) -> Iterator[dict[str, str] | None]:
    """Yield the member at the end of each true sequence."""
    for size in range(1 << (len(arrivals) - 1)):
        batches: list[Batch] = [[]]
        for index, event in enumerate(arrivals):
            if index and size >> (index - 1) & 1:
                batches.append([])
            batches[-1].append(event)
        sequence = _as_published(batches)
        if _is_true(before, sequence):
            name, data = sequence[-1]
            yield None if name == REMOVED else data


def _is_true(before: dict[str, str] | None, sequence: list[Event]) -> bool:
    """Return whether Asterisk can send these events after each other."""
    now, joined = before, 0
    for name, data in sequence:
        if name == ADDED:
            if now is not None or int(data["LoginTime"]) < joined:
                return False
        elif now is None or not _can_follow(now, name, data):
            return False
        joined = int(data["LoginTime"])
        now = None if name == REMOVED else data
    return True


def _can_follow(now: dict[str, str], name: str, data: dict[str, str]) -> bool:
    if now["LoginTime"] != data["LoginTime"]:
        return False
    if name == REMOVED:
        return True
    then, status = int(now["Status"]), int(data["Status"])
    is_change = (then, status) in NEXT_STATES
    return (
        int(data["LastCall"]) >= int(now["LastCall"])
        and (is_change if name == "QueueMemberStatus" else then == status)
        and (name == "QueueMemberPause" or now["Paused"] == data["Paused"])
    )
