"""Which services of each server are up?

A service here is a daemon that registers itself (xivo-ctid, xivo-agentd, …).
Sources: `service_registered_event` and `service_deregistered_event` of XiVO
from 15.17, `service_registered` and `service_deregistered` of Wazo from 22.13,
which are off until the administrator turns service discovery on.

Each process has a new `service_id`, and a process that crashes does not
deregister. So the latest registration of a service name is valid, deregistrations
of other ids are ignored, and a registration of a new id while another one is
registered means that the service crashed.

After a gap this is not known: the service may have stopped and started meanwhile. So
until its next event, a new id is no crash, and a deregistration of any id counts.

Trouble: a repeated registration or deregistration changes nothing, and neither
does a late one of an earlier instance. The last instance may register again. A
service that registered before the exporter first ran is unknown until it
restarts. A service is forgotten a week after it deregistered.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from operator import attrgetter

from dataflows.clock import Countdown
from dataflows.events.services import (
    DECODERS,
    ServiceDeregistered,
    ServiceEvent,
    ServiceRegistered,
)
from dataflows.levels import HelpTexts, levels
from dataflows.metric import Kind, MetricSpec
from dataflows.parts import MAX_PARTS, PartedState
from dataflows.subsystem import Context, State, Subsystem
from dataflows.windows import Level

NAME = "services"

FORGET_AFTER_SECONDS = 7 * 24 * 3600
"""A service that is down for a week was uninstalled; until then it is shown as down."""

_FORMER_IDS = 8
"""Earlier instances of a service whose late events are ignored; more never overlap."""

_SERVICE = ("origin_uuid", "service_name")


def _metric(name: str, kind: Kind, text: str) -> MetricSpec:
    return MetricSpec(name, kind, text, _SERVICE, cardinality="one per service")


UP = _metric(
    "xivo_service_up",
    Kind.GAUGE,
    "1 while the latest instance of the service is registered, 0 after it deregistered. It stays "
    "1 after a crash, because a service that crashes does not deregister.",
)
INFO = MetricSpec(
    "xivo_service_info",
    Kind.GAUGE,
    "Always 1. The labels describe the instance of the service that registered last.",
    (*_SERVICE, "service_id", "address", "port"),
    cardinality="one per service",
)
REGISTRATIONS = _metric(
    "xivo_service_registrations_total",
    Kind.COUNTER,
    "Registrations of instances of the service. A repeated registration does not count.",
)
DEREGISTRATIONS = _metric(
    "xivo_service_deregistrations_total",
    Kind.COUNTER,
    "Deregistrations of the latest instance of the service. Those of earlier instances and "
    "repeated ones do not count.",
)
UNCLEAN_RESTARTS = _metric(
    "xivo_service_unclean_restarts_total",
    Kind.COUNTER,
    "Registrations of a new instance while the previous one was still registered. The previous "
    "one crashed, because it did not deregister. The first registration after a gap does not "
    "count, because events may have been missed.",
)
REGISTERED_AT = _metric(
    "xivo_service_registered_timestamp_seconds",
    Kind.GAUGE,
    "Unix time of the last registration of the service.",
)
DEREGISTERED_AT = _metric(
    "xivo_service_deregistered_timestamp_seconds",
    Kind.GAUGE,
    "Unix time of the last deregistration of the service.",
)

UP_LEVELS = levels(
    "xivo_service_up_min",
    "xivo_service_up_max",
    "xivo_service_up_avg",
    HelpTexts(
        "0 if the service was down at any moment of the last closed window, else 1.",
        "1 if the service was up at any moment of the last closed window, or so far in the window "
        "`today`, else 0.",
        "Availability: the fraction of the last closed window in which the service was up, "
        "from 0 to 1.",
    ),
    _SERVICE,
    per="service",
    gauge="`xivo_service_up`",
)


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
        # Whether it may have stopped, or started again, without a known event.
        self._is_uncertain = False
        self._absence = Countdown(FORGET_AFTER_SECONDS)
        for spec in (UP, REGISTRATIONS, DEREGISTRATIONS, UNCLEAN_RESTARTS):
            self.samples.start(spec, self._service)
        self._up = Level(self.samples, UP_LEVELS, self._service, self.windows, at=first.at, value=0)
        self.trackers = (self._up,)

    def apply(self, event: ServiceEvent) -> None:
        match event:
            case ServiceRegistered():
                self._register(event)
            case ServiceDeregistered(service_id=service_id, at=at):
                self._deregister(service_id, at)
        self._up.follow(event.at, self.samples.get(UP, self._service))

    def _register(self, event: ServiceRegistered) -> None:
        is_up = self._service_id is not None and not self._is_gone
        is_repeated = is_up and event.service_id == self._service_id
        if is_repeated or event.service_id in self._former_ids:
            return
        if self._service_id is not None and self._service_id != event.service_id:
            self._former_ids.append(self._service_id)
        samples, service = self.samples, self._service
        if is_up and not self._is_uncertain:
            samples.add(UNCLEAN_RESTARTS, service)
        self._service_id = event.service_id
        self._is_uncertain = False
        self._is_gone = False
        self._absence.stop()
        if self._info is not None:
            samples.retire(INFO, self._info)
        self._info = (*service, event.service_id, event.address, event.port)
        samples.set(INFO, self._info, 1)
        samples.set(UP, service, 1)
        samples.add(REGISTRATIONS, service)
        samples.set(REGISTERED_AT, service, event.at)

    def _deregister(self, service_id: str, at: float) -> None:
        is_other = self._service_id not in (None, service_id)
        if self._is_gone or (is_other and not self._is_uncertain):
            return
        if service_id in self._former_ids:
            return
        self._service_id = service_id
        self._is_uncertain = False
        self._is_gone = True
        self.samples.set(UP, self._service, 0)
        self.samples.add(DEREGISTRATIONS, self._service)
        self.samples.set(DEREGISTERED_AT, self._service, at)

    def miss(self, at: float) -> None:
        super().miss(at)
        self._is_uncertain = True

    def shift(self, corrected: Callable[[float], float]) -> None:
        self.samples.change_times(corrected)

    def may_end(self) -> bool:
        return self._is_gone

    def expire(self, now: float) -> float | None:
        due = super().expire(now)
        if self._is_gone:
            if self._absence.is_over(now):
                self.samples.retire_all()
            due = self._absence.earliest(due)
        return due


class ServicesState(PartedState[ServiceEvent]):
    """The services of one origin."""

    part_name = attrgetter("service_name")
    start_part = ServiceState


SUBSYSTEM = Subsystem(
    NAME,
    "Which services of each server are up?",
    (
        UP,
        INFO,
        REGISTRATIONS,
        DEREGISTRATIONS,
        UNCLEAN_RESTARTS,
        REGISTERED_AT,
        DEREGISTERED_AT,
        *UP_LEVELS,
    ),
    ServicesState,
    DECODERS,
    can_be_complete=True,
    max_shown=MAX_PARTS,
)
