"""Which member of a queue is which agent."""

from __future__ import annotations

from functools import lru_cache

from dataflows.envelope import Rejected, number_id

_MANY_INTERFACES = 8192
"""More than the agents of the largest call centres; each takes about 300 bytes."""


@lru_cache(maxsize=_MANY_INTERFACES)
def agent_of(interface: str) -> str | None:
    """Return the id of the agent of a member, by its interface; None if it is no agent.

    XiVO and Wazo add the agent 42 to queues as `Local/id-42@agentcallback`. It is cached, because
    a lookup takes a tenth of the time.
    """
    begin, _, end = interface.partition("@")
    if end != "agentcallback" or not begin.startswith("local/id-"):
        return None
    try:
        return number_id(begin.removeprefix("local/id-"), "interface")
    except Rejected:
        return None
