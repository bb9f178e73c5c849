"""Asks consul which services of a XiVO, or of a Wazo before 22.17, are registered.

    {"consul": [], "xivo-agentd": ["6a1f…", "xivo-agentd"]}

    [{"ServiceID": "3f5c…", "ServiceTags": ["6a1f…", "xivo-agentd"], "Address": "10.0.0.5",
      "ServiceAddress": "10.0.0.5", "ServicePort": 9493, …}]

One consul may list the services of several servers. The UUID of a service's server is one of its
tags. An instance that crashed stays registered. Consul is asked without a token.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote

import msgspec

from dataflows.envelope import Reason, Rejected, entity_id
from dataflows.events.services import Instance, ServicesListed, service_name, service_port
from dataflows.labels import label
from dataflows.listings import Listing, Source
from exporter.exposition.snapshot_status import SnapshotOutcome
from exporter.snapshots.bounded_json import bounded, malformed, read
from exporter.snapshots.source import Ask, Request, SnapshotError, SourceModule

CATALOG = "/v1/catalog/services"
SERVICE = "/v1/catalog/service"

MAX_SERVICES = 200
"""Of one server. Each is a request, and real servers have about 15."""


class _Entry(msgspec.Struct, gc=False):
    service_id: str = msgspec.field(name="ServiceID")
    tags: list[str] | None = msgspec.field(name="ServiceTags")
    port: int | str = msgspec.field(name="ServicePort")
    address: str | None = msgspec.field(name="ServiceAddress", default=None)
    # Where the service itself has none.
    node_address: str | None = msgspec.field(name="Address", default=None)
    # Only newer versions send it.
    index: int = msgspec.field(name="CreateIndex", default=0)


_catalog = msgspec.json.Decoder(dict[str, list[str] | None])
_entries = msgspec.json.Decoder(list[_Entry])


def decode_names(body: bytes, origin: str) -> list[str]:
    """Return the names of the services of a server.

    Raises:
        SnapshotError: The answer is not as expected, or has no service of this server.
    """

    def names(body: bytes) -> list[str]:
        catalog = _catalog.decode(body)
        found = [name for name, tags in catalog.items() if _has(tags, origin)]
        if any(name in ("", ".", "..") for name in found):
            raise Rejected(Reason.BAD_FIELD, "it cannot be a part of a path")
        return found

    found = read(Source.CONSUL, body, names)
    if not found:
        # Consul itself leaves out what its access rules do not allow to read.
        problem = f"{Source.CONSUL} lists no service of this server: check --api-services"
        raise SnapshotError(SnapshotOutcome.REFUSED, problem)
    if len(found) > MAX_SERVICES:
        raise malformed(Source.CONSUL, "the answer is too long")
    return found


def decode_instances(body: bytes, origin: str) -> tuple[Instance, ...]:
    """Return the registered instances of a service of a server.

    Raises:
        SnapshotError: The answer is not as expected.
    """

    def instances(body: bytes) -> tuple[Instance, ...]:
        entries = _entries.decode(body)
        bounded(Source.CONSUL, len(entries))
        return tuple([_instance(each) for each in entries if _has(each.tags, origin)])

    return read(Source.CONSUL, body, instances)


def _has(tags: Iterable[str] | None, origin: str) -> bool:
    """Return whether the server's UUID is one of the tags."""
    return any(tag.casefold() == origin.casefold() for tag in tags or ())


def _instance(entry: _Entry) -> Instance:
    return Instance(
        entity_id(entry.service_id, "ServiceID"),
        label(entry.address or entry.node_address or ""),
        service_port(entry.port),
        entry.index,
    )


async def _listings(ask: Ask, request: Request) -> tuple[Listing, ...]:
    services: dict[str, tuple[Instance, ...]] = {}
    for name in decode_names(await ask("GET", CATALOG, right=""), request.origin):
        body = await ask("GET", f"{SERVICE}/{quote(name, safe='')}", right="")
        if instances := decode_instances(body, request.origin):
            services[service_name(name)] = instances
    return (ServicesListed(request.origin, request.clock(), request.number, services),)


MODULE = SourceModule(Source.CONSUL, _listings)
