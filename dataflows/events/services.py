"""Events of services: those of XiVO, and those of Wazo, which differ only in name."""

from __future__ import annotations

import msgspec

from dataflows.envelope import Envelope, Reason, Rejected, code, entity_id, read
from dataflows.labels import label
from dataflows.listings import ALL
from dataflows.subsystem import Decoder, Event


class ServiceEvent(Event, frozen=True, gc=False):
    """Something happened to a service."""

    service_name: str
    service_id: str


class ServiceRegistered(ServiceEvent, frozen=True, gc=False):
    """A service started and registered itself."""

    address: str
    port: str


class CtidRegistered(ServiceRegistered, frozen=True, gc=False):
    """xivo-ctid started.

    From then on it publishes each phone that is not unavailable, and each user that is not
    disconnected. It says nothing about the others.
    """


class ServiceDeregistered(ServiceEvent, frozen=True, gc=False):
    """A service shut down cleanly."""


class CtidDeregistered(ServiceDeregistered, frozen=True, gc=False):
    """xivo-ctid shut down: nothing tells of phones and users until it starts again."""


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
_CTID = "xivo-ctid"


def _name(text: str) -> str:
    if not text:
        raise Rejected(Reason.BAD_FIELD, "service_name is empty")
    return label(text)


def _decode_registered(envelope: Envelope) -> ServiceRegistered:
    data = read(envelope, _registered)
    port = code(data.port, "port")
    if not 0 <= port <= _MAX_PORT:
        raise Rejected(Reason.BAD_FIELD, "port is out of range")
    kind = CtidRegistered if data.service_name == _CTID else ServiceRegistered
    return kind(
        envelope.origin_uuid,
        envelope.at,
        _name(data.service_name),
        entity_id(data.service_id, "service_id"),
        label(data.address),
        str(port),
    )


def _decode_deregistered(envelope: Envelope) -> ServiceDeregistered:
    data = read(envelope, _deregistered)
    kind = CtidDeregistered if data.service_name == _CTID else ServiceDeregistered
    return kind(
        envelope.origin_uuid,
        envelope.at,
        _name(data.service_name),
        entity_id(data.service_id, "service_id"),
    )


_XIVO = "all XiVO daemons that use xivo-lib-python, from 15.17. See the XiVO bus document"
_WAZO = "Wazo daemons from 22.13, off by default. See wazo-bus, services/event.py"
_WAZO_KEY = f"{_WAZO}. Wazo uses the routing key of the registration, by mistake"

REGISTERED = Decoder(
    "service_registered_event", "service.registered.#", _decode_registered, _XIVO, ALL
)
DEREGISTERED = Decoder(
    "service_deregistered_event", "service.deregistered.#", _decode_deregistered, _XIVO
)

DECODERS = (
    REGISTERED,
    DEREGISTERED,
    Decoder("service_registered", "service.registered.#", _decode_registered, _WAZO, ALL),
    Decoder("service_deregistered", "service.registered.#", _decode_deregistered, _WAZO_KEY),
)
