"""The rights that the exporter's user needs at the APIs, and for what.

`docs/apis.md` says how to give them; a test compares both.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from dataflows.events.agents import AgentsListed
from dataflows.events.calls import CallsListed
from dataflows.events.lines import LinesListed
from dataflows.events.parking import ParkedCallsListed
from dataflows.events.queue_calls import CallersListed
from dataflows.events.queue_members import AgentMembersListed, MembersListed
from dataflows.events.queue_names import QueuesNamed
from dataflows.events.services import ComponentsListed
from dataflows.events.switchboards import SwitchboardCallsListed, SwitchboardsNamed
from dataflows.events.trunks import TrunksListed
from dataflows.events.users import PresencesListed
from dataflows.listings import Listing
from exporter.settings.api_url import AUTH
from exporter.snapshots import (
    agentd,
    amid,
    calld_calls,
    calld_endpoints,
    calld_parking,
    calld_switchboards,
    chatd,
    confd,
    confd_switchboards,
    status,
    tenants,
)


class Right(NamedTuple):
    """A right.

    Attributes:
        name: As wazo-auth names it.
        daemon: That asks for it.
        lists: That need it.
    """

    name: str
    daemon: str
    lists: tuple[type[Listing], ...]

    @property
    def check(self) -> str:
        """The name of the check that tries it."""
        return f"right {self.name}"

    @property
    def advice(self) -> str:
        """What to do without it."""
        return f"add {self.name} to the policy of the user; docs/apis.md shows how"


TENANTS = Right(tenants.RIGHT, AUTH, ())
"""Needed for all lists: without it, the daemons list only a part, and do not say so."""

RIGHTS = (
    TENANTS,
    Right(amid.RIGHT, "amid", (MembersListed, AgentMembersListed, CallersListed)),
    Right(agentd.RIGHT, "agentd", (AgentsListed,)),
    Right(chatd.RIGHT, "chatd", (PresencesListed,)),
    Right(calld_endpoints.LINES_RIGHT, "calld", (LinesListed,)),
    Right(calld_endpoints.TRUNKS_RIGHT, "calld", (TrunksListed,)),
    Right(calld_calls.RIGHT, "calld", (CallsListed,)),
    Right(calld_parking.RIGHT, "calld", (ParkedCallsListed,)),
    *(
        Right(right, "calld", (SwitchboardCallsListed,))
        for right in calld_switchboards.RIGHTS.values()
    ),
    *(Right(right, "confd", (QueuesNamed,)) for right in confd.RIGHTS.values()),
    Right(confd_switchboards.RIGHT, "confd", (SwitchboardsNamed, SwitchboardCallsListed)),
    *(Right(status.right(daemon), daemon, (ComponentsListed,)) for daemon in status.PATHS),
)
"""All rights, in the order of `docs/apis.md`."""


def needed(daemons: Collection[str], lists: Collection[type[Listing]]) -> tuple[Right, ...]:
    """Return the rights that are needed besides `TENANTS`.

    Args:
        daemons: That are asked.
        lists: That are asked for.
    """
    return tuple(
        right
        for right in RIGHTS
        if right.daemon in daemons and not {*right.lists}.isdisjoint(lists)
    )
