"""The call logs of a Wazo, which wazo-call-logd writes some seconds after a conversation."""

from collections import Counter, defaultdict

from exporter.simulation.scheduler import Process
from exporter.simulation.wazo.bus import Bus, iso
from exporter.simulation.wazo.conversations import Conversation
from exporter.simulation.world import TENANT_UUID, World

_DELAY = (1.0, 4.0)


class CallLogs:
    """The daemon wazo-call-logd.

    Attributes:
        written: Number of call logs by direction, status, and type of the destination.
        durations: Seconds of the conversations that were answered, by direction.
    """

    def __init__(self, world: World, bus: Bus) -> None:
        self.written: Counter[tuple[str, str, str]] = Counter()
        self.durations: defaultdict[str, list[int]] = defaultdict(list)
        self._world = world
        self._bus = bus

    def finish(self, conversation: Conversation) -> None:
        """Write the call log of a conversation soon."""
        log = self._write(conversation, end=self._world.now)
        self._world.scheduler.start(log, after=self._world.rng.uniform(*_DELAY))

    def _write(self, conversation: Conversation, *, end: float) -> Process:
        answer = conversation.answered
        duration = None if answer is None else int(end) - int(answer)
        status = conversation.status or ("unknown" if answer is None else "answered")
        kind = conversation.destination
        self.written[conversation.direction, status, kind] += 1
        if duration is not None:
            self.durations[conversation.direction].append(duration)
        data = self._private(conversation) | {
            "id": self.written.total(),
            "tenant_uuid": TENANT_UUID,
            "start": iso(conversation.began),
            "end": iso(end),
            "answered": answer is not None,
            "answer": None if answer is None else iso(answer),
            "duration": duration,
            "call_direction": conversation.direction,
            "call_status": status,
            "conversation_id": conversation.id_,
            "destination_details": {"type": kind},
            "tags": [],
            "recordings": [],
        }
        self._bus.publish("call_log_created", "call_log.created", data, acl="call_log.created")
        for user in conversation.users:
            key = f"call_log.user.{user}.created"
            self._bus.publish("call_log_user_created", key, data, users=(user,), acl=key)
        yield from ()

    @staticmethod
    def _private(conversation: Conversation) -> dict[str, object]:
        """Return who talked, which no exporter needs."""
        parts = ("name", "internal_context", "extension", "internal_extension", "user_uuid")
        nobody: dict[str, object] = dict.fromkeys(
            f"{side}_{part}"
            for side in ("source", "requested", "destination")
            for part in (*parts, *({"source": ("internal_name", "line_id")}.get(side, ())))
        )
        return nobody | {
            "destination_line_id": None,
            "requested_context": "from-extern",
            "source_extension": conversation.number,
        }
