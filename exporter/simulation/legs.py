"""Channels: the legs of a call, as Asterisk describes them in its events."""

from collections.abc import Mapping
from dataclasses import dataclass

_NOBODY = "<unknown>"
_STATES = {"Down": "0", "Ring": "4", "Ringing": "5", "Up": "6"}


@dataclass(frozen=True, slots=True)
class Leg:
    """One channel of a call.

    Attributes:
        channel: Its name, such as `SIP/trunk-00000012`.
        uniqueid: Its id: Unix time of its start, dot, number.
        linkedid: Id of the first channel of the call.
        number: Caller's number.
        context: Its context in the dialplan.
        exten: Its extension in that context.
        variables: Its variables that Asterisk adds to events; None where it adds none.
    """

    channel: str
    uniqueid: str
    linkedid: str
    number: str
    context: str
    exten: str
    variables: Mapping[str, str] | None = None

    def snapshot(self, *, state: str = "Up", prefix: str = "") -> dict[str, object]:
        """Return the channel's fields in the events of Asterisk 12 and later.

        Only the variables of the first channel of an event become a dictionary in amid. Of the
        others it keeps the last one, as text.

        Args:
            state: Name of the channel's state.
            prefix: `Dest` for the second channel of an event.
        """
        fields: dict[str, object] = {
            f"{prefix}Channel": self.channel,
            f"{prefix}ChannelState": _STATES[state],
            f"{prefix}ChannelStateDesc": state,
            f"{prefix}CallerIDNum": self.number,
            f"{prefix}CallerIDName": _NOBODY,
            f"{prefix}ConnectedLineNum": _NOBODY,
            f"{prefix}ConnectedLineName": _NOBODY,
            f"{prefix}Language": "fr_FR",
            f"{prefix}AccountCode": "",
            f"{prefix}Context": self.context,
            f"{prefix}Exten": self.exten,
            f"{prefix}Priority": "1",
            f"{prefix}Uniqueid": self.uniqueid,
            f"{prefix}Linkedid": self.linkedid,
        }
        if self.variables is not None:
            fields[f"{prefix}ChanVariable"] = self._last_variable if prefix else self.variables
        return fields

    @property
    def device(self) -> str:
        """Name of its device, such as `SIP/trunk`."""
        return self.channel.rpartition("-")[0]

    @property
    def _last_variable(self) -> str:
        *_, (name, value) = (self.variables or {}).items()
        return f"{name}={value}"


class LegNews:
    """Is told what happens to the legs of calls. On a XiVO no daemon publishes it."""

    def begin(self, leg: Leg) -> None:
        """Handle the begin of a leg, which rings or dials."""

    def answer(self, leg: Leg) -> None:
        """Handle the answer of a leg."""

    def hold(self, device: str) -> None:
        """Handle that the phone with this interface put its call on hold."""

    def resume(self, device: str) -> None:
        """Handle that the phone with this interface resumed its call."""

    def consult(self, device: str, number: str) -> None:
        """Handle that the phone with this interface and number calls somebody in between."""

    def end_consultation(self, device: str) -> None:
        """Handle the end of this call."""

    def end(self, leg: Leg, cause: int) -> None:
        """Handle the end of a leg, unless it ended before; the cause is that of Q.850."""
