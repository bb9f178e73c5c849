"""What all series must be, computed anew from the whole history, slowly and simply.

Written from the published meaning of the metrics and from what the docstrings of the subsystems
promise, not from how they keep their states: nothing here is kept up to date, everything is asked
of the history each time. It knows events that are well formed and says nothing of caps, nor of
windows, which have an oracle of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from dataflows.envelope import Reason

Numbers = dict[tuple[str, tuple[str, ...]], Any]
"""(metric, labels) to a number, or for a histogram to (counts with +Inf last, sum)."""

DAY = 24 * 3600
WEEK = 7 * DAY

ENDPOINT_STATES = {
    0: "idle",
    1: "in_use",
    2: "busy",
    4: "unavailable",
    8: "ringing",
    9: "in_use_ringing",
    16: "on_hold",
    17: "in_use_on_hold",
}
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
PRESENCES = [
    "available",
    "away",
    "outtolunch",
    "donotdisturb",
    "berightback",
    "disconnected",
    "busy",
    "other",
]
MEMBERSHIPS = ("static", "dynamic", "realtime")
SESSION_BOUNDS = (60, 300, 900, 1800, 3600, 7200, 14400, 21600, 28800, 36000, 43200, 86400)


@dataclass(frozen=True)
class Fact:
    """One delivery, as whoever sent it knows it.

    Attributes:
        bus: That brought it.
        arrived: Unix seconds.
        at: When it happened, as far as the delivery can tell.
        name: Of the event; empty where the delivery is no well-formed event.
        origin: Who published it.
        data: The event's own part.
        reason: Why it must be rejected, if it must.
        is_duplicate: Known to have been delivered before.
        is_clamped: It names a time that cannot be true.
    """

    bus: str
    arrived: float
    at: float = 0.0
    name: str = ""
    origin: str = ""
    data: Any = None
    reason: Reason | None = None
    is_duplicate: bool = False
    is_clamped: bool = False


def expect(history: list[Fact], now: float, *, details: bool) -> Numbers:
    """Compute every series.

    Args:
        history: All deliveries, in the order in which they were processed.
        now: Unix seconds.
        details: Whether every entity has series of its own.
    """
    numbers = _account(history)
    events = [fact for fact in history if not fact.is_duplicate and fact.reason is None]
    for origin in {fact.origin for fact in events}:
        mine = [fact for fact in events if fact.origin == origin]
        numbers |= _published(origin, mine)
        for compute in (_agents, _endpoints):
            numbers |= compute(origin, mine, details)
        for compute_all in (_users, _chat, _call_forms):
            numbers |= compute_all(origin, mine)
        numbers |= _services(origin, mine, now)
        numbers |= _queues(origin, mine, now)
    return numbers


# --- The exporter and the bus -------------------------------------------------------------------


def _account(history: list[Fact]) -> Numbers:
    numbers: Numbers = {}
    for bus in {fact.bus for fact in history}:
        mine = [fact for fact in history if fact.bus == bus]
        fresh = [fact for fact in mine if not fact.is_duplicate]
        good = [fact for fact in fresh if fact.reason is None]
        prefix = "xivo_exporter"
        numbers[f"{prefix}_deliveries_total", (bus,)] = len(mine)
        numbers[f"{prefix}_duplicates_total", (bus,)] = len(mine) - len(fresh)
        numbers[f"{prefix}_used_total", (bus,)] = sum(map(is_used, good))
        numbers[f"{prefix}_unused_total", (bus,)] = len(good) - sum(map(is_used, good))
        numbers[f"{prefix}_clamped_timestamps_total", (bus,)] = sum(f.is_clamped for f in fresh)
        for reason in Reason:
            rejected = [fact for fact in fresh if fact.reason is reason]
            numbers[f"{prefix}_rejected_total", (bus, reason.value)] = len(rejected)
        numbers[f"{prefix}_last_delivery_timestamp_seconds", (bus,)] = max(
            fact.arrived for fact in mine
        )
    return numbers


def _published(origin: str, events: list[Fact]) -> Numbers:
    numbers: Numbers = {
        ("xivo_bus_last_event_timestamp_seconds", (origin,)): max(fact.at for fact in events)
    }
    for bus in {fact.bus for fact in events}:
        numbers["xivo_origin_info", (origin, bus)] = 1
    for name in {fact.name for fact in events}:
        count = sum(fact.name == name for fact in events)
        numbers["xivo_bus_events_total", (origin, name)] = count
    return numbers


def is_used(fact: Fact) -> bool:
    """Tell whether some subsystem takes the event in."""
    if fact.name in {"QueueMemberPenalty", "QueueMemberRinginuse"}:
        # Asterisk 11 tells of the setting alone.
        return "Status" in fact.data
    return fact.name in USED


USED = {
    "agent_status_update",
    "agent_deleted",
    "endpoint_status_update",
    "user_status_update",
    "chatd_presence_updated",
    "user_deleted",
    "service_registered_event",
    "service_deregistered_event",
    "service_registered",
    "service_deregistered",
    "chat_message_event",
    "chat_message_sent",
    "call_form_result",
    "QueueMemberStatus",
    "QueueMemberAdded",
    "QueueMemberRemoved",
    "QueueMemberPaused",
    "QueueMemberPause",
    "QueueMemberPenalty",
    "QueueMemberRinginuse",
}


# --- Entities that are each in one of a few states ----------------------------------------------

Story = list[tuple[str | None, float]]
"""What was said of one entity, in order: a word, or None where it was removed; and when."""


def _stories(
    events: Iterable[Fact], tell: Callable[[Fact], Iterable[tuple[str, str | None]]]
) -> dict[str, Story]:
    stories: dict[str, Story] = {}
    for fact in events:
        for entity, word in tell(fact):
            stories.setdefault(entity, []).append((word, fact.at))
    return stories


def _word(story: Story) -> str | None:
    return story[-1][0]


def _changes(story: Story) -> list[tuple[str | None, float]]:
    """The parts of a story that say something new."""
    return [after for before, after in pairwise([(None, 0.0), *story]) if before[0] != after[0]]


def _count(stories: dict[str, Story], word: str) -> int:
    return sum(_word(story) == word for story in stories.values())


def _count_changes(stories: dict[str, Story], word: str) -> int:
    return sum(said == word for story in stories.values() for said, _ in _changes(story))


def _digits(value: int | str) -> str:
    return str(int(value))


def _agents(origin: str, events: list[Fact], details: bool) -> Numbers:
    def tell(fact: Fact) -> Iterator[tuple[str, str | None]]:
        if fact.name == "agent_status_update":
            yield _digits(fact.data["agent_id"]), fact.data["status"]
        elif fact.name == "agent_deleted":
            yield _digits(fact.data["id"]), None

    stories = _stories(events, tell)
    numbers: Numbers = {
        ("xivo_agents", (origin, word)): _count(stories, word)
        for word in ("logged_in", "logged_out")
    }
    numbers["xivo_agent_logins_total", (origin,)] = _count_changes(stories, "logged_in")
    numbers["xivo_agent_logouts_total", (origin,)] = _count_changes(stories, "logged_out")
    sessions = [
        max(0.0, end - start)
        for story in stories.values()
        for (before, start), (after, end) in pairwise(_changes(story))
        if (before, after) == ("logged_in", "logged_out")
    ]
    edges = [float("-inf"), *SESSION_BOUNDS, float("inf")]
    counts = tuple(
        sum(lower < session <= upper for session in sessions) for lower, upper in pairwise(edges)
    )
    numbers["xivo_agent_session_duration_seconds", (origin,)] = (counts, sum(sessions))
    for agent, story in stories.items():
        if details and _word(story) is not None:
            is_in = _word(story) == "logged_in"
            numbers["xivo_agent_logged_in", (origin, agent)] = int(is_in)
    return numbers


def _endpoints(origin: str, events: list[Fact], details: bool) -> Numbers:
    def tell(fact: Fact) -> Iterator[tuple[str, str | None]]:
        if fact.name == "endpoint_status_update":
            code = int(fact.data["status"])
            word = None if code < 0 else ENDPOINT_STATES.get(code, "other")
            yield _digits(fact.data["endpoint_id"]), word

    stories = _stories(events, tell)
    words = [*ENDPOINT_STATES.values(), "other"]
    numbers: Numbers = {}
    for word in words:
        numbers["xivo_endpoints", (origin, word)] = _count(stories, word)
        changes = _count_changes(stories, word)
        numbers["xivo_endpoint_transitions_total", (origin, word)] = changes
        for endpoint, story in stories.items():
            if details and _word(story) is not None:
                is_in = int(_word(story) == word)
                numbers["xivo_endpoint_state", (origin, endpoint, word)] = is_in
    return numbers


def _presence(fact: Fact) -> str:
    if fact.name == "user_status_update":
        status = fact.data["status"]
        return status if status in PRESENCES else "other"
    state, do_not_disturb = fact.data["state"], fact.data.get("do_not_disturb")
    if state == "available":
        return "donotdisturb" if do_not_disturb else "available"
    return {"away": "away", "unavailable": "disconnected", "invisible": "disconnected"}.get(
        state, "other"
    )


def _users(origin: str, events: list[Fact]) -> Numbers:
    def tell(fact: Fact) -> Iterator[tuple[str, str | None]]:
        if fact.name == "user_status_update":
            user = fact.data.get("user_uuid")
            yield str(fact.data["user_id"] if user is None else user).lower(), _presence(fact)
        elif fact.name == "chatd_presence_updated":
            yield fact.data["uuid"].lower(), _presence(fact)
        elif fact.name == "user_deleted":
            yield str(fact.data["id"]), None
            if fact.data.get("uuid") is not None:
                yield fact.data["uuid"].lower(), None

    stories = _stories(events, tell)
    numbers: Numbers = {}
    for word in PRESENCES:
        numbers["xivo_users", (origin, word)] = _count(stories, word)
        changes = _count_changes(stories, word)
        numbers["xivo_user_presence_changes_total", (origin, word)] = changes
    return numbers


# --- Mere counts --------------------------------------------------------------------------------


def _chat(origin: str, events: list[Fact]) -> Numbers:
    sent = [fact for fact in events if fact.name in {"chat_message_event", "chat_message_sent"}]
    return {("xivo_chat_messages_total", (origin,)): len(sent)}


def _call_forms(origin: str, events: list[Fact]) -> Numbers:
    forms = [fact for fact in events if fact.name == "call_form_result"]
    return {("xivo_call_forms_total", (origin,)): len(forms)}


# --- Services -----------------------------------------------------------------------------------


def _is_registration(fact: Fact) -> bool:
    return fact.name in {"service_registered", "service_registered_event"}


def _is_news(fact: Fact, news: list[Fact]) -> bool:
    """Tell whether an event of a service says something new, after all that was new before."""
    latest = news[-1] if news else None
    if _is_registration(fact):
        return (
            latest is None
            or not _is_registration(latest)
            or latest.data["service_id"] != fact.data["service_id"]
        )
    return latest is None or (
        _is_registration(latest) and latest.data["service_id"] == fact.data["service_id"]
    )


def _services(origin: str, events: list[Fact], now: float) -> Numbers:
    numbers: Numbers = {}
    mine = [fact for fact in events if fact.name.startswith("service_")]
    for name in {fact.data["service_name"] for fact in mine}:
        news: list[Fact] = []
        for fact in mine:
            if fact.data["service_name"] != name:
                continue
            if _is_past(news, fact.arrived):
                news = []
            if _is_news(fact, news):
                news.append(fact)
        if not _is_past(news, now):
            numbers |= _service((origin, name), news)
    return numbers


def _is_past(news: list[Fact], now: float) -> bool:
    return bool(news) and not _is_registration(news[-1]) and now - news[-1].arrived >= DAY


def _service(labels: tuple[str, str], news: list[Fact]) -> Numbers:
    registrations = [fact for fact in news if _is_registration(fact)]
    deregistrations = [fact for fact in news if not _is_registration(fact)]
    unclean = [True for both in pairwise(news) if all(map(_is_registration, both))]
    numbers: Numbers = {
        ("xivo_service_up", labels): int(_is_registration(news[-1])),
        ("xivo_service_registrations_total", labels): len(registrations),
        ("xivo_service_deregistrations_total", labels): len(deregistrations),
        ("xivo_service_unclean_restarts_total", labels): len(unclean),
    }
    for kind, facts in (("registered", registrations), ("deregistered", deregistrations)):
        if facts:
            numbers[f"xivo_service_{kind}_timestamp_seconds", labels] = facts[-1].at
    if registrations:
        data = registrations[-1].data
        instance = (data["service_id"].lower(), data["address"], str(data["port"]))
        numbers["xivo_service_info", (*labels, *instance)] = 1
    return numbers


# --- Queues -------------------------------------------------------------------------------------


@dataclass
class _Member:
    """What is known of a member after some part of the history."""

    is_known: bool = False
    status: str = "unknown"
    membership: str | None = None
    is_paused: bool = False
    login_time: int = 0
    is_announced: bool = False
    removed_at: float | None = None


def _queues(origin: str, events: list[Fact], now: float) -> Numbers:
    mine = [fact for fact in events if fact.name.startswith("QueueMember") and is_used(fact)]
    numbers: Numbers = {}
    for queue in {fact.data["Queue"] for fact in mine}:
        told: list[Fact] = []
        for fact in mine:
            if fact.data["Queue"] == queue:
                if _is_silent(told, fact.arrived):
                    told = []
                told.append(fact)
        if not _is_silent(told, now):
            numbers |= _queue((origin, queue), told)
    return numbers


def _interface(fact: Fact) -> str:
    named: str = fact.data.get("Interface") or fact.data.get("Location")
    return named.casefold()


def _is_silent(told: list[Fact], now: float) -> bool:
    """Tell whether a queue without members has been silent for a week."""
    if not told or now - told[-1].arrived < WEEK:
        return False
    return not any(member.is_known for member, _ in _members(told))


def _members(told: list[Fact]) -> list[tuple[_Member, list[str]]]:
    """Follow each member of a queue: what it is at the end, and its changes."""
    return [
        _follow([fact for fact in told if _interface(fact) == interface])
        for interface in {_interface(fact) for fact in told}
    ]


def _queue(labels: tuple[str, str], told: list[Fact]) -> Numbers:
    followed = _members(told)
    members = [member for member, _ in followed if member.is_known]
    changes = [change for _, changes in followed for change in changes]
    numbers: Numbers = {
        ("xivo_queue_members_paused", labels): sum(m.is_paused for m in members),
        ("xivo_queue_members_available", labels): sum(
            m.status == "not_in_use" and not m.is_paused for m in members
        ),
    }
    for word in DEVICE_STATES:
        count = sum(member.status == word for member in members)
        numbers["xivo_queue_member_states", (*labels, word)] = count
    for word in MEMBERSHIPS:
        count = sum(member.membership == word for member in members)
        numbers["xivo_queue_members", (*labels, word)] = count
    for word in ("added", "removed", "paused", "unpaused"):
        numbers["xivo_queue_member_changes_total", (*labels, word)] = changes.count(word)
    return numbers


def _login_time(fact: Fact) -> int:
    text = str(fact.data.get("LoginTime", ""))
    return int(text) if text.isdecimal() and len(text) < 12 else 0


def _follow(told: list[Fact]) -> tuple[_Member, list[str]]:
    member = _Member()
    changes: list[str] = []
    for fact in told:
        if fact.name == "QueueMemberRemoved":
            if member.is_known and 0 < _login_time(fact) < member.login_time:
                continue
            if member.is_known:
                changes.append("removed")
            member = _Member(removed_at=fact.at)
        elif member.is_known or not _is_overtaken(fact, member.removed_at):
            after = _merge(member, fact)
            changes += _tell(member, after, fact)
            member = after
    return member, changes


def _is_overtaken(fact: Fact, removed_at: float | None) -> bool:
    """Tell whether an event of somebody who is no member is older than the removal."""
    is_announced = fact.name == "QueueMemberAdded"
    return removed_at is not None and not is_announced and fact.at - removed_at < 1


def _merge(before: _Member, fact: Fact) -> _Member:
    status = fact.data.get("Status")
    return _Member(
        is_known=True,
        status=before.status if status is None else DEVICE_STATES[int(status)],
        membership=fact.data.get("Membership") or before.membership,
        is_paused=int(fact.data["Paused"]) == 1,
        login_time=_login_time(fact) or before.login_time,
        is_announced=before.is_announced or fact.name == "QueueMemberAdded",
    )


def _tell(before: _Member, after: _Member, fact: Fact) -> Iterator[str]:
    if after.is_announced and not before.is_announced:
        yield "added"
    is_pause = fact.name in {"QueueMemberPause", "QueueMemberPaused"}
    if (is_pause and not before.is_known) or (
        before.is_known and before.is_paused != after.is_paused
    ):
        yield "paused" if after.is_paused else "unpaused"
