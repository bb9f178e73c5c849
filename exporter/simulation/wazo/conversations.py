"""Conversations and their calls: what wazo-calld calls a call is a leg of a conversation."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from exporter.simulation.legs import Leg
from exporter.simulation.wazo.bus import iso
from exporter.simulation.wazo.endpoints import Endpoint, Line

INBOUND, OUTBOUND, INTERNAL, UNKNOWN = "inbound", "outbound", "internal", "unknown"
"""Directions of conversations, as the daemons write them."""


@dataclass(slots=True, eq=False)
class Conversation:
    """A conversation.

    Attributes:
        id_: Id of its first leg.
        began: When, Unix time in seconds.
        number: Caller's number.
        direction: As calld tells it; unknown at first.
        calls: Its legs that are under way, by id.
        answered: When somebody who was called answered, Unix time in seconds; None for never.
        status: How its call log says that it ended; empty for answered or not.
        destination: Type of the destination in the call log.
        users: UUIDs of the users who took part, in order.
    """

    id_: str
    began: float
    number: str
    direction: str = UNKNOWN
    calls: dict[str, "Call"] = field(default_factory=dict)
    answered: float | None = None
    status: str = ""
    destination: str = "unknown"
    users: dict[str, None] = field(default_factory=dict)

    @property
    def state(self) -> str:
        """`held` if a leg is on hold, `up` if one is answered, else `ringing`."""
        calls = self.calls.values()
        if any(call.is_held for call in calls):
            return "held"
        return "up" if any(call.is_up for call in calls) else "ringing"


@dataclass(slots=True, eq=False)
class Call:
    """A leg of a conversation.

    Attributes:
        leg: The channel.
        endpoint: The line or the trunk.
        conversation: The conversation.
        began: When, Unix time in seconds.
        answered: When it was answered, Unix time in seconds; None for not yet.
        is_held: Whether it is on hold.
        is_parked: Whether it is parked.
    """

    leg: Leg
    endpoint: Endpoint
    conversation: Conversation
    began: float
    answered: float | None = None
    is_held: bool = False
    is_parked: bool = False

    @property
    def is_caller(self) -> bool:
        """Whether its endpoint began the conversation."""
        return self.leg.uniqueid == self.leg.linkedid

    @property
    def is_up(self) -> bool:
        """Whether it is answered."""
        return self.answered is not None

    @property
    def user_uuid(self) -> str | None:
        """UUID of the user; None for a trunk."""
        return self.endpoint.user_uuid if isinstance(self.endpoint, Line) else None

    def listed(self, *, hangup: float | None = None) -> dict[str, object]:
        """Return the call as calld tells of it, in its events and in its list.

        Args:
            hangup: When it ended, Unix time in seconds; None for not yet.
        """
        others = self.conversation.calls.values()
        talking_to: Mapping[str, str | None] = (
            {
                each.leg.uniqueid: each.user_uuid
                for each in others
                if each is not self and each.is_up
            }
            if self.is_up
            else {}
        )
        ringing = "Ring" if self.is_caller else "Ringing"
        return {
            "call_id": self.leg.uniqueid,
            "conversation_id": self.conversation.id_,
            "status": "Up" if self.is_up else ringing,
            "direction": self.conversation.direction,
            "talking_to": talking_to,
            "line_id": self.endpoint.id_ if isinstance(self.endpoint, Line) else None,
            "user_uuid": self.user_uuid,
            "is_caller": self.is_caller,
            "is_video": False,
            "on_hold": self.is_held,
            "muted": False,
            "parked": self.is_parked,
            "record_state": "inactive",
            "bridges": [],
            "creation_time": iso(self.began),
            "answer_time": None if self.answered is None else iso(self.answered),
            "hangup_time": None if hangup is None else iso(hangup),
            "dialed_extension": self.leg.exten,
            "caller_id_name": "",
            "caller_id_number": self.leg.number,
            "peer_caller_id_name": "",
            "peer_caller_id_number": self.conversation.number,
            "sip_call_id": f"{self.leg.uniqueid}@192.0.2.7",
        }
