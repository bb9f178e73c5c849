"""One service of one origin."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from dataflows.clock import Countdown
from dataflows.events.services import (
    Instance,
    ServiceDeregistered,
    ServiceEvent,
    ServiceRegistered,
)
from dataflows.service_metrics import (
    DEREGISTERED_AT,
    DEREGISTRATIONS,
    INFO,
    REGISTERED_AT,
    REGISTRATIONS,
    UNCLEAN_RESTARTS,
    UP,
    UP_LEVELS,
)
from dataflows.subsystem import Context, State
from dataflows.windows import Level

FORGET_AFTER_SECONDS = 7 * 24 * 3600
"""A service that is down for a week was uninstalled; until then it is shown as down."""

_FORMER_IDS = 8
"""Earlier instances of a service whose late events are ignored; more never overlap."""


class ServiceState(State[ServiceEvent]):
    """One service of one origin.

    After it registered:

        xivo_service_up{origin_uuid="ca7f…",service_name="xivo-ctid"} 1
        xivo_service_registrations_total{origin_uuid="ca7f…",service_name="xivo-ctid"} 1
        xivo_service_deregistrations_total{origin_uuid="ca7f…",service_name="xivo-ctid"} 0
    """

    def __init__(self, first: ServiceEvent, context: Context) -> None:
        super().__init__(context)
        self._service = (first.origin_uuid, first.service_name)
        self._service_id: str | None = None
        self._former_ids: deque[str] = deque(maxlen=_FORMER_IDS)
        self._info: tuple[str, ...] | None = None
        self._is_gone = False
        # Whether an event told of this instance, and not only a list.
        self._is_heard = False
        # Whether it may have stopped, or started again, without a known event.
        self._is_uncertain = False
        self._absence = Countdown(FORGET_AFTER_SECONDS)
        for spec in (UP, REGISTRATIONS, DEREGISTRATIONS, UNCLEAN_RESTARTS):
            self.samples.start(spec, self._service)
        self._up = Level(self.samples, UP_LEVELS, self._service, self.windows, at=first.at, value=0)
        self.trackers = (self._up,)

    def apply(self, event: ServiceEvent) -> None:
        """Apply a registration or a deregistration."""
        match event:
            case ServiceRegistered():
                self._register(event)
            case ServiceDeregistered(service_id=service_id, at=at):
                self._deregister(service_id, at)
        self._up.follow(event.at, self.samples.get(UP, self._service))

    def follow(
        self, instances: Iterable[Instance], at: float, *, is_certain: bool
    ) -> tuple[str | None, str | None]:
        """Follow what consul lists. No counter moves.

        Args:
            instances: All that are registered, also those that crashed.
            at: When the answer came, Unix seconds.
            is_certain: Whether nothing was missed since consul was asked.

        Returns:
            The instance that was registered before, and the one that is; None if there is none.
        """
        before = self._registered
        found = [each for each in instances if each.service_id not in self._former_ids]
        latest = max(found, key=self._order, default=None)
        if latest is None:
            if before is not None:
                self._end(at)
        elif latest.service_id != before:
            self._begin(latest.service_id, latest.address, latest.port)
            self._is_heard = False
            self.samples.retire(REGISTERED_AT, self._service)
        for each in found:
            if each is not latest:
                self._former_ids.append(each.service_id)
        if is_certain:
            self._is_uncertain = False
        self._up.follow(at, self.samples.get(UP, self._service))
        return before, self._registered

    @property
    def _registered(self) -> str | None:
        return None if self._is_gone else self._service_id

    def _order(self, instance: Instance) -> tuple[int, bool]:
        """Return what is highest for the instance that registered last.

        Where consul does not tell the order, the one that events told of is the last one, unless
        events were missed.
        """
        is_known = instance.service_id == self._service_id
        return instance.index, is_known is not self._is_uncertain

    def _register(self, event: ServiceRegistered) -> None:
        before = self._registered
        if event.service_id == before:
            self._is_heard = True
            return
        if event.service_id in self._former_ids:
            return
        samples, service = self.samples, self._service
        if before is not None and not self._is_uncertain:
            samples.add(UNCLEAN_RESTARTS, service)
        self._begin(event.service_id, event.address, event.port)
        self._is_heard = True
        self._is_uncertain = False
        samples.add(REGISTRATIONS, service)
        samples.set(REGISTERED_AT, service, event.at)

    def _begin(self, service_id: str, address: str, port: str) -> None:
        """Let another instance be the latest one, or the same one be registered again."""
        samples = self.samples
        # Events of one that only a list told of may still come: it is not former then.
        if self._service_id not in (None, service_id) and self._is_heard:
            self._former_ids.append(self._service_id)
        self._service_id = service_id
        self._is_gone = False
        self._absence.stop()
        if self._info is not None:
            samples.retire(INFO, self._info)
        self._info = (*self._service, service_id, address, port)
        samples.set(INFO, self._info, 1)
        samples.set(UP, self._service, 1)

    def _deregister(self, service_id: str, at: float) -> None:
        is_other = self._service_id not in (None, service_id)
        if self._is_gone or (is_other and not self._is_uncertain):
            return
        if service_id in self._former_ids:
            return
        self._service_id = service_id
        self._is_heard = True
        self._is_uncertain = False
        self._end(at)
        self.samples.add(DEREGISTRATIONS, self._service)

    def _end(self, at: float) -> None:
        self._is_gone = True
        self.samples.set(UP, self._service, 0)
        self.samples.set(DEREGISTERED_AT, self._service, at)

    def miss(self, at: float) -> None:
        """Note that the service may have stopped or started meanwhile."""
        super().miss(at)
        self._is_uncertain = True

    def shift(self, corrected: Callable[[float], float]) -> None:
        """Correct the times of the registration and the deregistration."""
        self.samples.change_times(corrected)

    def may_end(self) -> bool:
        """Return whether it is down, and so may be forgotten."""
        return self._is_gone

    def expire(self, now: float) -> float | None:
        """Close windows, and forget the service if it has been down for a week."""
        due = super().expire(now)
        if self._is_gone:
            if self._absence.is_over(now):
                self.samples.retire_all()
            due = self._absence.earliest(due)
        return due
