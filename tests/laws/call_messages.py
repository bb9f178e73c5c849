"""The messages of Asterisk about calls in queues, with the fields of the recordings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any, NamedTuple

MICROSECONDS = 1_000_000

TENANT = "7d2a0000-0000-4000-8000-00000000ac3e"
CAUSES = {"0": "Unknown", "16": "Normal Clearing", "44": "Requested channel not available"}

Data = dict[str, Any]


class Event(NamedTuple):
    """An event: its time in Unix microseconds, its name and its fields."""

    at: int
    name: str
    data: Data


@dataclass(frozen=True)
class Channel:
    """A channel; `linkedid` is the id of the first channel of its call."""

    name: str
    uniqueid: str
    linkedid: str
    context: str

    def snapshot(self, prefix: str = "") -> Data:
        """Return the fields that describe it."""
        fields = {
            "Channel": self.name,
            "ChannelState": "6",
            "ChannelStateDesc": "Up",
            "CallerIDNum": "+32555010001",
            "CallerIDName": "Caller 1",
            "ConnectedLineNum": "<unknown>",
            "ConnectedLineName": "<unknown>",
            "Language": "en",
            "AccountCode": "",
            "Context": self.context,
            "Exten": "s",
            "Priority": "5",
            "Uniqueid": self.uniqueid,
            "Linkedid": self.linkedid,
        }
        variables = {"ChanVariable": "WAZO_CONVERSATION_DIRECTION="} if prefix else {}
        return {f"{prefix}{key}": value for key, value in (fields | variables).items()}


_VARIABLES = {
    "WAZO_TENANT_UUID": TENANT,
    "WAZO_USERUUID": "",
    "WAZO_LINE_ID": "",
    "WAZO_CONVERSATION_DIRECTION": "inbound",
}


def _about(channel: Channel, **fields: str) -> Data:
    return {**channel.snapshot(), **fields, "ChanVariable": dict(_VARIABLES)}


class Channels:
    """Makes channels, with ids that no other channel of the server has."""

    def __init__(self) -> None:
        self._numbers: Iterator[int] = count(1)

    def new(self, at: int, name: str, context: str, of: Channel | None = None) -> Channel:
        """Return a new channel, of the call of another one or of a new call."""
        number = next(self._numbers)
        uniqueid = f"{at // MICROSECONDS}.{number}"
        return Channel(f"{name}-{number:08x}", uniqueid, of.linkedid if of else uniqueid, context)


def arrival(caller: Channel, queue_id: int) -> Data:
    """Return the fields of the UserEvent that the dialplan sends before the queue."""
    return _about(
        caller,
        UserEvent="Queue",
        XIVO_USERID="1",
        XIVO_DSTID=str(queue_id),
        UNIQUEID=caller.uniqueid,
        CHANNEL=caller.name,
    )


def place(caller: Channel, queue: str, position: int, waiting: int) -> Data:
    """Return the fields of QueueCallerJoin and QueueCallerLeave."""
    return _about(caller, Queue=queue, Position=str(position), Count=str(waiting))


def abandon(caller: Channel, queue: str, position: int, original: int, hold: int) -> Data:
    """Return the fields of QueueCallerAbandon."""
    return _about(
        caller,
        Queue=queue,
        Position=str(position),
        OriginalPosition=str(original),
        HoldTime=str(hold),
    )


@dataclass(frozen=True)
class Ringing:
    """A member who is rung for a caller.

    Attributes:
        since: Unix microseconds.
        destination: The channel to the member.
    """

    queue: str
    interface: str
    since: int
    destination: Channel

    def data(self, caller: Channel, **more: str) -> Data:
        """Return the fields of AgentCalled, AgentConnect and AgentRingNoAnswer."""
        return _about(caller, **self.destination.snapshot("Dest"), **self._member(), **more)

    def _member(self) -> dict[str, str]:
        number = self.interface.rpartition("-")[2][0]
        return {
            "Queue": self.queue,
            "Interface": self.interface,
            "MemberName": f"Agent/100{number}" if "id-" in self.interface else self.interface,
        }

    def complete(self, caller: Channel, ids: str, *, hold: int, talk: int, reason: str) -> Data:
        """Return the fields of AgentComplete; `ids` names the channels that it describes."""
        end = {
            **self._member(),
            "HoldTime": str(hold),
            "TalkTime": str(talk),
            "Reason": reason,
        }
        destination = self.destination.snapshot("Dest") if ids in {"both", "member"} else {}
        if ids in {"both", "caller"}:
            return _about(caller, **destination, **end)
        return {**destination, **end}


def request(channel: Channel, cause: str | None = None) -> Data:
    """Return the fields of HangupRequest and SoftHangupRequest; BYE has no cause."""
    return _about(channel, **({} if cause is None else {"Cause": cause}))


def hangup(channel: Channel, cause: str = "16") -> Data:
    """Return the fields of Hangup."""
    return _about(channel, **{"Cause": cause, "Cause-txt": CAUSES[cause]})


_BRIDGE = {
    "BridgeUniqueid": "69688afc-95e1-45ca-a3ca-572f16326ebc",
    "BridgeType": "basic",
    "BridgeTechnology": "native_rtp",
    "BridgeCreator": "<unknown>",
    "BridgeName": "<unknown>",
    "BridgeNumChannels": "2",
    "BridgeVideoSourceMode": "none",
}


def attended_transfer(first: Channel, second: Channel, transferee: Channel) -> Data:
    """Return the fields of AttendedTransfer into a queue, in which the second leg waits."""
    return {
        "Result": "Success",
        **first.snapshot("OrigTransferer"),
        **{f"Orig{key}": value for key, value in _BRIDGE.items()},
        **second.snapshot("SecondTransferer"),
        **transferee.snapshot("Transferee"),
        "IsExternal": "No",
        "DestType": "App",
        "DestApp": "Queue",
    }


def blind_transfer(transferer: Channel, transferee: Channel) -> Data:
    """Return the fields of BlindTransfer."""
    return {
        "Result": "Success",
        **transferer.snapshot("Transferer"),
        **transferee.snapshot("Transferee"),
        **_BRIDGE,
        "IsExternal": "Yes",
        "Context": "after-transfer",
        "Extension": "2000",
    }


def fully_booted(uptime: int) -> Data:
    """Return the fields of FullyBooted."""
    return {"Uptime": str(uptime), "LastReload": str(uptime), "Status": "Fully Booted"}


SHUTDOWN: Data = {"Shutdown": "Cleanly", "Restart": "True"}

_CLASSES = {"UserEvent": "user", "FullyBooted": "system", "Shutdown": "system"}


def event(at: int, name: str, data: Data) -> Event:
    """Return an event, with the fields that each has."""
    is_of_queues = name.startswith(("Queue", "Agent"))
    kind = "agent" if is_of_queues else _CLASSES.get(name, "call")
    return Event(at, name, {"Event": name, "Privilege": f"{kind},all", **data})
