"""The oracle: computes all series from the whole history of deliveries, slowly and simply.

It follows the help texts of the metrics and the docstrings of the subsystems, not their code.
It keeps no state: each call evaluates the whole history. It handles well-formed events only, and
neither limits nor windows; `tests/windows/oracle.py` computes the windows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import dropwhile, pairwise
from math import inf
from typing import Any

from dataflows.envelope import Reason
from tests import small_oracle
from tests.queue_oracle import DEVICE_STATES, follow, is_of_member

Numbers = dict[tuple[str, tuple[str, ...]], Any]
"""(metric, labels) → number; for a histogram (counts, +Inf last, sum)."""

MINUTE = 60
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
XIVO_PRESENCES = [
    "available",
    "away",
    "outtolunch",
    "donotdisturb",
    "berightback",
    "disconnected",
    "busy",
    "other",
]
CHATD_STATES = ["available", "away", "unavailable", "invisible"]
PRESENCES = [*XIVO_PRESENCES, "unavailable", "invisible"]
LINE_STATES = ["ringing", "progressing", "holding", "talking", "available", "unavailable"]
MEMBERSHIPS = ("static", "dynamic", "realtime")
SESSION_BOUNDS = (60, 300, 900, 1800, 3600, 7200, 14400, 21600, 28800, 36000, 43200, 86400)


@dataclass(frozen=True)
class Fact:
    """One delivery, as its sender knows it.

    Attributes:
        bus: Name of the bus.
        arrived: Unix seconds.
        at: When the exporter must assume that it happened, Unix seconds.
        name: Of the event; empty if the delivery is not a well-formed event.
        origin: The server that published it.
        data: The data of the event.
        reason: The reason with which it must be rejected, if any.
        is_duplicate: It was processed before.
        is_clamped: Its time stamp cannot be true.
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
        details: Whether there are series for single entities.
    """
    numbers = _account(history)
    events = [fact for fact in history if not fact.is_duplicate and fact.reason is None]
    for origin in {fact.origin for fact in events}:
        everywhere = [fact for fact in events if fact.origin == origin]
        # An origin on two buses belongs to the first.
        mine = [fact for fact in everywhere if fact.bus == everywhere[0].bus]
        numbers |= _published(origin, mine)
        bus = mine[0].bus
        is_alone = len({fact.origin for fact in events if fact.bus == bus}) == 1
        server = bus if is_alone else f"{bus} ({origin[:8]})"
        numbers["xivo_origin_info", (origin, bus, server)] = 1
        for subsystem, names in EVENTS.items():
            told = [fact for fact in mine if fact.name in names and is_used(fact)]
            # A line or a trunk may be deleted on a server that tells of no phone or trunk.
            # And a hold does not say that it is one of a leg.
            told = [*dropwhile(lambda fact: fact.name in STARTS_NOTHING, told)]
            if not told:
                continue
            # Counters are never complete.
            if subsystem not in {"chat", "call_forms"} | small_oracle.COUNTERS:
                numbers["xivo_state_known", (origin, subsystem)] = 0
                numbers["xivo_state_known_since_timestamp_seconds", (origin, subsystem)] = 0
            last = told[-1].arrived
            numbers["xivo_state_last_event_timestamp_seconds", (origin, subsystem)] = last
            if subsystem in small_oracle.EVENTS:
                numbers |= small_oracle.expect(subsystem, origin, mine, now)
            else:
                numbers |= _of_subsystem(subsystem, origin, told, now, details=details)
    return numbers


def _of_subsystem(
    subsystem: str, origin: str, told: list[Fact], now: float, *, details: bool
) -> Numbers:
    if subsystem in {"queue_calls", "calls"}:
        # They have oracles of their own: `tests/laws/calls_truth.py`, `tests/laws/test_calls.py`.
        return {}
    if subsystem == "agents":
        return _agents(origin, told, now, details)
    if subsystem in {"endpoints", "lines"}:
        return {"endpoints": _endpoints, "lines": _lines}[subsystem](origin, told, details)
    if subsystem in {"services", "queues"}:
        return {"services": _services, "queues": _queues}[subsystem](origin, told, now)
    others = {"users": _users, "trunks": _trunks, "chat": _chat, "call_forms": _call_forms}
    return others[subsystem](origin, told)


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
        ("xivo_bus_last_event_timestamp_seconds", (origin,)): events[-1].arrived,
        # The tests configure the time zone of the bus.
        ("xivo_bus_clock_offset_seconds", (origin,)): 0,
    }
    for name in {fact.name for fact in events}:
        count = sum(fact.name == name for fact in events)
        numbers["xivo_bus_events_total", (origin, name)] = count
    return numbers


def is_used(fact: Fact) -> bool:
    """Return whether a subsystem uses the event."""
    if fact.name in {"QueueMemberPenalty", "QueueMemberRinginuse"}:
        # On Asterisk 11 these events contain only the setting.
        return "Status" in fact.data or "Ringinuse" in fact.data
    if fact.name == "SoftHangupRequest":
        return str(fact.data.get("Cause")) == "1"
    # After these two, no state is known; in this traffic none is known before.
    is_doubt = fact.name in {"FullyBooted", "Reload"}
    return is_doubt or fact.name in CHANNELS or any(fact.name in names for names in EVENTS.values())


EVENTS = {
    "agents": {"agent_status_update", "agent_created", "agent_deleted"},
    "endpoints": {"endpoint_status_update", "line_deleted"},
    "lines": {"line_status_updated", "line_deleted"},
    "trunks": {"trunk_status_updated", "trunk_deleted"},
    "users": {"user_status_update", "chatd_presence_updated", "user_deleted"},
    "services": {
        "service_registered_event",
        "service_deregistered_event",
        "service_registered",
        "service_deregistered",
    },
    "chat": {"chat_message_event", "chat_message_sent", "chatd_user_room_message_created"},
    "call_forms": {"call_form_result"},
    "queues": {
        "QueueMemberStatus",
        "QueueMemberAdded",
        "QueueMemberRemoved",
        "QueueMemberPaused",
        "QueueMemberPause",
        "QueueMemberPenalty",
        "QueueMemberRinginuse",
        "AgentComplete",
    },
    "queue_calls": {
        "QueueCallerJoin",
        "Join",
        "QueueCallerLeave",
        "Leave",
        "QueueCallerAbandon",
        "AgentConnect",
        "AgentComplete",
        "AgentRingNoAnswer",
    },
    "calls": {
        "call_created",
        "call_updated",
        "call_answered",
        "call_ended",
        "call_held",
        "call_resumed",
        "call_log_created",
        "user_missed_call",
    },
    **small_oracle.EVENTS,
}
"""The events of each subsystem."""

STARTS_NOTHING = {"line_deleted", "trunk_deleted", "call_held", "call_resumed"}
"""Events after which it is not known whether a server tells of the subject."""

CHANNELS = {"HangupRequest", "SoftHangupRequest", "Hangup", "AttendedTransfer", "UserEvent"}
"""Events that only help to understand others."""


# --- Entities that are each in one of a few states ----------------------------------------------

History = list[tuple[str | None, float]]
"""The states that one entity was reported in, in order, each with its time; None: removed."""


def _histories(
    events: Iterable[Fact], states_of: Callable[[Fact], Iterable[tuple[str, str | None]]]
) -> dict[str, History]:
    histories: dict[str, History] = {}
    deleted_at: dict[str, float] = {}
    for fact in events:
        for entity, state in states_of(fact):
            if fact.name.endswith("_deleted"):
                deleted_at[entity] = fact.at
            elif fact.at - deleted_at.get(entity, -inf) < MINUTE:
                continue
            histories.setdefault(entity, []).append((state, fact.at))
    return histories


def _last_state(history: History) -> str | None:
    return history[-1][0]


def _changes(history: History) -> list[tuple[str | None, float]]:
    """Return the entries whose state differs from the one before."""
    return [after for before, after in pairwise([(None, 0.0), *history]) if before[0] != after[0]]


def _count(histories: dict[str, History], state: str) -> int:
    return sum(_last_state(history) == state for history in histories.values())


def _count_changes(histories: dict[str, History], state: str) -> int:
    return sum(said == state for history in histories.values() for said, _ in _changes(history))


def _digits(value: int | str) -> str:
    return str(int(value))


RELOG = 5
"""Seconds in which a login is none, but part of a relog of agentd, with the logout before it."""
LOGOUT_COUNTS = 10
"""Seconds after which a logout counts, if nothing follows."""

Change = tuple[str | None, Fact]
"""What an agent became, and the event that tells it; None: deleted."""


def _agents(origin: str, events: list[Fact], now: float, details: bool) -> Numbers:
    histories = _agent_histories(events)
    states = [history[-1][0] for history in histories.values()]
    numbers: Numbers = {
        ("xivo_agents", (origin, state)): states.count(state)
        for state in ("logged_in", "logged_out")
    }
    logins, logouts, sessions = 0, 0, list[float]()
    for history in histories.values():
        began: float | None = None
        for index, (state, fact) in enumerate(history):
            if state == "logged_in" and not _is_relog(fact, history):
                logins += 1
                began = fact.at
            elif state == "logged_out" and _is_logout(history, index, now):
                logouts += 1
                sessions += [] if began is None else [max(0.0, fact.at - began)]
                began = None
            elif state is None:
                # Who is deleted and comes again was not seen to log in.
                began = None
    numbers["xivo_agent_logins_total", (origin,)] = logins
    numbers["xivo_agent_logouts_total", (origin,)] = logouts
    edges = [float("-inf"), *SESSION_BOUNDS, float("inf")]
    counts = tuple(
        sum(lower < session <= upper for session in sessions) for lower, upper in pairwise(edges)
    )
    numbers["xivo_agent_session_duration_seconds", (origin,)] = (counts, sum(sessions))
    for agent, history in histories.items():
        state = history[-1][0]
        if details and state is not None:
            numbers["xivo_agent_logged_in", (origin, agent)] = int(state == "logged_in")
            # The random traffic has no answers.
            numbers["xivo_agent_calls_answered_total", (origin, agent)] = 0
    return numbers


def _agent_histories(events: list[Fact]) -> dict[str, list[Change]]:
    histories: dict[str, list[Change]] = {}
    deleted_at: dict[str, float] = {}
    for fact in events:
        agent = _digits(fact.data["agent_id" if fact.name == "agent_status_update" else "id"])
        before = histories.get(agent, [(None, fact)])[-1][0]
        if fact.name == "agent_deleted":
            deleted_at[agent] = fact.at
        elif fact.at - deleted_at.get(agent, -inf) < MINUTE:
            continue
        after = {
            "agent_deleted": None,
            "agent_created": before or "logged_out",
            "agent_status_update": fact.data.get("status"),
        }[fact.name]
        if after != before:
            histories.setdefault(agent, []).append((after, fact))
    return histories


def _is_logout(history: list[Change], index: int, now: float) -> bool:
    """Return whether an agent who is logged out has logged out, and that counts by now."""
    _, fact = history[index]
    if fact.name != "agent_status_update":
        return False
    if index + 1 == len(history):
        return now - fact.arrived >= LOGOUT_COUNTS
    state, then = history[index + 1]
    return state is None or not _is_relog(then, history)


def _is_relog(login: Fact, history: list[Change]) -> bool:
    """Return whether a login follows a logout so soon that both are a relog."""
    index = [id(fact) for _, fact in history].index(id(login))
    state, logout = history[index - 1] if index else (None, login)
    return (
        state == "logged_out"
        and logout.name == "agent_status_update"
        and abs(login.at - logout.at) < RELOG
        and login.arrived - logout.arrived < LOGOUT_COUNTS
    )


def _endpoints(origin: str, events: list[Fact], details: bool) -> Numbers:
    def states_of(fact: Fact) -> Iterator[tuple[str, str | None]]:
        if fact.name == "endpoint_status_update":
            code = int(fact.data["status"])
            state = None if code < 0 else ENDPOINT_STATES.get(code, "other")
            yield _digits(fact.data["endpoint_id"]), state
        elif fact.name == "line_deleted":
            yield _digits(fact.data["id"]), None

    histories = _histories(events, states_of)
    states = [*ENDPOINT_STATES.values(), "other"]
    numbers: Numbers = {}
    for state in states:
        numbers["xivo_endpoints", (origin, state)] = _count(histories, state)
        changes = _count_changes(histories, state)
        numbers["xivo_endpoint_transitions_total", (origin, state)] = changes
        for endpoint, history in histories.items():
            if details and _last_state(history) is not None:
                is_in = int(_last_state(history) == state)
                numbers["xivo_endpoint_state", (origin, endpoint, state)] = is_in
    return numbers


def _statuses(events: list[Fact], of: str) -> dict[str, list[dict[str, Any]]]:
    """Return the data of lines or trunks that exist, by their ids, since they were last deleted."""
    told: dict[str, list[dict[str, Any]]] = {}
    deleted_at: dict[str, float] = {}
    for fact in events:
        entity = _digits(fact.data["id"])
        if fact.name == f"{of}_deleted":
            deleted_at[entity] = fact.at
            told.pop(entity, None)
        elif fact.at - deleted_at.get(entity, -inf) >= MINUTE:
            told.setdefault(entity, []).append(fact.data)
    return told


def _lines(origin: str, events: list[Fact], details: bool) -> Numbers:
    lines = {line: told[-1] for line, told in _statuses(events, "line").items()}
    words = {True: "yes", False: "no", None: "unknown"}
    numbers: Numbers = {
        ("xivo_lines", (origin, word)): sum(
            line.get("registered") is value for line in lines.values()
        )
        for value, word in words.items()
    }
    numbers["xivo_lines_in_call", (origin,)] = sum(
        bool(line.get("current_call_count")) for line in lines.values()
    )
    for line_id, line in lines.items() if details else ():
        for metric, field in (
            ("xivo_line_registered", "registered"),
            ("xivo_line_calls", "current_call_count"),
        ):
            if line.get(field) is not None:
                numbers[metric, (origin, line_id)] = int(line[field])
    return numbers


def _trunks(origin: str, events: list[Fact]) -> Numbers:
    numbers: Numbers = {}
    for name in {fact.data.get("name") for fact in events} - {None}:
        # The losses count from when the name was last unused.
        losses = 0
        for index in range(1, len(events) + 1):
            told = _statuses(events[:index], "trunk").values()
            mine = [each for each in told if each[-1]["name"] == name]
            losses += bool(mine) and _is_loss(events[:index], name)
            losses = losses if mine else 0
        if not mine:
            continue
        numbers["xivo_trunk_registration_losses_total", (origin, name)] = losses
        registered = [each[-1].get("registered") for each in mine]
        if set(registered) != {None}:
            numbers["xivo_trunk_registered", (origin, name)] = int(False not in registered)
        calls = [each[-1].get("current_call_count") for each in mine]
        if set(calls) != {None}:
            numbers["xivo_trunk_calls", (origin, name)] = sum(each or 0 for each in calls)
    return numbers


def _is_loss(events: list[Fact], name: str) -> bool:
    """Return whether the last event tells that a trunk of a name is no longer registered."""
    before, now = (
        _statuses(those, "trunk").get(_digits(events[-1].data["id"]), [])
        for those in (events[:-1], events)
    )
    if len(now) != len(before) + 1 or not before:
        return False
    was, is_ = before[-1], now[-1]
    return (
        is_["name"] == was["name"] == name
        and was.get("registered") is True
        and is_.get("registered") is False
    )


def _presence(fact: Fact) -> str:
    if fact.name == "user_status_update":
        status = fact.data["status"]
        return status if status in XIVO_PRESENCES else "other"
    state = fact.data["state"]
    return state if state in CHATD_STATES else "other"


def _line_state(fact: Fact) -> str:
    state = fact.data.get("line_state")
    return state if state in LINE_STATES else "untold"


def _yes_or_no(fact: Fact, key: str) -> str:
    # A status of XiVO has none of these keys.
    return {True: "yes", False: "no", None: "untold"}[fact.data.get(key)]


def _user_histories(events: list[Fact], say: Callable[[Fact], str]) -> dict[str, History]:
    def states_of(fact: Fact) -> Iterator[tuple[str, str | None]]:
        if fact.name == "user_status_update":
            user = fact.data.get("user_uuid")
            yield str(fact.data["user_id"] if user is None else user).lower(), say(fact)
        elif fact.name == "chatd_presence_updated":
            yield fact.data["uuid"].lower(), say(fact)
        elif fact.name == "user_deleted":
            yield str(fact.data["id"]), None
            if fact.data.get("uuid") is not None:
                yield fact.data["uuid"].lower(), None

    return _histories(events, states_of)


def _is_told(histories: dict[str, History]) -> bool:
    told = {state for history in histories.values() for state, _ in history}
    return bool(told - {"untold", None})


def _users(origin: str, events: list[Fact]) -> Numbers:
    histories = _user_histories(events, _presence)
    numbers: Numbers = {}
    for state in PRESENCES:
        numbers["xivo_users", (origin, state)] = _count(histories, state)
        changes = _count_changes(histories, state)
        numbers["xivo_user_presence_changes_total", (origin, state)] = changes
    for key in ("do_not_disturb", "connected"):
        histories = _user_histories(events, partial(_yes_or_no, key=key))
        if _is_told(histories):
            numbers[f"xivo_users_{key}", (origin,)] = _count(histories, "yes")
    histories = _user_histories(events, _line_state)
    for state in LINE_STATES if _is_told(histories) else ():
        numbers["xivo_users_line_state", (origin, state)] = _count(histories, state)
    return numbers


# --- Counts -------------------------------------------------------------------------------------


def _chat(origin: str, events: list[Fact]) -> Numbers:
    sent = [fact for fact in events if fact.name in {"chat_message_event", "chat_message_sent"}]
    of_chatd = {fact.data["uuid"].lower() for fact in events if fact not in sent}
    return {("xivo_chat_messages_total", (origin,)): len(sent) + len(of_chatd)}


def _call_forms(origin: str, events: list[Fact]) -> Numbers:
    forms = [fact for fact in events if fact.name == "call_form_result"]
    return {("xivo_call_forms_total", (origin,)): len(forms)}


# --- Services -----------------------------------------------------------------------------------


def _is_registration(fact: Fact) -> bool:
    return fact.name in {"service_registered", "service_registered_event"}


def _is_change(fact: Fact, changes: list[Fact]) -> bool:
    """Return whether an event of a service changes it, given all changes before."""
    latest = changes[-1] if changes else None
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
        changes: list[Fact] = []
        for fact in mine:
            if fact.data["service_name"] != name:
                continue
            if _is_past(changes, fact.arrived):
                changes = []
            if _is_change(fact, changes):
                changes.append(fact)
        if not _is_past(changes, now):
            numbers |= _service((origin, name), changes)
    return numbers


def _is_past(changes: list[Fact], now: float) -> bool:
    return bool(changes) and not _is_registration(changes[-1]) and now - changes[-1].arrived >= WEEK


def _service(labels: tuple[str, str], changes: list[Fact]) -> Numbers:
    registrations = [fact for fact in changes if _is_registration(fact)]
    deregistrations = [fact for fact in changes if not _is_registration(fact)]
    unclean = [True for both in pairwise(changes) if all(map(_is_registration, both))]
    numbers: Numbers = {
        ("xivo_service_up", labels): int(_is_registration(changes[-1])),
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


def _queues(origin: str, events: list[Fact], now: float) -> Numbers:
    mine = [fact for fact in events if _is_of_queue(fact) and is_used(fact)]
    numbers: Numbers = {}
    for queue in {fact.data["Queue"] for fact in mine}:
        facts: list[Fact] = []
        for fact in mine:
            if fact.data["Queue"] == queue:
                if _is_silent(facts, fact.arrived):
                    facts = []
                if facts or is_of_member(fact):
                    facts.append(fact)
        if facts and not _is_silent(facts, now):
            numbers |= _queue((origin, queue), facts, now)
    return numbers


def _is_of_queue(fact: Fact) -> bool:
    return fact.name.startswith("QueueMember") or fact.name == "AgentComplete"


def _is_silent(facts: list[Fact], now: float) -> bool:
    """Return whether a queue has no members and had no event for a week."""
    if not facts or now - facts[-1].arrived < WEEK:
        return False
    return not follow(facts, now).members


def _queue(labels: tuple[str, str], facts: list[Fact], now: float) -> Numbers:
    queue = follow(facts, now)
    members = queue.members.values()
    numbers: Numbers = {
        ("xivo_queue_members_paused", labels): sum(m.is_paused for m in members),
        ("xivo_queue_members_wrap_up", labels): sum(map(queue.is_in_wrap_up, queue.members)),
        ("xivo_queue_members_available", labels): queue.available(),
    }
    for state in DEVICE_STATES:
        count = sum(member.status == state for member in members)
        numbers["xivo_queue_member_states", (*labels, state)] = count
    for membership in MEMBERSHIPS:
        count = sum(member.membership == membership for member in members)
        numbers["xivo_queue_members", (*labels, membership)] = count
    for change in ("added", "removed", "paused", "unpaused"):
        numbers["xivo_queue_member_changes_total", (*labels, change)] = queue.changes[change]
    return numbers
