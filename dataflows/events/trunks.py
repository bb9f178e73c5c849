"""Events of trunks: whether they are registered, and their calls."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import msgspec

from dataflows.envelope import Envelope, Reason, Rejected, number_id, read
from dataflows.events.registration import Endpoint, Registered
from dataflows.labels import label
from dataflows.listings import Listing, Source
from dataflows.subsystem import Decoder, Event


class Trunk(NamedTuple):
    """The state of a trunk.

    Attributes:
        name: Of its endpoint in Asterisk, made safe for a label value.
        technology: Such as `sip`, `iax` or `custom`, made safe for a label value.
        registered: Whether Asterisk can reach its peer.
        calls: Calls under way; None if unknown.
    """

    name: str
    technology: str
    registered: Registered
    calls: int | None


class TrunkStatusChanged(Event, frozen=True, gc=False):
    """A trunk registered or got lost, or a call of it began or ended."""

    trunk_id: str
    trunk: Trunk


class TrunkDeleted(Event, frozen=True, gc=False):
    """An administrator deleted a trunk."""

    trunk_id: str


class TrunksListed(Listing, frozen=True, gc=False):
    """All trunks of a server. Source: wazo-calld.

    Attributes:
        trunks: By their id.
        tenants: By the same id: the UUID of the tenant, made safe for a label value.
    """

    source: ClassVar[Source] = Source.CALLD

    trunks: dict[str, Trunk]
    tenants: dict[str, str]

    @property
    def is_empty(self) -> bool:
        """Whether there is no trunk."""
        return not self.trunks


class TrunkEndpoint(Endpoint, kw_only=True, gc=False):
    """The endpoint of a trunk, as JSON."""

    name: str
    technology: str


class _Deleted(msgspec.Struct, gc=False):
    id: int | str


_endpoint = msgspec.json.Decoder(TrunkEndpoint)
_deleted = msgspec.json.Decoder(_Deleted)


def trunk_of(endpoint: TrunkEndpoint) -> tuple[str, Trunk]:
    """Return the id of a trunk, and its state.

    Raises:
        Rejected: BAD_FIELD if the id, the name or the number of calls is not valid.
    """
    if not endpoint.name:
        raise Rejected(Reason.BAD_FIELD, "name is empty")
    trunk = Trunk(label(endpoint.name), label(endpoint.technology), endpoint.state, endpoint.calls)
    return number_id(endpoint.id, "id"), trunk


def _decode(envelope: Envelope) -> TrunkStatusChanged:
    trunk_id, trunk = trunk_of(read(envelope, _endpoint))
    return TrunkStatusChanged(envelope.origin_uuid, envelope.at, trunk_id, trunk)


def _decode_deleted(envelope: Envelope) -> TrunkDeleted:
    trunk_id = number_id(read(envelope, _deleted).id, "id")
    return TrunkDeleted(envelope.origin_uuid, envelope.at, trunk_id)


DECODERS = (
    Decoder(
        "trunk_status_updated",
        "trunks.*.status.updated",
        _decode,
        "wazo-calld from 20.01. See wazo-bus, trunk/event.py; wazo-calld, plugins/endpoints",
    ),
    Decoder(
        "trunk_deleted",
        "config.trunk.deleted",
        _decode_deleted,
        "wazo-confd. See wazo-bus, trunk/event.py",
        (Source.CALLD,),
    ),
)
