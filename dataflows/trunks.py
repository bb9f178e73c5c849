"""The trunks of a server, and their series.

A series stands for all trunks of its name. Asterisk's names are unique only within a technology;
and while an administrator renames trunks, events can show two of them under one name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from dataflows.events.registration import Registered
from dataflows.events.trunks import Trunk
from dataflows.listed_series import ListedSeries
from dataflows.metric import LabelValues, MetricSpec, Samples
from dataflows.quota import Allocation
from dataflows.state_counts import Outcome
from dataflows.trunk_metrics import CALLS, INFO, LOSSES, REGISTERED


class Trunks:
    """The trunks of an origin, and the series of each name.

    Args:
        samples: Gets the series.
        origin: Their first label value.
        allocation: A place for each trunk.
    """

    __slots__ = ("_allocation", "_infos", "_names", "_origin", "_samples", "_tenants", "_trunks")

    def __init__(self, samples: Samples, origin: str, allocation: Allocation) -> None:
        self._samples = samples
        self._origin = origin
        self._allocation = allocation
        self._trunks: dict[str, Trunk] = {}
        self._tenants: dict[str, str] = {}
        # By name: the ids of its trunks, in order, and the info series that are shown.
        self._names: dict[str, dict[str, None]] = {}
        self._infos: dict[str, ListedSeries] = {}

    def __iter__(self) -> Iterator[tuple[str, Trunk]]:
        return iter(self._trunks.items())

    def get(self, trunk_id: str) -> Trunk | None:
        """Return the state of a trunk, or None if it is unknown."""
        return self._trunks.get(trunk_id)

    def set_state(self, trunk_id: str, trunk: Trunk) -> Outcome:
        """Set the state of a trunk; a new trunk needs a place."""
        before = self._trunks.get(trunk_id)
        if before == trunk:
            return Outcome.UNCHANGED
        if before is None:
            if not self._allocation.take():
                return Outcome.OVER_QUOTA
        elif before.name != trunk.name:
            self._leave(before.name, trunk_id)
        self._trunks[trunk_id] = trunk
        if trunk.name not in self._names:
            self._names[trunk.name] = {}
            self._samples.start(LOSSES, (self._origin, trunk.name))
        self._names[trunk.name][trunk_id] = None
        self._show(trunk.name)
        if before is None or before.name != trunk.name or before.technology != trunk.technology:
            self._show_infos(trunk.name)
        return Outcome.CHANGED

    def remove(self, trunk_id: str) -> bool:
        """Remove a trunk; return whether it was known."""
        trunk = self._trunks.pop(trunk_id, None)
        if trunk is None:
            return False
        self._allocation.release()
        self._tenants.pop(trunk_id, None)
        self._leave(trunk.name, trunk_id)
        return True

    def count_loss(self, name: str) -> None:
        """Count that a trunk of a name is no longer registered."""
        self._samples.add(LOSSES, (self._origin, name))

    def name_tenants(self, tenants: Mapping[str, str]) -> None:
        """Show the tenants of trunks, by their ids; unknown ids are ignored."""
        for trunk_id, tenant in tenants.items():
            trunk = self._trunks.get(trunk_id)
            if trunk is not None and self._tenants.get(trunk_id) != tenant:
                self._tenants[trunk_id] = tenant
                self._show_infos(trunk.name)

    def resume(self) -> int:
        """Take the places of all trunks again after a resume.

        Returns:
            How many trunks were removed, because there are fewer places than before. Those that
            were known longest stay.
        """
        removed = [trunk_id for trunk_id in self._trunks if not self._allocation.take()]
        for trunk_id in removed:
            trunk = self._trunks.pop(trunk_id)
            self._tenants.pop(trunk_id, None)
            self._leave(trunk.name, trunk_id)
        return len(removed)

    def _leave(self, name: str, trunk_id: str) -> None:
        del self._names[name][trunk_id]
        self._show(name)
        self._show_infos(name)
        if not self._names[name]:
            del self._names[name], self._infos[name]
            self._samples.retire(LOSSES, (self._origin, name))

    def _show(self, name: str) -> None:
        """Show whether the trunks of a name are registered, and their calls."""
        labels = (self._origin, name)
        trunks = [self._trunks[trunk_id] for trunk_id in self._names[name]]
        states = {trunk.registered for trunk in trunks} - {Registered.UNKNOWN}
        calls = [trunk.calls for trunk in trunks if trunk.calls is not None]
        self._set(REGISTERED, labels, float(Registered.NO not in states) if states else None)
        self._set(CALLS, labels, sum(calls) if calls else None)

    def _set(self, spec: MetricSpec, labels: LabelValues, value: float | None) -> None:
        if value is None:
            self._samples.retire(spec, labels)
        else:
            self._samples.set(spec, labels, value)

    def _show_infos(self, name: str) -> None:
        """Show the technologies and tenants of the trunks of a name."""
        if name not in self._infos:
            self._infos[name] = ListedSeries(self._samples, INFO)
        self._infos[name].show(
            {
                (self._origin, name, self._trunks[trunk_id].technology, self._tenants[trunk_id]): 1
                for trunk_id in self._names[name]
                if trunk_id in self._tenants
            }
        )
