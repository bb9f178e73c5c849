"""What can be planned: calls, and what agents, supervisors and administrators do."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Call:
    """Somebody calls; the fields are those of `sip_caller.caller`."""

    number: str
    exten: str
    plan: str
    then: str = ""
    user: str = "trunk"
    ends: str = "stay"
    after: float = 0


@dataclass(frozen=True)
class Deed:
    """Something else happens.

    Attributes:
        what: `login`, `logout`, `pause`, `unpause`, `penalty`, `redirect`, `hangup`, `restart`,
            `kill`, `reload`, `reconfigure`, `unregister`, `register`.
        agent: Who does it, if it is an agent.
        queue: In which queue; "" for all of his queues.
        value: A reason, a penalty, the number of a call, or static members.
    """

    what: str
    agent: int = 0
    queue: str = ""
    value: str = ""


Step = tuple[float, Call | Deed]
"""Seconds after the beginning, and what happens then."""
