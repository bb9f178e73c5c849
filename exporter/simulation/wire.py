"""The messages that a server publishes: the formats of the releases, and the order of amid."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from random import Random

import msgspec

from exporter.simulation.scheduler import Scheduler

_PRIVILEGES = {
    "AgentCalled": "agent,all",
    "AgentComplete": "agent,all",
    "AgentConnect": "agent,all",
    "AgentRingNoAnswer": "agent,all",
    "FullyBooted": "system,all",
    "Newexten": "dialplan,all",
    "PeerStatus": "system,all",
    "UserEvent": "user,all",
    "VarSet": "dialplan,all",
}

# Numbers of events in one read of amid, each as often as it stands here: mostly two to eight.
_READS = (
    *(1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 3, 4, 4, 4, 4, 4),
    *(5, 5, 5, 5, 6, 6, 6, 7, 7, 7, 8, 8, 8, 8, 8, 14),
)

_Event = tuple[str, str, Mapping[str, object], Mapping[str, object] | None]
"""Name, routing key, data and headers of the event of a daemon."""

_ASTERISK_WITH_UPTIME = 16
_UPTIME = {"Uptime": "5", "LastReload": "5"}

_SECONDS_PER_MESSAGE = 0.000025

LONGEST_PUBLICATION = 0.005
"""Seconds after an instant in which all of its messages are published."""


class Era(Enum):
    """Releases with different message formats.

    A real 21.08 does not publish presences, endpoint statuses, chat and call forms under these
    names. The simulator does, so that every subsystem has events in both formats. `ASTERISK_22` is
    an Asterisk without the patches of XiVO and Wazo, behind the amid of today. `WAZO_26_04`
    publishes what a real Wazo of today does, and nothing else.
    """

    XIVO_15_20 = "15.20"
    WAZO_21_08 = "21.08"
    ASTERISK_22 = "22"
    WAZO_26_04 = "26.04"

    @property
    def asterisk(self) -> int:
        """Major version of Asterisk in this release."""
        return _ASTERISKS[self]

    @property
    def is_wazo(self) -> bool:
        """Whether the daemons publish the events of Wazo, and not those of XiVO."""
        return self is Era.WAZO_26_04

    @property
    def technology(self) -> str:
        """Channel technology of the phones."""
        return "SIP" if self is Era.XIVO_15_20 else "PJSIP"

    @property
    def boot(self) -> dict[str, str]:
        """Fields of the event that tells that Asterisk has started."""
        fields = {"Status": "Fully Booted"}
        return fields if self.asterisk < _ASTERISK_WITH_UPTIME else fields | _UPTIME

    @property
    def is_patched(self) -> bool:
        """Whether its Asterisk has the patches of XiVO and Wazo, which add fields."""
        return self is not Era.ASTERISK_22

    @property
    def has_channel_variables(self) -> bool:
        """Whether the events of channels carry variables, as Wazo configures it."""
        return self is not Era.XIVO_15_20


_ASTERISKS = {
    Era.XIVO_15_20: 13,
    Era.WAZO_21_08: 18,
    Era.ASTERISK_22: 22,
    Era.WAZO_26_04: 22,
}


@dataclass(frozen=True, slots=True)
class Message:
    """A message as a server publishes it.

    Attributes:
        at: Simulated time of publication, Unix time in seconds; it is in the headers, too.
        routing_key: AMQP routing key, for the topic exchange `xivo`. On the headers exchange
            `wazo-headers` of 26.04 it selects nothing.
        body: JSON in UTF-8: `name`, `origin_uuid`, `data`, and the headers if there are any.
        headers: AMQP headers. 15.20 has none; 21.08 has name, origin, required ACL and time; later
            releases also have the required access.
    """

    at: float
    routing_key: str
    body: bytes
    headers: Mapping[str, object]


class Wire:
    """Formats the events of one server, and holds them until the caller reads them.

    In every release, amid publishes the events of one read in reverse order. The AMI events of one
    instant are cut into reads of a few events; each read leaves newest first. Therefore an event
    can be published before or after the one that caused it. The events of the daemons follow.

    Attributes:
        outbox: Messages of finished instants, in order.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        origin_uuid: str,
        era: Era,
        *,
        seed: int,
        speed: float = 1.0,
    ) -> None:
        """Make the bus of a server.

        Args:
            scheduler: The simulated time.
            origin_uuid: UUID of the server.
            era: Release of the server.
            seed: Of how amid reads.
            speed: Simulated seconds in each second of the clock that makes the time stamps.
        """
        self.origin_uuid = origin_uuid
        self.era = era
        self.outbox: deque[Message] = deque()
        self._scheduler = scheduler
        # Its own numbers: how amid reads must not change what happens.
        self._rng = Random(seed)
        self._last_at = 0.0
        self._opened = scheduler.now
        self._speed = speed
        self._addresses: dict[str, tuple[str, str]] = {}
        self._second = -1
        self._second_text = ""
        self._ami: list[tuple[str, Mapping[str, object]]] = []
        self._daemons: list[_Event] = []

    def publish(
        self,
        name: str,
        routing_key: str,
        data: Mapping[str, object],
        headers: Mapping[str, object] | None = None,
    ) -> None:
        """Publish the event of a daemon.

        Args:
            name: Of the event.
            routing_key: Of the message.
            data: Of the event.
            headers: Those of this event, besides the ones of all events. Without them there is the
                ACL that the routing key suggests.
        """
        self._daemons.append((name, routing_key, data, headers))

    def ami(self, name: str, data: Mapping[str, object]) -> None:
        """Publish an event of Asterisk, as amid does."""
        self._ami.append((name, data))

    def flush(self) -> None:
        """End the instant: move its messages to the outbox."""
        now = self._scheduler.now
        at = max(now, self._last_at)
        latest = now + LONGEST_PUBLICATION
        begin, events = 0, self._ami
        while begin < len(events):
            end = begin + _READS[self._rng.getrandbits(5)]
            for name, data in reversed(events[begin:end]):
                self.outbox.append(self._of_asterisk(at, name, data))
                at = min(at + _SECONDS_PER_MESSAGE, latest)
            begin = end
        for event in self._daemons:
            self.outbox.append(self._message(at, *event))
        self._last_at = at
        self._ami.clear()
        self._daemons.clear()

    def _of_asterisk(self, at: float, name: str, data: Mapping[str, object]) -> Message:
        if name not in self._addresses:
            by_prefix = "agent,all" if name.startswith("Queue") else "call,all"
            self._addresses[name] = (f"ami.{name}", _PRIVILEGES.get(name, by_prefix))
        routing_key, privilege = self._addresses[name]
        full = {"Event": name, "Privilege": privilege, **data}
        return self._message(at, name, routing_key, full)

    def _message(
        self,
        at: float,
        name: str,
        routing_key: str,
        data: Mapping[str, object],
        own: Mapping[str, object] | None = None,
    ) -> Message:
        headers = self._headers(at, name, routing_key, own)
        body = {"name": name, "origin_uuid": self.origin_uuid, **headers, "data": data}
        return Message(at, routing_key, msgspec.json.encode(body), headers)

    def _headers(
        self, at: float, name: str, routing_key: str, own: Mapping[str, object] | None
    ) -> dict[str, object]:
        if self.era is Era.XIVO_15_20:
            return {}
        headers: dict[str, object] = {"name": name, "origin_uuid": self.origin_uuid}
        if own is None:
            headers["required_acl"] = f"events.{routing_key}"
        headers["timestamp"] = self._timestamp(at)
        if self.era in {Era.ASTERISK_22, Era.WAZO_26_04}:
            headers["required_access"] = f"event.{name}"
        headers.update(own or {})
        return headers

    def _timestamp(self, at: float) -> str:
        """Write a time without a zone, like a real server; the zone of this server is UTC."""
        stamp = self._opened + (at - self._opened) / self._speed
        second, micros = divmod(round(stamp * 1_000_000), 1_000_000)
        if second != self._second:
            self._second = second
            local = datetime.fromtimestamp(second, UTC).replace(tzinfo=None)
            self._second_text = local.isoformat()
        return f"{self._second_text}.{micros:06}" if micros else self._second_text
