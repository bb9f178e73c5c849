"""The tenants of a server, as wazo-auth lists those that the user sees.

{"items": [{"uuid": "47bf…", "parent_uuid": "47bf…", "name": "master", …},
           {"uuid": "2c34…", "parent_uuid": "47bf…", "name": "ACME", …}], …}
"""

from __future__ import annotations

import re
from contextlib import suppress

import msgspec

from exporter.exposition.snapshot_status import SnapshotOutcome
from exporter.snapshots.source import SnapshotError

PATH = "/0.1/tenants"
RIGHT = "auth.tenants.read"

NONE = ("",)
"""Of a server without tenants, such as XiVO: only the whole, which has no UUID."""

MAX_BYTES = 1024 * 1024
"""Bytes of the list: some thousands of tenants. In memory they are dozens of times larger."""

_NOT_MASTER = "the user is not in the master tenant, so the APIs leave out other tenants"

# A UUID becomes a header of a request.
_UUID = re.compile(r"[0-9A-Za-z-]{1,64}", re.ASCII)


class _Tenant(msgspec.Struct, gc=False):
    uuid: str
    parent_uuid: str | None = None


class _Tenants(msgspec.Struct):
    items: list[_Tenant]


_tenants = msgspec.json.Decoder(_Tenants)


def all_tenants(body: bytes) -> tuple[str, ...]:
    """Return the UUIDs of all tenants of a server, each once.

    Raises:
        SnapshotError: The answer is not as expected, or the master tenant is missing, so that
            others may be missing too.
    """
    if len(body) > MAX_BYTES:
        raise SnapshotError(SnapshotOutcome.MALFORMED, "the list of tenants of auth is too long")
    listed: list[_Tenant] | None = None
    with suppress(msgspec.DecodeError, UnicodeError, RecursionError):
        listed = _tenants.decode(body).items
    if listed is None or not all(_UUID.fullmatch(each.uuid) for each in listed):
        raise SnapshotError(SnapshotOutcome.MALFORMED, "auth sent no valid list of tenants")
    # The master tenant is its own parent.
    if not any(each.uuid == each.parent_uuid for each in listed):
        raise SnapshotError(SnapshotOutcome.REFUSED, _NOT_MASTER)
    return tuple(dict.fromkeys(each.uuid for each in listed))
