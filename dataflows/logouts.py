"""Logouts that may be part of a relog: agentd logs an agent out and in again within a second.

An administrator can let agentd do that with all agents, to apply a new configuration.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import inf

from msgspec import Struct

RELOG_SECONDS = 5.0
"""Of a relog, agentd needs up to a second for each agent. By phone, nobody logs in that soon."""

COUNT_SECONDS = 2 * RELOG_SECONDS
"""Time after which a logout counts. It is longer: on a busy machine, the login of a relog may be
processed seconds later than it happened."""


class Logout(Struct):
    """A logout that is not counted yet.

    Attributes:
        at: When the agent logged out, Unix seconds.
        login_at: When they had logged in, Unix seconds; None if that is not known.
        due: When it counts, by the clock; None until the clock was read.
    """

    at: float
    login_at: float | None
    due: float | None = None


class Logouts:
    """The logouts of the last seconds, by agent."""

    __slots__ = ("_logouts",)

    def __init__(self) -> None:
        self._logouts: dict[str, Logout] = {}

    def add(self, agent_id: str, at: float, login_at: float | None) -> None:
        """Note a logout."""
        self._logouts[agent_id] = Logout(at, login_at)

    def take(self, agent_id: str) -> Logout | None:
        """Remove and return the logout of an agent, if there is one."""
        return self._logouts.pop(agent_id, None) if self._logouts else None

    @property
    def due(self) -> float:
        """When to call `passed` again, Unix seconds; infinite for never."""
        dues = [each.due for each in self._logouts.values() if each.due is not None]
        return min(dues, default=inf)

    def passed(self, now: float) -> Iterator[Logout]:
        """Remove and yield the logouts that no login can follow any more.

        The time is counted from the moment of processing: in a backlog, events of the same moment
        arrive together, but long after that moment.
        """
        for agent_id, each in [*self._logouts.items()]:
            if each.due is None or each.due > now + COUNT_SECONDS:
                each.due = now + COUNT_SECONDS
            elif each.due <= now:
                del self._logouts[agent_id]
                yield each

    def hold(self) -> None:
        """Begin to count by the clock again at the next call, because no events arrive now."""
        for each in self._logouts.values():
            each.due = None

    def correct(self, corrected: Callable[[float], float]) -> None:
        """Correct the times of events."""
        for each in self._logouts.values():
            each.at = corrected(each.at)
            each.login_at = None if each.login_at is None else corrected(each.login_at)

    def recheck(self, now: float) -> None:
        """Know no session that began in the future: the clock was set back."""
        for each in self._logouts.values():
            each.at = min(each.at, now)
            if each.login_at is not None and each.login_at > now:
                each.login_at = None
