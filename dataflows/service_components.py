"""Whether the components of each daemon work."""

from __future__ import annotations

from collections.abc import Mapping

from dataflows.metric import LabelValues, Samples
from dataflows.service_metrics import COMPONENT_UP


class ServiceComponents:
    """The series of the components of the daemons of an origin.

    Args:
        samples: Where to show them.
        origin: The server.
    """

    __slots__ = ("_origin", "_samples", "_shown")

    def __init__(self, samples: Samples, origin: str) -> None:
        self._samples = samples
        self._origin = origin
        self._shown: dict[LabelValues, bool] = {}

    def show(self, daemons: Mapping[str, Mapping[str, bool]]) -> None:
        """Show these components and no others.

        Args:
            daemons: By daemon and component: whether it works.
        """
        wanted: dict[LabelValues, bool] = {
            (self._origin, daemon, component): is_up
            for daemon, components in daemons.items()
            for component, is_up in components.items()
        }
        for gone in self._shown.keys() - wanted.keys():
            self._samples.retire(COMPONENT_UP, gone)
        for labels, is_up in wanted.items():
            if self._shown.get(labels) is not is_up:
                self._samples.set(COMPONENT_UP, labels, float(is_up))
        self._shown = wanted
