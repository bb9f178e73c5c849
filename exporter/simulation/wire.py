"""The messages that a server publishes: the formats of the releases, and the order of amid."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum

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


class Era(Enum):
    """Releases with different message formats.

    A real 21.08 does not publish presences, endpoint statuses, chat and call forms under these
    names. The simulator does, so that every subsystem has events in both formats.
    """

    XIVO_15_20 = 13
    WAZO_21_08 = 18

    @property
    def asterisk(self) -> int:
        """Major version of Asterisk in this release."""
        return self.value

    @property
    def technology(self) -> str:
        """Channel technology of the phones."""
        return "SIP" if self is Era.XIVO_15_20 else "PJSIP"


@dataclass(frozen=True, slots=True)
class Message:
    """A message as a server publishes it.

    Attributes:
        at: Simulated time of publication, Unix time in seconds.
        routing_key: AMQP routing key, for the topic exchange `xivo`.
        body: JSON in UTF-8: `name`, `origin_uuid`, `data`, and the headers if there are any.
        headers: AMQP headers. 15.20 has none; 21.08 has name, origin, required ACL and time.
    """

    at: float
    routing_key: str
    body: bytes
    headers: Mapping[str, object]


class Wire:
    """Formats the events of one server, and holds them until the caller reads them.

    In every release, amid publishes the events of one read in reverse order. Therefore the AMI
    events of one instant leave newest first. The events of the daemons follow them.

    Attributes:
        outbox: Messages of finished instants, in order.
    """

    def __init__(self, scheduler: Scheduler, origin_uuid: str, era: Era) -> None:
        self.origin_uuid = origin_uuid
        self.era = era
        self.outbox: deque[Message] = deque()
        self._scheduler = scheduler
        self._ami: list[Message] = []
        self._daemons: list[Message] = []

    def publish(self, name: str, routing_key: str, data: Mapping[str, object]) -> None:
        """Publish the event of a daemon."""
        self._daemons.append(self._message(name, routing_key, data))

    def ami(self, name: str, data: Mapping[str, object]) -> None:
        """Publish an event of Asterisk, as amid does."""
        privilege = _PRIVILEGES.get(name, "agent,all" if name.startswith("Queue") else "call,all")
        full = {"Event": name, "Privilege": privilege, **data}
        self._ami.append(self._message(name, f"ami.{name}", full))

    def flush(self) -> None:
        """End the instant: move its messages to the outbox."""
        self.outbox.extend(reversed(self._ami))
        self.outbox.extend(self._daemons)
        self._ami.clear()
        self._daemons.clear()

    def _message(self, name: str, routing_key: str, data: Mapping[str, object]) -> Message:
        headers = self._headers(name, routing_key)
        body = {"name": name, "origin_uuid": self.origin_uuid, **headers, "data": data}
        return Message(self._scheduler.now, routing_key, msgspec.json.encode(body), headers)

    def _headers(self, name: str, routing_key: str) -> dict[str, object]:
        if self.era is Era.XIVO_15_20:
            return {}
        # In local time without a zone, like a real server; the zone of this server is UTC.
        local = datetime.fromtimestamp(self._scheduler.now, UTC).replace(tzinfo=None)
        return {
            "name": name,
            "origin_uuid": self.origin_uuid,
            "required_acl": f"events.{routing_key}",
            "timestamp": local.isoformat(),
        }
