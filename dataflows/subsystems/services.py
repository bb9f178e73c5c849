"""Which services of the server are up?

A service here is a daemon that registers itself (xivo-ctid, xivo-agentd, …).
Sources: `service_registered_event` and `service_deregistered_event` of XiVO
from 15.17, `service_registered` and `service_deregistered` of Wazo from 22.13,
where they are off unless the administrator turns service discovery on.

`service_id` is new at every start of a process, and nothing deregisters after a
crash. So the latest registration of a name wins, the deregistration of any
other id is old news, and a registration that replaces a live id tells of a crash.

Trouble: a repeated registration or deregistration changes nothing, nor does a
late one of a former instance; the last instance may register again. A service
that was registered before the exporter first ran is unknown until it restarts.
A service is forgotten a day after it deregistered.
"""

from __future__ import annotations

from collections import deque

import msgspec

from dataflows.clock import Countdown
from dataflows.envelope import Envelope, Reason, Rejected, code, entity_id, read
from dataflows.labels import label
from dataflows.metric import Kind, MetricSpec
from dataflows.subsystem import Decoder, Event, Options, State, Subsystem

NAME = "services"

FORGET_AFTER_SECONDS = 24 * 3600
"""A service that stays away for a day was uninstalled; until then people want to see it down."""

_FORMER_IDS = 8
"""Instances of a service that are remembered as old news; more never overlap."""

_SERVICE = ("origin_uuid", "service_name")


def _metric(name: str, kind: Kind, text: str) -> MetricSpec:
    return MetricSpec(name, kind, text, _SERVICE, cardinality="one per service")


UP = _metric(
    "xivo_service_up",
    Kind.GAUGE,
    "1 while the latest instance of the service is registered, 0 after it deregistered.",
)
INFO = MetricSpec(
    "xivo_service_info",
    Kind.GAUGE,
    "Always 1: the instance of the service that registered last.",
    (*_SERVICE, "service_id", "address", "port"),
    cardinality="one per service",
)
REGISTRATIONS = _metric(
    "xivo_service_registrations_total",
    Kind.COUNTER,
    "Registrations of new instances of the service.",
)
DEREGISTRATIONS = _metric(
    "xivo_service_deregistrations_total",
    Kind.COUNTER,
    "Deregistrations of the latest instance of the service.",
)
UNCLEAN_RESTARTS = _metric(
    "xivo_service_unclean_restarts_total",
    Kind.COUNTER,
    "Registrations that replaced an instance which never deregistered: it crashed.",
)
REGISTERED_AT = _metric(
    "xivo_service_registered_timestamp_seconds",
    Kind.GAUGE,
    "When the service last registered, in Unix time.",
)
DEREGISTERED_AT = _metric(
    "xivo_service_deregistered_timestamp_seconds",
    Kind.GAUGE,
    "When the service last deregistered, in Unix time.",
)


class ServiceRegistered(Event, frozen=True, gc=False):
    """A service started and registered itself."""

    service_name: str
    service_id: str
    address: str
    port: str


class ServiceDeregistered(Event, frozen=True, gc=False):
    """A service stopped in good order."""

    service_name: str
    service_id: str


class _Registered(msgspec.Struct, gc=False):
    service_name: str
    service_id: str
    address: str
    port: int | str


class _Deregistered(msgspec.Struct, gc=False):
    service_name: str
    service_id: str


_registered = msgspec.json.Decoder(_Registered)
_deregistered = msgspec.json.Decoder(_Deregistered)

_MAX_PORT = 65535


def _name(text: str) -> str:
    if not text:
        raise Rejected(Reason.BAD_FIELD, "service_name is empty")
    return label(text)


def _decode_registered(envelope: Envelope) -> ServiceRegistered:
    data = read(envelope, _registered)
    port = code(data.port, "port")
    if not 0 <= port <= _MAX_PORT:
        raise Rejected(Reason.BAD_FIELD, "port is out of range")
    return ServiceRegistered(
        envelope.origin_uuid,
        envelope.at,
        _name(data.service_name),
        entity_id(data.service_id, "service_id"),
        label(data.address),
        str(port),
    )


def _decode_deregistered(envelope: Envelope) -> ServiceDeregistered:
    data = read(envelope, _deregistered)
    return ServiceDeregistered(
        envelope.origin_uuid,
        envelope.at,
        _name(data.service_name),
        entity_id(data.service_id, "service_id"),
    )


_XIVO = "every XiVO daemon with xivo-lib-python from 15.17 on: bus document"
_WAZO = "wazo daemons from 22.13 on, if turned on: wazo-bus, services/event.py"

DECODERS = (
    Decoder("service_registered_event", "service.registered.#", _decode_registered, _XIVO),
    Decoder("service_deregistered_event", "service.deregistered.#", _decode_deregistered, _XIVO),
    Decoder("service_registered", "service.registered.#", _decode_registered, _WAZO),
    # Wazo publishes it under the routing key of the registration, a slip of theirs.
    Decoder("service_deregistered", "service.registered.#", _decode_deregistered, _WAZO),
)


class ServiceState(State[Event]):
    """One service of one origin.

    After it registered:

        xivo_service_up{origin_uuid="ca7f…",service_name="xivo-ctid"} 1
        xivo_service_registrations_total{origin_uuid="ca7f…",service_name="xivo-ctid"} 1
        xivo_service_deregistrations_total{origin_uuid="ca7f…",service_name="xivo-ctid"} 0
    """

    def __init__(self, first: ServiceRegistered | ServiceDeregistered, options: Options) -> None:
        super().__init__()
        del options
        self._service = (first.origin_uuid, first.service_name)
        self._service_id: str | None = None
        self._former_ids: deque[str] = deque(maxlen=_FORMER_IDS)
        self._info: tuple[str, ...] | None = None
        self._is_gone = False
        self._absence = Countdown(FORGET_AFTER_SECONDS)
        for spec in (UP, REGISTRATIONS, DEREGISTRATIONS, UNCLEAN_RESTARTS):
            self.samples.start(spec, self._service)

    def apply(self, event: Event) -> None:
        match event:
            case ServiceRegistered():
                self._register(event)
            case ServiceDeregistered(service_id=service_id, at=at):
                self._deregister(service_id, at)

    def _register(self, event: ServiceRegistered) -> None:
        is_up = self._service_id is not None and not self._is_gone
        is_repeated = is_up and event.service_id == self._service_id
        if is_repeated or event.service_id in self._former_ids:
            return
        if self._service_id is not None and self._service_id != event.service_id:
            self._former_ids.append(self._service_id)
        samples, service = self.samples, self._service
        if is_up:
            samples.add(UNCLEAN_RESTARTS, service)
        self._service_id = event.service_id
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
        if self._is_gone or self._service_id not in (None, service_id):
            return
        self._service_id = service_id
        self._is_gone = True
        self.samples.set(UP, self._service, 0)
        self.samples.add(DEREGISTRATIONS, self._service)
        self.samples.set(DEREGISTERED_AT, self._service, at)

    def expire(self, now: float) -> float | None:
        if not self._is_gone:
            return None
        if self._absence.is_over(now):
            self.samples.retire_all()
        return self._absence.due


SUBSYSTEM = Subsystem(
    NAME,
    "Which services of the server are up?",
    (
        UP,
        INFO,
        REGISTRATIONS,
        DEREGISTRATIONS,
        UNCLEAN_RESTARTS,
        REGISTERED_AT,
        DEREGISTERED_AT,
    ),
    ServiceState,
    DECODERS,
    part=lambda event: event.service_name,
    per_origin=False,
)
