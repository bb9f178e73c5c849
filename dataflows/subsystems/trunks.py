"""Are the trunks registered, and how many calls do they carry?

Source: `trunk_status_updated` of wazo-calld from 20.01 (`dataflows/events/trunks.py`), which has
absolute values, and its list of all trunks.

Trouble: a repeated event changes nothing, so duplicates do no harm. Reordered events: the last one
to arrive wins, until the next event or list; a loss may count although the trunk was lost before.
wazo-calld may publish the state of a deleted trunk; for a minute, events of a deleted trunk change
nothing. The state is complete when wazo-calld has listed all trunks. Two events can tell of one
loss: that the registration failed, and that the peer cannot be reached. Both change the same flag,
so it counts once.
"""

from __future__ import annotations

from collections.abc import Mapping

from dataflows.events import asterisk, configuration
from dataflows.events.registration import Registered
from dataflows.events.trunks import (
    DECODERS,
    Trunk,
    TrunkDeleted,
    TrunksListed,
    TrunkStatusChanged,
)
from dataflows.knowledge import Drift
from dataflows.listings import Source
from dataflows.merging import Changed, drift, merge
from dataflows.recent import DELETED_SECONDS, MAX_DELETED, Recent
from dataflows.state_counts import Outcome
from dataflows.subsystem import Context, Event, State, Subsystem
from dataflows.trunk_metrics import CALLS, INFO, LOSSES, REGISTERED
from dataflows.trunks import Trunks

NAME = "trunks"

MAX_TRUNKS = 2_000
"""Of a server alone on its bus; large servers have some hundreds. A name may be that of all of
them, and each event looks at all trunks of its name."""


class TrunksState(State[Event]):
    """The trunks of one origin.

    After trunk 1 was lost:

        xivo_trunk_registered{origin_uuid="ca7f…",trunk="voipms"} 0
        xivo_trunk_calls{origin_uuid="ca7f…",trunk="voipms"} 0
        xivo_trunk_registration_losses_total{origin_uuid="ca7f…",trunk="voipms"} 1
    """

    def __init__(self, first: Event, context: Context) -> None:
        super().__init__(context)
        self._trunks = Trunks(self.samples, first.origin_uuid, self.shown)
        self._deleted = Recent(DELETED_SECONDS, MAX_DELETED)

    def apply(self, event: Event) -> None:
        if self.asked:
            self.note(event)
        match event:
            case TrunkStatusChanged(trunk_id=trunk_id, trunk=trunk, at=at):
                if not (self._deleted and self._deleted.has(trunk_id, at)):
                    self._change(trunk_id, trunk)
            case TrunkDeleted(trunk_id=trunk_id, at=at):
                self._deleted.add(trunk_id, at)
                self._trunks.remove(trunk_id)

    def note(self, event: Event) -> None:
        changed = self.asked[Source.CALLD]
        match event:
            case TrunkStatusChanged(trunk_id=trunk_id) | TrunkDeleted(trunk_id=trunk_id):
                changed.add(trunk_id)

    def merge(self, listing: TrunksListed, changed: Changed) -> Mapping[Drift, int]:
        merged = merge(self._trunks, listing.trunks, changed, self._deleted, listing.at)
        self.refused += merged.refused
        self._trunks.name_tenants(listing.tenants)
        return drift(merged.differences)

    def recheck(self, now: float) -> None:
        super().recheck(now)
        self._deleted.recheck(now)

    def restore(self, now: float) -> None:
        super().restore(now)
        self.refused += self._trunks.resume()

    def _change(self, trunk_id: str, trunk: Trunk) -> None:
        before = self._trunks.get(trunk_id)
        self.refused += self._trunks.set_state(trunk_id, trunk) is Outcome.OVER_QUOTA
        if (
            before is not None
            and before.name == trunk.name
            and (before.registered, trunk.registered) == (Registered.YES, Registered.NO)
        ):
            self._trunks.count_loss(trunk.name)


SUBSYSTEM = Subsystem(
    NAME,
    "Are the trunks registered, and how many calls do they carry?",
    (REGISTERED, CALLS, LOSSES, INFO),
    TrunksState,
    DECODERS,
    starters=(TrunkStatusChanged,),
    also=(*asterisk.DECODERS, *configuration.TRUNKS),
    listings=(TrunksListed,),
    can_be_complete=True,
    max_shown=MAX_TRUNKS,
)
