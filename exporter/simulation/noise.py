"""AMI events that make traffic on the bus but change no metric.

Their proportions are those of a XiVO, where VarSet and Newexten are nearly half of the traffic. A
real dialplan can set several times as many variables.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum, auto

from exporter.simulation.legs import Leg
from exporter.simulation.scheduler import Scheduler
from exporter.simulation.wire import Wire


class Stage(Enum):
    """A stage in the life of a leg of a call."""

    ARRIVE = auto()
    RING = auto()
    ANSWER = auto()
    HOLD = auto()
    RESUME = auto()
    LEAVE = auto()
    """The two sides part; other events tell how each of them ends."""
    END = auto()
    """The same, for a channel that leaves no other."""
    HANG_UP = auto()


_EVENTS = {
    Stage.ARRIVE: {
        "Newchannel": 1,
        "Newstate": 2,
        "NewCallerid": 2,
        "VarSet": 14,
        "Newexten": 11,
        "CEL": 1,
    },
    Stage.RING: {
        "Newchannel": 3,
        "Newstate": 2,
        "NewCallerid": 2,
        "NewConnectedLine": 3,
        "DialBegin": 2,
        "DialState": 1,
        "LocalBridge": 1,
        "VarSet": 9,
        "Newexten": 7,
        "CEL": 2,
    },
    Stage.ANSWER: {
        "Newstate": 2,
        "NewConnectedLine": 3,
        "BridgeCreate": 1,
        "BridgeEnter": 4,
        "VarSet": 5,
        "CEL": 2,
    },
    Stage.HOLD: {"MusicOnHoldStart": 1, "Hold": 1},
    Stage.RESUME: {"MusicOnHoldStop": 1, "Unhold": 1},
    Stage.LEAVE: {"BridgeLeave": 4, "BridgeDestroy": 1, "VarSet": 3, "CEL": 2},
    Stage.END: {"MusicOnHoldStop": 1, "VarSet": 3, "CEL": 2},
    Stage.HANG_UP: {
        "HangupRequest": 1,
        "SoftHangupRequest": 1,
        "BridgeLeave": 2,
        "BridgeDestroy": 1,
        "Hangup": 2,
        "VarSet": 3,
        "CEL": 2,
    },
}

_EXTRAS = {
    "BridgeEnter": {"BridgeType": "basic", "BridgeTechnology": "simple_bridge"},
    "BridgeLeave": {"BridgeType": "basic", "BridgeTechnology": "simple_bridge"},
    "DialState": {"DialStatus": "RINGING"},
    "Hangup": {"Cause": "16", "Cause-txt": "Normal Clearing"},
    "HangupRequest": {"Cause": "16"},
    "SoftHangupRequest": {"Cause": "16"},
    "MusicOnHoldStart": {"Class": "default"},
    "NewCallerid": {"CID-CallingPres": "0 (Presentation Allowed, Not Screened)"},
    "Newexten": {"Extension": "s", "Application": "GotoIf", "AppData": "0?next"},
    "VarSet": {"Variable": "XIVO_DSTID", "Value": "3"},
}


class Noise:
    """Publishes the noise, if it is enabled.

    It uses no random numbers, so a call centre has the same day with and without noise.
    """

    def __init__(self, scheduler: Scheduler, wire: Wire, *, enabled: bool) -> None:
        self._scheduler = scheduler
        self._wire = wire
        self._enabled = enabled

    def event(self, name: str, data: Mapping[str, object]) -> None:
        """Publish one event."""
        if self._enabled:
            self._wire.ami(name, data)

    def stage(self, stage: Stage, leg: Leg) -> None:
        """Publish all events of Asterisk at this stage of a leg."""
        if not self._enabled:
            return
        snapshot = leg.snapshot()
        for name, times in _EVENTS[stage].items():
            data = self._cel(leg) if name == "CEL" else {**snapshot, **_EXTRAS.get(name, {})}
            for _ in range(times):
                self._wire.ami(name, data)

    def _cel(self, leg: Leg) -> dict[str, str]:
        return {
            "EventName": "APP_START",
            "AccountCode": "",
            "CallerIDnum": leg.number,
            "CallerIDname": "",
            "Exten": leg.exten,
            "Context": leg.context,
            "Channel": leg.channel,
            "EventTime": f"{datetime.fromtimestamp(self._scheduler.now, UTC):%Y-%m-%d %H:%M:%S}",
            "UniqueID": leg.uniqueid,
            "LinkedID": leg.linkedid,
        }
