"""Which services of each server are up?

A service here is a daemon that registers itself (xivo-ctid, xivo-agentd, …).
Sources: `service_registered_event` and `service_deregistered_event` of XiVO
from 15.17, `service_registered` and `service_deregistered` of Wazo from 22.13,
which are off until the administrator turns service discovery on. With an API, consul
lists the services of a XiVO or an old Wazo; and the daemons of a Wazo tell at `/status`
which of their components work.

Each process has a new `service_id`, and a process that crashes does not
deregister. So the latest registration of a service name is valid, deregistrations
of other ids are ignored, and a registration of a new id while another one is
registered means that the service crashed.

After a gap this is not known: the service may have stopped and started meanwhile. So
until its next event, a new id is no crash, and a deregistration of any id counts.

Trouble: a repeated registration or deregistration changes nothing, and neither
does a late one of an earlier instance. The last instance may register again. A
service that registered before the exporter first ran is unknown until it
restarts, or until consul lists it. Consul also lists instances that crashed, and old
versions of it do not tell which instance is the latest; then it is the one that events
told of. A service is forgotten a week after it deregistered.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from operator import attrgetter

from dataflows.events.services import (
    DECODERS,
    ComponentsListed,
    ServiceEvent,
    ServicesListed,
)
from dataflows.knowledge import Drift
from dataflows.listed_series import ListedSeries
from dataflows.listings import Source
from dataflows.merging import Changed, drift
from dataflows.parts import MAX_PARTS, PartedState
from dataflows.service_metrics import COMPONENT_UP, METRICS
from dataflows.service_state import ServiceState
from dataflows.subsystem import Context, Event, Subsystem

NAME = "services"


class ServicesState(PartedState[ServiceEvent]):
    """The services of one origin, and the components of its daemons.

    After amid answered that it is connected to Asterisk:

        xivo_service_component_up{origin_uuid="ca7f…",service_name="amid",component="api"} 1
        xivo_service_component_up{origin_uuid="ca7f…",service_name="amid",component="ami_socket"} 1
    """

    part_name = attrgetter("service_name")
    start_part = ServiceState

    def __init__(self, first: Event, context: Context) -> None:
        super().__init__(first, context)
        self._origin = first.origin_uuid
        self._components = ListedSeries(self.samples, COMPONENT_UP)

    def apply(self, event: ServiceEvent) -> None:
        if self.asked:
            self.note(event)
        super().apply(event)

    def note(self, event: ServiceEvent) -> None:
        if (changed := self.asked.get(Source.CONSUL)) is not None:
            changed.add(event.service_name)

    def merge(
        self, listing: ServicesListed | ComponentsListed, changed: Changed
    ) -> Mapping[Drift, int]:
        if isinstance(listing, ComponentsListed):
            self._components.show(
                {
                    (self._origin, daemon, component): float(is_up)
                    for daemon, components in listing.components.items()
                    for component, is_up in components.items()
                }
            )
            return {}
        return drift(self._follow(listing, changed))

    def _follow(
        self, listing: ServicesListed, changed: Changed
    ) -> Iterator[tuple[str, str | None, str | None]]:
        """Follow what consul lists; yield the services whose instance was another one."""
        is_certain = self.knowledge.is_following(Source.CONSUL)
        for name in {**listing.services, **self._parts}:
            instances = listing.services.get(name, ())
            if name in changed or not (instances or name in self._parts):
                continue
            part = self.part_of(ServiceEvent(self._origin, listing.at, name, ""))
            if part is None:
                continue
            assert isinstance(part, ServiceState)
            before, after = part.follow(instances, listing.at, is_certain=is_certain)
            if before != after:
                yield name, before, after


SUBSYSTEM = Subsystem(
    NAME,
    "Which services of each server are up?",
    METRICS,
    ServicesState,
    DECODERS,
    listings=(ServicesListed, ComponentsListed),
    can_be_complete=True,
    max_shown=MAX_PARTS,
)
