"""The AMI events that fill a bus and move no metric.

Their numbers follow the proportions of a XiVO, where VarSet and Newexten make nearly
half of the traffic.  A real dialplan may set several times as many variables.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum, auto

from exporter.simulation.agenda import Agenda
from exporter.simulation.legs import Leg
from exporter.simulation.wire import Wire


class Stage(Enum):
    """What happens to the leg of a call."""

    ARRIVE = auto()
    RING = auto()
    ANSWER = auto()
    HOLD = auto()
    RESUME = auto()
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
        "NewConnectedLine": 2,
        "DialBegin": 2,
        "VarSet": 9,
        "Newexten": 7,
        "CEL": 2,
    },
    Stage.ANSWER: {
        "Newstate": 2,
        "NewConnectedLine": 2,
        "DialEnd": 2,
        "BridgeEnter": 4,
        "VarSet": 5,
        "CEL": 2,
    },
    Stage.HOLD: {"MusicOnHoldStart": 1, "Hold": 1},
    Stage.RESUME: {"MusicOnHoldStop": 1, "Unhold": 1},
    Stage.HANG_UP: {
        "HangupRequest": 1,
        "BridgeLeave": 2,
        "Hangup": 2,
        "VarSet": 3,
        "CEL": 2,
    },
}

_EXTRAS = {
    "BridgeEnter": {"BridgeType": "basic", "BridgeTechnology": "simple_bridge"},
    "BridgeLeave": {"BridgeType": "basic", "BridgeTechnology": "simple_bridge"},
    "DialEnd": {"DialStatus": "ANSWER"},
    "Hangup": {"Cause": "16", "Cause-txt": "Normal Clearing"},
    "HangupRequest": {"Cause": "16"},
    "MusicOnHoldStart": {"Class": "default"},
    "NewCallerid": {"CID-CallingPres": "0 (Presentation Allowed, Not Screened)"},
    "Newexten": {"Extension": "s", "Application": "GotoIf", "AppData": "0?next"},
    "VarSet": {"Variable": "XIVO_DSTID", "Value": "3"},
}


class Noise:
    """Publishes the noise, or keeps quiet.

    It draws no chance, so that a centre lives the same day with noise and without.
    """

    def __init__(self, agenda: Agenda, wire: Wire, *, audible: bool) -> None:
        self._agenda = agenda
        self._wire = wire
        self._audible = audible

    def event(self, name: str, data: Mapping[str, object]) -> None:
        """Publish one event."""
        if self._audible:
            self._wire.ami(name, data)

    def stage(self, stage: Stage, leg: Leg) -> None:
        """Publish all that Asterisk has to say when this happens to a leg."""
        if not self._audible:
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
            "EventTime": f"{datetime.fromtimestamp(self._agenda.now, UTC):%Y-%m-%d %H:%M:%S}",
            "UniqueID": leg.uniqueid,
            "LinkedID": leg.linkedid,
        }
