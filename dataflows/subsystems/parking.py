"""How many calls are parked?

Source: `call_parked`, `call_unparked`, `parked_call_timed_out` and `parked_call_hungup` of
wazo-calld (from 24.05). A call is known by the `Uniqueid` of its channel.

Trouble: duplicates change nothing. Reordered events: the one with the newer time stamp wins. A
missed end: the end of the channel ends it, or a start of Asterisk, or a day. calld says nothing of
a call of which it does not know the tenant, or which takes the place of a parked one. After a
restart without a recovery store, calls that were parked before are unknown, unless calld lists
them.
"""

from __future__ import annotations

from collections.abc import Mapping

from dataflows.events import asterisk, channels
from dataflows.events.channels import ChannelEnded
from dataflows.events.parking import DECODERS, CallParked, CallUnparked, ParkedCallsListed
from dataflows.knowledge import Drift
from dataflows.merging import Changed, drift
from dataflows.metric import Kind, MetricSpec
from dataflows.open_calls_state import OpenCallsState
from dataflows.subsystem import Subsystem

NAME = "parking"

PARKED = MetricSpec(
    "xivo_parked_calls",
    Kind.GAUGE,
    "Calls that are parked now. It falls when somebody takes a call, when a call has waited too "
    "long and rings again, or when the caller hangs up.",
    ("origin_uuid",),
)


class ParkingState(OpenCallsState):
    """The parked calls of one origin.

    xivo_parked_calls{origin_uuid="ca7f…"} 1
    """

    gauge = PARKED

    def merge(self, listing: ParkedCallsListed, changed: Changed) -> Mapping[Drift, int]:
        merged = self._calls.merge(listing.channels, changed, listing.at)
        self.refused += merged.refused
        return drift(merged.differences)


SUBSYSTEM = Subsystem(
    NAME,
    "How many calls are parked?",
    (PARKED,),
    ParkingState,
    DECODERS,
    starters=(CallParked, CallUnparked),
    also=(channels.ENDED, *asterisk.DECODERS),
    needs=(ChannelEnded,),
    listings=(ParkedCallsListed,),
    can_be_complete=True,
)
