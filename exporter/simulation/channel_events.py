"""Events of channels that tell how calls end: hang-ups, ends of dialling, and transfers.

They are no noise: without them nobody can tell a caller who hung up from one whose time was over.
"""

from exporter.simulation.legs import Leg
from exporter.simulation.world import World, draw_uuid

NORMAL = 16
UNKNOWN = 0
VANISHED = 1
ANSWERED_ELSEWHERE = 26
NO_MEDIA = 44
UNALLOCATED = 1
BUSY = 17
NO_ANSWER = 19
REJECTED = 21
OUT_OF_ORDER = 27
CONGESTION = 34

_CAUSES = {
    UNKNOWN: "Unknown",
    UNALLOCATED: "Unallocated (unassigned) number",
    NORMAL: "Normal Clearing",
    BUSY: "User busy",
    NO_ANSWER: "User alerting, no answer",
    REJECTED: "Call Rejected",
    ANSWERED_ELSEWHERE: "Answered elsewhere",
    OUT_OF_ORDER: "Destination out of order",
    CONGESTION: "Circuit/channel congestion",
    NO_MEDIA: "Requested channel not available",
}

_ASTERISK_WITH_VIDEO_SOURCE = 16


def request_hangup(world: World, leg: Leg) -> None:
    """Publish that the other side of a channel hung up. A SIP phone names no cause."""
    world.wire.ami("HangupRequest", leg.snapshot())


def request_soft_hangup(world: World, leg: Leg, cause: int = NORMAL) -> None:
    """Publish that Asterisk wants a channel to end."""
    world.wire.ami("SoftHangupRequest", {**leg.snapshot(), "Cause": str(cause)})


def hang_up(world: World, leg: Leg, cause: int = NORMAL, *, state: str = "Up") -> None:
    """Publish the end of a channel."""
    world.legs.end(leg, cause)
    fields = {"Cause": str(cause), "Cause-txt": _CAUSES[cause]}
    world.wire.ami("Hangup", {**leg.snapshot(state=state), **fields})


def end_dial(world: World, caller: Leg, leg: Leg, status: str) -> None:
    """Publish how an attempt to reach a phone ended."""
    both = caller.snapshot() | leg.snapshot(prefix="Dest")
    world.wire.ami("DialEnd", {**both, "DialStatus": status})


def transfer_blind(world: World, agent: Leg, caller: Leg, extension: str) -> None:
    """Publish that an agent sent a caller to an extension."""
    world.wire.ami(
        "BlindTransfer",
        {
            "Result": "Success",
            **agent.snapshot(prefix="Transferer"),
            **caller.snapshot(prefix="Transferee"),
            **_bridge(world, ""),
            "IsExternal": "Yes",
            "Context": "default",
            "Extension": extension,
        },
    )


def transfer_into_queue(world: World, agent: Leg, waiting: Leg, caller: Leg) -> None:
    """Publish that an agent who waited in a queue gave the place to a caller.

    Args:
        world: The world of the call centre.
        agent: The agent's channel to the caller.
        waiting: The agent's channel in the queue.
        caller: The caller's channel.
    """
    world.wire.ami(
        "AttendedTransfer",
        {
            "Result": "Success",
            **agent.snapshot(prefix="OrigTransferer"),
            **_bridge(world, "Orig"),
            **waiting.snapshot(prefix="SecondTransferer"),
            **caller.snapshot(prefix="Transferee"),
            "IsExternal": "No",
            "DestType": "App",
            "DestApp": "Queue",
        },
    )


def _bridge(world: World, prefix: str) -> dict[str, str]:
    fields = {
        f"{prefix}BridgeUniqueid": draw_uuid(world.rng),
        f"{prefix}BridgeType": "basic",
        f"{prefix}BridgeTechnology": "simple_bridge",
        f"{prefix}BridgeCreator": "<unknown>",
        f"{prefix}BridgeName": "<unknown>",
        f"{prefix}BridgeNumChannels": "2",
    }
    if world.wire.era.asterisk >= _ASTERISK_WITH_VIDEO_SOURCE:
        fields[f"{prefix}BridgeVideoSourceMode"] = "none"
    return fields
