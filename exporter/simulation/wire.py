"""What a server puts on its bus: the format of each era, and the order of amid."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum

import msgspec

from exporter.simulation.agenda import Agenda

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
    """Releases that differ on the wire.

    A real 21.08 no longer knows presences, endpoint statuses, chat and call forms under these
    names.  The simulator keeps them, so that every subsystem has work in either format.
    """

    XIVO_15_20 = 13
    WAZO_21_08 = 18

    @property
    def asterisk(self) -> int:
        """Major version of the Asterisk inside."""
        return self.value

    @property
    def technology(self) -> str:
        """Channel technology of the phones."""
        return "SIP" if self is Era.XIVO_15_20 else "PJSIP"


@dataclass(frozen=True, slots=True)
class Message:
    """A message as a server publishes it.

    Attributes:
        at: Simulated time of publication, Unix seconds.
        routing_key: AMQP routing key, of the topic exchange `xivo`.
        body: JSON in UTF-8: `name`, `origin_uuid`, `data`, and the headers where there are any.
        headers: AMQP headers.  15.20 has none; 21.08 says name, origin, right and time.
    """

    at: float
    routing_key: str
    body: bytes
    headers: Mapping[str, object]


class Wire:
    """Formats the events of one server and holds them until they are taken.

    amid publishes what it read in one go newest first, in every release.  Therefore the AMI events
    of one instant leave in reverse order, followed by what the daemons made of them.
    """

    def __init__(self, agenda: Agenda, origin_uuid: str, era: Era) -> None:
        self.origin_uuid = origin_uuid
        self.era = era
        self.outbox: deque[Message] = deque()
        self._agenda = agenda
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
        return Message(self._agenda.now, routing_key, msgspec.json.encode(body), headers)

    def _headers(self, name: str, routing_key: str) -> dict[str, object]:
        if self.era is Era.XIVO_15_20:
            return {}
        # Naive, in the zone of the server, as the real ones write it: this server lives in UTC.
        local = datetime.fromtimestamp(self._agenda.now, UTC).replace(tzinfo=None)
        return {
            "name": name,
            "origin_uuid": self.origin_uuid,
            "required_acl": f"events.{routing_key}",
            "timestamp": local.isoformat(),
        }
