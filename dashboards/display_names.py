"""Names for people: of servers instead of their UUIDs, and of queues.

A query has the labels of its metric, such as `origin_uuid`. A join adds the name from an info
series. It changes no value, and loses no series: without an info series, a server has the first
characters of its UUID as its name, and a queue has its own name. So has a server whose name another
server has too, because two exporters have a bus of one name.
"""

from __future__ import annotations

import re
from collections.abc import Set
from dataclasses import dataclass, replace

from dashboards.promql import once
from dataflows import knowledge
from dataflows import queue_call_metrics as calls
from dataflows import queue_metrics as queues
from dataflows.subsystems import bus

SERVER = "server"
QUEUE_NAME = "display_name"

_SORTED = re.compile(r"(sort|sort_desc)\((.*)\)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class _Names:
    """Where the names of a kind of thing come from.

    Attributes:
        keys: Labels that identify a thing.
        label: Label with its name.
        info: Query with one or more names of each thing that has an info series.
        known: Query that has all these things.
        source: Label of `known` of which the name is made without an info series.
        part: Regular expression of the part of it that is the name.
    """

    keys: tuple[str, ...]
    label: str
    info: str
    known: str
    source: str
    part: str

    def query(self) -> str:
        """Return a query with exactly one series, of the value 1, for each thing.

        Two replicas can have different names for a server while its bus is renamed. A join with
        both would fail, so `topk` picks one.
        """
        on = ", ".join(self.keys)
        made = f'"{self.label}", "$1", "{self.source}", "{self.part}"'
        instead = f"label_replace({self.known}, {made})"
        each = f"topk by ({on}) (1, {self.info} or on ({on}) {instead})"
        return f"group by ({on}, {self.label}) ({each})"

    def join(self, expr: str) -> str:
        """Add the names to the results of a query."""
        if found := _SORTED.fullmatch(expr):
            return f"{found[1]}({self.join(found[2])})"
        on = ", ".join(self.keys)
        return f"({expr}) * on ({on}) group_left ({self.label}) {self.query()}"


_SHARED = f"count by (server) (group by (origin_uuid, server) ({once(bus.ORIGIN_INFO)})) > 1"
"""Names of several servers."""

_SERVERS = _Names(
    ("origin_uuid",),
    SERVER,
    f"({once(bus.ORIGIN_INFO)} unless on (server) {_SHARED})",
    # In a cluster, the info series can be of a process that is down. Each process has this.
    once(knowledge.KNOWN),
    "origin_uuid",
    "(.{1,8}).*",
)
_QUEUES = _Names(
    ("origin_uuid", "queue"),
    QUEUE_NAME,
    once(queues.INFO),
    f"({once(queues.AVAILABLE)} or on (origin_uuid, queue) {once(calls.WAITING)})",
    "queue",
    "(.*)",
)


def named(expr: str, labels: Set[str]) -> str:
    """Add names for people to the results of a query.

    Args:
        expr: The query. Its results have the labels that identify a server or a queue.
        labels: The wanted labels. Others than `server` and `display_name` change nothing.
    """
    for kind in (_SERVERS, _QUEUES):
        if kind.label in labels:
            expr = kind.join(expr)
    return expr


def servers() -> str:
    """Return a query with one series for each server, with its UUID and its name."""
    return _without("origin_uuid", _SERVERS.query())


def queue_names() -> str:
    """Return a query with one series for each queue name of the selected servers.

    An API also lists groups that nobody calls. They are left out.
    """
    info = f"({_QUEUES.info} and on (origin_uuid, queue) {_QUEUES.known})"
    return _without("queue", replace(_QUEUES, keys=("queue",), info=info).query())


def _without(variable: str, query: str) -> str:
    """Remove the matchers of a variable: its own query cannot use it."""
    without = re.sub(rf',?{variable}=~"\${variable}"', "", query)
    return without.replace("{}", "")
