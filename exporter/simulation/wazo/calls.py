"""The calls of a Wazo, as wazo-calld tells of them, leg by leg."""

from collections import Counter
from collections.abc import Callable, Mapping

from exporter.simulation import channel_events
from exporter.simulation.legs import Leg, LegNews
from exporter.simulation.wazo.bus import Bus
from exporter.simulation.wazo.conversations import (
    INBOUND,
    INTERNAL,
    OUTBOUND,
    UNKNOWN,
    Call,
    Conversation,
)
from exporter.simulation.wazo.endpoints import Endpoint, Line
from exporter.simulation.world import World

_CAUSES = {
    channel_events.NORMAL: "normal",
    channel_events.BUSY: "busy",
    channel_events.NO_ANSWER: "no_answer",
    channel_events.REJECTED: "rejected",
    channel_events.UNALLOCATED: "unallocated",
    channel_events.CONGESTION: "congestion",
    channel_events.OUT_OF_ORDER: "failure",
}

NOBODY = "None"
"""What calld writes as the user of a call on hold that has none."""


class Calls(LegNews):
    """Follows the legs of calls, and publishes what happens to them.

    Legs of channels that belong to no line and no trunk, such as those of `Local/` channels, are
    not published.

    Attributes:
        legs: Those under way, by id.
        ended: Legs that ended, by direction and cause.
    """

    def __init__(
        self,
        world: World,
        bus: Bus,
        endpoints: Mapping[str, Endpoint],
        *,
        changed: Callable[[Endpoint], None],
        finished: Callable[[Conversation], None],
    ) -> None:
        """Follow calls.

        Args:
            world: The world of the call centre.
            bus: Where to publish.
            endpoints: Lines and trunks by interface, also those that are added later.
            changed: Called after the calls of an endpoint changed.
            finished: Called after the last leg of a conversation ended.
        """
        self.legs: dict[str, Call] = {}
        self.ended: Counter[tuple[str, str]] = Counter()
        self._world = world
        self._bus = bus
        self._endpoints = endpoints
        self._changed = changed
        self._finished = finished
        self._conversations: dict[str, Conversation] = {}
        self._consultations: dict[str, tuple[Leg, Leg]] = {}

    @property
    def under_way(self) -> Mapping[tuple[str, str], int]:
        """Number of conversations by direction and state."""
        return Counter((each.direction, each.state) for each in self._conversations.values())

    def conversation(self, leg: Leg) -> Conversation:
        """Return the conversation of a leg that is under way."""
        return self.legs[leg.uniqueid].conversation

    def begin(self, leg: Leg) -> None:
        """Publish that a leg begins."""
        endpoint = self._endpoints.get(leg.device)
        if endpoint is None:
            return
        now = self._world.now
        conversation = self._conversations.get(leg.linkedid)
        if conversation is None:
            conversation = Conversation(leg.linkedid, now, leg.number)
            self._conversations[leg.linkedid] = conversation
        call = Call(leg, endpoint, conversation, now)
        self.legs[leg.uniqueid] = call
        conversation.calls[leg.uniqueid] = call
        endpoint.calls[leg.uniqueid] = call
        if isinstance(endpoint, Line):
            conversation.users[endpoint.user_uuid] = None
        self._publish("created", call)
        self._changed(endpoint)

    def route(self, leg: Leg, direction: str) -> None:
        """Publish the direction of a conversation: the dialplan knows it now."""
        call = self.legs[leg.uniqueid]
        call.conversation.direction = direction
        self._publish("updated", call)

    def answer(self, leg: Leg) -> None:
        """Publish the answer of a leg, and to whom the caller talks."""
        call = self.legs.get(leg.uniqueid)
        if call is None or call.is_up:
            return
        conversation = call.conversation
        call.answered = self._world.now
        is_line = isinstance(call.endpoint, Line)
        if conversation.direction == UNKNOWN:
            conversation.direction = INTERNAL if is_line else INBOUND
        if not call.is_caller and conversation.answered is None:
            conversation.answered = self._world.now
            if is_line:
                conversation.destination = "user"
        self._publish("answered", call)
        self._changed(call.endpoint)
        caller = conversation.calls.get(conversation.id_)
        if caller is not None and caller is not call:
            self._publish("updated", caller)

    def park(self, leg: Leg, *, is_parked: bool) -> None:
        """Publish that a leg is parked, or not any more."""
        call = self.legs[leg.uniqueid]
        call.is_parked = is_parked
        self._publish("updated", call)

    def hold(self, device: str) -> None:
        """Publish that a phone put its call on hold."""
        for call in self._of(device):
            if call.is_up and not call.is_held:
                self._hold(call, is_held=True)
                break

    def resume(self, device: str) -> None:
        """Publish that a phone resumed its call."""
        for call in self._of(device):
            if call.is_held:
                self._hold(call, is_held=False)
                break

    def consult(self, device: str, number: str) -> None:
        """Publish a call of a phone to somebody outside, who answers at once."""
        world = self._world
        leg = world.leg(device, number, context="default")
        trunk = next(name for name, each in self._endpoints.items() if each.kind == "trunk")
        other = world.leg(trunk, number, context="default", first=leg)
        self._consultations[device] = leg, other
        self.begin(leg)
        self.route(leg, OUTBOUND)
        self.begin(other)
        self.answer(leg)
        self.answer(other)

    def end_consultation(self, device: str) -> None:
        """Publish the end of this call."""
        for leg in reversed(self._consultations.pop(device)):
            channel_events.hang_up(self._world, leg)

    def end(self, leg: Leg, cause: int) -> None:
        """Publish the end of a leg, unless it ended before."""
        call = self.legs.pop(leg.uniqueid, None)
        if call is None:
            return
        conversation, endpoint = call.conversation, call.endpoint
        del conversation.calls[leg.uniqueid], endpoint.calls[leg.uniqueid]
        self.ended[conversation.direction, _CAUSES.get(cause, "other")] += 1
        data = call.listed(hangup=self._world.now) | {"reason_code": cause}
        self._publish("ended", call, data)
        self._changed(endpoint)
        if not conversation.calls:
            del self._conversations[conversation.id_]
            self._finished(conversation)

    def _of(self, device: str) -> list[Call]:
        """Return the calls of a phone."""
        line = self._endpoints.get(device)
        return [self.legs[uniqueid] for uniqueid in (line.calls if line else ())]

    def _hold(self, call: Call, *, is_held: bool) -> None:
        call.is_held = is_held
        user = call.user_uuid
        data = {"call_id": call.leg.uniqueid, "user_uuid": user or NOBODY}
        name, key = ("call_held", "created") if is_held else ("call_resumed", "deleted")
        self._bus.publish(
            name,
            f"calls.hold.{key}",
            data,
            users=(user,) if user else (),
            acl=f"calls.hold.{user or NOBODY}",
        )
        self._changed(call.endpoint)

    def _publish(self, what: str, call: Call, data: Mapping[str, object] | None = None) -> None:
        key, user = f"calls.call.{what}", call.user_uuid
        users = (user,) if user else ()
        self._bus.publish(f"call_{what}", key, data or call.listed(), users=users, acl=key)
