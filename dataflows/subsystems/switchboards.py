"""How many calls wait at each switchboard?

Sources: `switchboard_queued_calls_updated` and `switchboard_held_calls_updated` of wazo-calld. Each
has the whole list of the calls, so the last one to arrive is right, and errors do not last. calld
publishes the lists of all switchboards when it starts. The names come from confd, if an API is
configured. Callers are never kept or shown.

Trouble: duplicates change nothing. A missed event: the next one of the same switchboard corrects
the number. For a minute, events of a deleted switchboard change nothing. A missed deletion: the
switchboard ends when confd no longer lists it. After a restart without a recovery store, a
switchboard is unknown until its calls change.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import islice

from dataflows.events import configuration
from dataflows.events.switchboards import (
    DECODERS,
    CallState,
    SwitchboardCallsChanged,
    SwitchboardCallsListed,
    SwitchboardDeleted,
    SwitchboardName,
    SwitchboardsNamed,
)
from dataflows.knowledge import Drift
from dataflows.listed_series import ListedSeries
from dataflows.merging import Changed, drift
from dataflows.metric import Kind, MetricSpec
from dataflows.recent import DELETED_SECONDS, MAX_DELETED, Recent
from dataflows.subsystem import Context, Event, State, Subsystem

NAME = "switchboards"

MAX_SWITCHBOARDS = 2000
"""Of a server alone on its bus; the largest servers have some dozens."""

CALLS = MetricSpec(
    "xivo_switchboard_calls",
    Kind.GAUGE,
    "Calls that wait at the switchboard now: `queued` for an operator, or `held` by one. The "
    "series begin with the first list of calls, and end when the switchboard is deleted.",
    ("origin_uuid", "switchboard", "state"),
    {"state": tuple(CallState)},
    cardinality="2 per switchboard",
)
INFO = MetricSpec(
    "xivo_switchboard_info",
    Kind.GAUGE,
    "Always 1. The labels are the name of the switchboard and the UUID of its tenant. It "
    "exists if an API is configured (`--api-url`).",
    ("origin_uuid", "switchboard", "display_name", "tenant_uuid"),
    cardinality="one per switchboard",
)


class SwitchboardsState(State[Event]):
    """The switchboards of one origin.

    While a caller waits for an operator:

        xivo_switchboard_calls{origin_uuid="ca7f…",switchboard="1f3e…",state="queued"} 1
        xivo_switchboard_calls{origin_uuid="ca7f…",switchboard="1f3e…",state="held"} 0
    """

    def __init__(self, first: Event, context: Context) -> None:
        super().__init__(context)
        self._origin = first.origin_uuid
        # Those with numbers of calls; each has a place of `shown`.
        self._known: dict[str, None] = {}
        self._named: dict[str, SwitchboardName] = {}
        self._names = ListedSeries(self.samples, INFO)
        self._deleted = Recent(DELETED_SECONDS, MAX_DELETED)

    def apply(self, event: Event) -> None:
        if self.asked:
            self.note(event)
        match event:
            case SwitchboardCallsChanged(switchboard=switchboard, at=at):
                if not self._deleted.has(switchboard, at):
                    self._set(switchboard, event.state, event.calls)
            case SwitchboardDeleted(switchboard=switchboard, at=at):
                self._deleted.add(switchboard, at)
                self._remove(switchboard)
                if switchboard in self._named:
                    self._name(
                        each for each in self._named.values() if each.switchboard != switchboard
                    )

    def note(self, event: Event) -> None:
        match event:
            case SwitchboardCallsChanged(switchboard=switchboard):
                for changed in self.asked.values():
                    changed.add(switchboard)
                    changed.add((switchboard, event.state))
            case SwitchboardDeleted(switchboard=switchboard):
                for changed in self.asked.values():
                    changed.add(switchboard)

    def merge(
        self, listing: SwitchboardsNamed | SwitchboardCallsListed, changed: Changed
    ) -> Mapping[Drift, int]:
        if isinstance(listing, SwitchboardsNamed):
            listed = {each.switchboard: each for each in listing.switchboards}
            self._name(
                each
                for each in listed.values()
                if not self._deleted.has(each.switchboard, listing.at)
            )
            return self._remove_unlisted(frozenset(listed), changed)
        return self._follow_calls(listing, changed)

    def _follow_calls(self, listing: SwitchboardCallsListed, changed: Changed) -> Counter[Drift]:
        found: list[tuple[str, object | None, object | None]] = []
        for switchboard, calls in listing.switchboards.items():
            if self._deleted.has(switchboard, listing.at):
                continue
            for state, number in calls.items():
                is_known = switchboard in self._known
                before = self._number(switchboard, state) if is_known else None
                if (switchboard, state) not in changed and before != number:
                    self._set(switchboard, state, number)
                    if switchboard in self._known:
                        found.append((switchboard, before, number))
        removed = self._remove_unlisted(frozenset(listing.switchboards), changed)
        return drift(found) + removed

    def _remove_unlisted(self, listed: frozenset[str], changed: Changed) -> Counter[Drift]:
        known = [each for each in self._known if each not in changed]
        missing = [each for each in known if each not in listed]
        if changed.doubts(len(known), missing):
            return Counter()
        for switchboard in missing:
            self._remove(switchboard)
        return drift((each, each, None) for each in missing)

    def _number(self, switchboard: str, state: CallState) -> float:
        return self.samples.get(CALLS, (self._origin, switchboard, state))

    def _set(self, switchboard: str, state: CallState, calls: int) -> None:
        if switchboard not in self._known:
            if not self.shown.take():
                self.refused += 1
                return
            self._known[switchboard] = None
            self.samples.start(CALLS, (self._origin, switchboard))
        if self._number(switchboard, state) != calls:
            self.samples.set(CALLS, (self._origin, switchboard, state), calls)

    def _remove(self, switchboard: str) -> None:
        if switchboard in self._known:
            self.shown.release()
            self._end(switchboard)

    def _end(self, switchboard: str) -> None:
        del self._known[switchboard]
        for state in CallState:
            self.samples.retire(CALLS, (self._origin, switchboard, state))

    def _name(self, names: Iterable[SwitchboardName]) -> None:
        """Show these names and no others; as many as there can be switchboards."""
        self._named = {each.switchboard: each for each in islice(names, MAX_SWITCHBOARDS)}
        self._names.show(
            {
                (self._origin, each.switchboard, each.display_name, each.tenant_uuid): 1
                for each in self._named.values()
            }
        )

    def restore(self, now: float) -> None:
        super().restore(now)
        for switchboard in [each for each in self._known if not self.shown.take()]:
            # The limit is lower than before: those that were known longest stay.
            self.refused += 1
            self._end(switchboard)

    def recheck(self, now: float) -> None:
        super().recheck(now)
        self._deleted.recheck(now)


SUBSYSTEM = Subsystem(
    NAME,
    "How many calls wait at each switchboard?",
    (CALLS, INFO),
    SwitchboardsState,
    DECODERS,
    starters=(SwitchboardCallsChanged, SwitchboardDeleted),
    also=configuration.SWITCHBOARDS,
    listings=(SwitchboardsNamed, SwitchboardCallsListed),
    can_be_complete=True,
    max_shown=MAX_SWITCHBOARDS,
)
