"""The events of the daemons of Wazo, with the headers that each of them has."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from exporter.simulation.world import TENANT_UUID, World


class Bus:
    """Publishes on `wazo-headers`."""

    def __init__(self, world: World) -> None:
        self._wire = world.wire

    def publish(
        self,
        name: str,
        routing_key: str,
        data: Mapping[str, object],
        *,
        users: Iterable[str] = (),
        acl: str = "",
        **headers: object,
    ) -> None:
        """Publish an event.

        Args:
            name: Of the event.
            routing_key: Of the message.
            data: Of the event.
            users: UUIDs of the users whom it concerns.
            acl: The required ACL after `events.`; empty if the event has none.
            headers: Further headers.
        """
        own: dict[str, object] = {"tenant_uuid": TENANT_UUID, **headers}
        if acl:
            own["required_acl"] = f"events.{acl}"
        own.update({f"user_uuid:{user}": True for user in users})
        self._wire.publish(name, routing_key, data, own)


def iso(at: float) -> str:
    """Return a time, Unix seconds, as the daemons write it."""
    return datetime.fromtimestamp(int(at), UTC).isoformat()
