"""Models of the subsystems: how events change the values that have windows.

They follow the help texts of the metrics. A model gets the data of an event as
on the bus, and shares no code with the states under test.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from tests import queue_oracle

Data = Mapping[str, Any]
Sighting = tuple[str, Any]
"""(metric, id): an id was seen."""


@dataclass(frozen=True)
class Fact:
    """An event as its publisher knows it.

    Attributes:
        origin: The server that published it.
        at: When the exporter must assume that it happened, Unix seconds.
    """

    origin: str
    name: str
    data: Data
    at: float


class Model(ABC):
    """The entities of one key.

    Attributes:
        often: For each metric that counts ids, how many times one must be seen to count.
    """

    often: ClassVar[Mapping[str, int]] = {}

    @abstractmethod
    def apply(self, fact: Fact) -> list[Sighting]:
        """Apply an event; return the ids that it contains."""

    def values(self) -> dict[str, int]:
        """Return the values that have windows, by the stem of the metric names."""
        return {}

    def recheck(self, now: float) -> None:  # noqa: B027 -- most models forget nothing
        """Follow a restart of the exporter, or a clock that was set back."""

    def turn(self, now: float, *, is_clock: bool) -> Iterator[float]:
        """Let values change that change by themselves; yield the time of each change."""
        del now, is_clock
        return iter(())


MINUTE = 60


class Deletions:
    """Ids that were deleted within the last minute, by the time of the events."""

    def __init__(self) -> None:
        self._at: dict[str, float] = {}

    def add(self, entity: str, at: float) -> None:
        self._at[entity] = at

    def recheck(self, now: float) -> None:
        self._at = {entity: min(at, now) for entity, at in self._at.items()}

    def hide(self, entity: str, at: float) -> bool:
        return entity in self._at and at - self._at[entity] < MINUTE


class Agents(Model):
    def __init__(self) -> None:
        self._is_in: dict[str, bool] = {}
        self._deleted = Deletions()

    def apply(self, fact: Fact) -> list[Sighting]:
        name, data = fact.name, fact.data
        if name == "agent_deleted":
            self._is_in.pop(str(data["id"]), None)
            self._deleted.add(str(data["id"]), fact.at)
        elif not self._deleted.hide(str(data["agent_id"]), fact.at):
            self._is_in[str(data["agent_id"])] = data["status"] == "logged_in"
        return []

    def recheck(self, now: float) -> None:
        self._deleted.recheck(now)

    def values(self) -> dict[str, int]:
        return {"xivo_agents_logged_in": sum(self._is_in.values())}


class Endpoints(Model):
    often: ClassVar = {"xivo_endpoints_flapping": 3}

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}
        # How many have each code: a server has hundreds of endpoints.
        self._numbers: Counter[int] = Counter()

    def apply(self, fact: Fact) -> list[Sighting]:
        if fact.name != "endpoint_status_update":
            return []
        endpoint, status = str(fact.data["endpoint_id"]), int(fact.data["status"])
        before = self._codes.pop(endpoint, None)
        if before is not None:
            self._numbers[before] -= 1
        if status < 0:
            return []
        self._codes[endpoint] = status
        self._numbers[status] += 1
        is_lost_now = status == 4 and before != 4
        return [("xivo_endpoints_flapping", endpoint)] if is_lost_now else []

    def values(self) -> dict[str, int]:
        return {
            # Bits of the hint: 1 in use, 2 busy, 16 on hold.
            "xivo_endpoints_in_use": sum(
                number for code, number in self._numbers.items() if code & 0b10011
            ),
            "xivo_endpoints_unavailable": self._numbers[4],
        }


class Lines(Model):
    def __init__(self) -> None:
        self._calls: dict[str, int] = {}

    def apply(self, fact: Fact) -> list[Sighting]:
        self._calls[str(fact.data["id"])] = fact.data["current_call_count"] or 0
        return []

    def values(self) -> dict[str, int]:
        return {"xivo_lines_in_call": sum(calls > 0 for calls in self._calls.values())}


class Users(Model):
    def __init__(self) -> None:
        self._is_available: dict[str, bool] = {}
        self._deleted = Deletions()

    def apply(self, fact: Fact) -> list[Sighting]:
        name, data = fact.name, fact.data
        if name == "user_status_update":
            user = data.get("user_uuid") or data["user_id"]
            self._set(str(user), fact.at, is_free=data["status"] == "available")
        elif name == "chatd_presence_updated":
            is_free = data["state"] == "available" and not data.get("do_not_disturb")
            self._set(data["uuid"], fact.at, is_free=is_free)
        elif name == "user_deleted":
            for user in (str(data["id"]), str(data.get("uuid"))):
                self._is_available.pop(user, None)
                self._deleted.add(user, fact.at)
        return []

    def _set(self, user: str, at: float, *, is_free: bool) -> None:
        if not self._deleted.hide(user, at):
            self._is_available[user] = is_free

    def recheck(self, now: float) -> None:
        self._deleted.recheck(now)

    def values(self) -> dict[str, int]:
        return {"xivo_users_available": sum(self._is_available.values())}


class Chat(Model):
    often: ClassVar = {"xivo_chat_senders": 1}

    def apply(self, fact: Fact) -> list[Sighting]:
        if fact.name not in ("chat_message_event", "chat_message_sent"):
            return []
        server, user = fact.data["from"]
        return [("xivo_chat_senders", (server, str(user)))]


class CallForms(Model):
    often: ClassVar = {"xivo_call_form_submitters": 1}

    def apply(self, fact: Fact) -> list[Sighting]:
        if fact.name != "call_form_result":
            return []
        return [("xivo_call_form_submitters", str(fact.data["user_id"]))]


class Calls(Model):
    def __init__(self) -> None:
        self._legs: dict[str, str] = {}
        self._ended: set[str] = set()

    def apply(self, fact: Fact) -> list[Sighting]:
        call = fact.data["call_id"]
        if fact.name == "call_ended":
            self._ended.add(call)
            self._legs.pop(call, None)
        elif call not in self._ended:
            self._legs[call] = fact.data["conversation_id"]
        return []

    def values(self) -> dict[str, int]:
        return {"xivo_calls": len({*self._legs.values()})}


class Service(Model):
    """The latest registered instance is valid; events of others are ignored."""

    def __init__(self) -> None:
        self._id: str | None = None
        self._former: set[str | None] = set()
        self._is_up = False

    def apply(self, fact: Fact) -> list[Sighting]:
        instance = fact.data["service_id"]
        if fact.name.startswith("service_registered"):
            if instance not in self._former:
                self._former.add(self._id)
                self._former.discard(instance)
                self._id, self._is_up = instance, True
        elif self._id in (None, instance):
            self._id, self._is_up = instance, False
        return []

    def values(self) -> dict[str, int]:
        return {"xivo_service_up": int(self._is_up)}


class Queue(Model):
    """The oracle of queues follows the members."""

    def __init__(self) -> None:
        self._queue = queue_oracle.Queue()

    def apply(self, fact: Fact) -> list[Sighting]:
        self._queue.apply(fact)
        return []

    def values(self) -> dict[str, int]:
        return {"xivo_queue_members_available": self._queue.available()}

    def recheck(self, now: float) -> None:
        self._queue.recheck(now)

    def turn(self, now: float, *, is_clock: bool) -> Iterator[float]:
        return self._queue.end_wrap_ups(now, is_clock=is_clock)


MODELS: dict[str, type[Model]] = {
    "agents": Agents,
    "endpoints": Endpoints,
    "lines": Lines,
    "users": Users,
    "chat": Chat,
    "call_forms": CallForms,
    "calls": Calls,
    "queues": Queue,
    "services": Service,
}
"""Their series start with the first event of the server, the queue or the service."""


def key_of(fact: Fact) -> tuple[str, str] | None:
    """Return the subsystem and part of an event; None if no window depends on it."""
    if fact.name.startswith("QueueMember") or fact.name == "AgentComplete":
        return "queues", fact.data["Queue"]
    if fact.name.startswith("service_"):
        return "services", fact.data["service_name"]
    return _WHOLE.get(fact.name)


_WHOLE = {
    "agent_status_update": ("agents", ""),
    "agent_deleted": ("agents", ""),
    "endpoint_status_update": ("endpoints", ""),
    "line_status_updated": ("lines", ""),
    "user_status_update": ("users", ""),
    "chatd_presence_updated": ("users", ""),
    "user_deleted": ("users", ""),
    "chat_message_event": ("chat", ""),
    "chat_message_sent": ("chat", ""),
    "call_form_result": ("call_forms", ""),
    "call_updated": ("calls", ""),
    "call_ended": ("calls", ""),
}
