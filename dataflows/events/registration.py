"""What wazo-calld tells of the endpoint of a line or of a trunk, in events and in lists.

The values are absolute. Both are null if wazo-calld does not track the endpoint.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from dataflows.envelope import Reason, Rejected

MAX_CALLS = 100_000
"""Calls of one endpoint, many times as many as one server can carry."""


class Registered(StrEnum):
    """Whether Asterisk can reach an endpoint."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


_REGISTERED: Final = {True: Registered.YES, False: Registered.NO, None: Registered.UNKNOWN}


class Endpoint(msgspec.Struct, gc=False):
    """The endpoint of a line or of a trunk, as JSON.

    Attributes:
        id: Of the line or of the trunk.
        registered: Null if unknown.
        current_call_count: Calls that use it now; null if unknown.
    """

    id: int | str
    registered: bool | None = None
    current_call_count: int | None = None

    @property
    def state(self) -> Registered:
        """Whether Asterisk can reach it."""
        return _REGISTERED[self.registered]

    @property
    def calls(self) -> int | None:
        """The calls that use it now; None if unknown.

        Raises:
            Rejected: BAD_FIELD if the number is negative or too large.
        """
        count = self.current_call_count
        if count is not None and not 0 <= count <= MAX_CALLS:
            raise Rejected(Reason.BAD_FIELD, "current_call_count is out of range")
        return count
