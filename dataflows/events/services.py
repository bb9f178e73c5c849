"""Events of services: those of XiVO, and those of Wazo, which differ only in name.

Also what consul and the daemons themselves tell of services.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import msgspec

from dataflows.envelope import Envelope, Reason, Rejected, code, entity_id, read
from dataflows.labels import label
from dataflows.listings import ALL, Listing, Source
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


class Instance(msgspec.Struct, frozen=True, gc=False):
    """A process of a service that has registered and not deregistered. It may have crashed.

    Attributes:
        service_id: New for each process.
        address: Where it listens.
        port: The same.
        index: The higher, the later it registered; 0 if consul is too old to tell.
    """

    service_id: str
    address: str
    port: str
    index: int = 0


class ServicesListed(Listing, frozen=True, gc=False):
    """All registered services of a server by name, each with its instances. Source: consul."""

    source: ClassVar[Source] = Source.CONSUL

    services: Mapping[str, tuple[Instance, ...]]


class ComponentsListed(Listing, frozen=True, gc=False):
    """Whether the components of each daemon work: by daemon and component.

    Daemons of which nothing is known are left out. The component `api` is the daemon itself.
    """

    source: ClassVar[Source] = Source.STATUS
    is_needed: ClassVar[bool] = False

    components: Mapping[str, Mapping[str, bool]]


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


def service_name(text: str) -> str:
    """Return the name of a service, safe for a label value.

    Raises:
        Rejected: It is empty.
    """
    if not text:
        raise Rejected(Reason.BAD_FIELD, "service_name is empty")
    return label(text)


def service_port(value: int | str) -> str:
    """Return a port of TCP as text.

    Raises:
        Rejected: It is none.
    """
    port = code(value, "port")
    if not 0 <= port <= _MAX_PORT:
        raise Rejected(Reason.BAD_FIELD, "port is out of range")
    return str(port)


def _decode_registered(envelope: Envelope) -> ServiceRegistered:
    data = read(envelope, _registered)
    port = service_port(data.port)
    kind = CtidRegistered if data.service_name == _CTID else ServiceRegistered
    return kind(
        envelope.origin_uuid,
        envelope.at,
        service_name(data.service_name),
        entity_id(data.service_id, "service_id"),
        label(data.address),
        port,
    )


def _decode_deregistered(envelope: Envelope) -> ServiceDeregistered:
    data = read(envelope, _deregistered)
    kind = CtidDeregistered if data.service_name == _CTID else ServiceDeregistered
    return kind(
        envelope.origin_uuid,
        envelope.at,
        service_name(data.service_name),
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
