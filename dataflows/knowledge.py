"""Is the state of a subsystem complete? What the exporter says about its own knowledge.

The exporter learns of an agent, a phone or a queue member when an event tells of it.
So after a start, the state of a server is partial, and it stays so until it is complete:
when all APIs of the server that it needs have listed what there is, or by other evidence.
It is not known any more when events may have been missed: after a gap, a stall of the
dataflow, a start or a reload of Asterisk.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from dataflows.metric import Kind, LabelValues, MetricSpec, Samples


class Drift(StrEnum):
    """How an entity in an answer of an API differs from what events told."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


_LABELS = ("origin_uuid", "subsystem")
_PER_STATE = "one per origin and subsystem"

KNOWN = MetricSpec(
    "xivo_state_known",
    Kind.GAUGE,
    "1 while the state of the subsystem is complete: the exporter knows all of it, has missed "
    "nothing since, and reads the bus. 0 otherwise: the numbers may be too low or old.",
    _LABELS,
    cardinality=_PER_STATE,
)
KNOWN_SINCE = MetricSpec(
    "xivo_state_known_since_timestamp_seconds",
    Kind.GAUGE,
    "Unix time since which the state of the subsystem is complete; 0 while it is not.",
    _LABELS,
    cardinality=_PER_STATE,
)
LAST_EVENT_AT = MetricSpec(
    "xivo_state_last_event_timestamp_seconds",
    Kind.GAUGE,
    "Unix time at which the newest event of the subsystem arrived.",
    _LABELS,
    cardinality=_PER_STATE,
)
DRIFT = MetricSpec(
    "xivo_state_drift_total",
    Kind.COUNTER,
    "Agents, queue members, callers and so on that were wrong in a state that counted as complete: "
    "an answer of the server's APIs differed from what events had told. The difference is "
    "repaired. Absent before the first answer.",
    (*_LABELS, "kind"),
    {"kind": tuple(Drift)},
    cardinality="3 per origin and subsystem, with an API",
)

METRICS = (KNOWN, KNOWN_SINCE, LAST_EVENT_AT, DRIFT)
"""The metrics that the states of several subsystems have."""


class Knowledge:
    """What one state knows. It shows nothing before `begin`.

    Args:
        samples: Of the state.
    """

    __slots__ = (
        "_asked",
        "_can_be_complete",
        "_has_drift",
        "_is_learning",
        "_is_updated",
        "_labels",
        "_listed",
        "_needed",
        "_samples",
        "_since",
    )

    def __init__(self, samples: Samples) -> None:
        self._samples = samples
        self._labels: LabelValues = ()
        self._can_be_complete = False
        self._needed: frozenset[str] = frozenset()
        # The APIs that were asked, with nothing missed since then, and those that answered.
        self._asked: set[str] = set()
        self._listed: set[str] = set()
        # Whether an API has ever answered.
        self._has_drift = False
        # Whether something is under way that makes the state complete.
        self._is_learning = False
        # Unix seconds; None while the state is not complete.
        self._since: float | None = None
        # Whether events of the server arrive, because its bus is read.
        self._is_updated = True

    @property
    def is_updated(self) -> bool:
        """Whether events of the server arrive, because its bus is read."""
        return self._is_updated

    def begin(
        self,
        origin: str,
        subsystem: str,
        *,
        can_be_complete: bool,
        needed: frozenset[str] = frozenset(),
    ) -> None:
        """Show what is known of a subsystem of an origin.

        Args:
            origin: The server.
            subsystem: Name of the subsystem.
            can_be_complete: Whether the subsystem keeps a state, and not only counters.
            needed: The APIs whose lists make the state complete.
        """
        self._labels = (origin, subsystem)
        self._can_be_complete = can_be_complete
        self._needed = needed
        self._show()

    def hear(self, arrived: float) -> None:
        """Note that an event arrived that the state uses, Unix seconds."""
        self._samples.set(LAST_EVENT_AT, self._labels, arrived)

    def learn(self, *, is_certain: bool) -> None:
        """Note that the server begins to tell the whole state.

        Args:
            is_certain: Whether it is certain what it tells now, and what it told before.
        """
        self._is_learning = is_certain
        self._since = None
        self._show()

    def complete(self, at: float) -> None:
        """Note that it has told the whole state, at a time in Unix seconds.

        The state is complete from then on, unless `end` was called since `learn`.
        """
        if self._is_learning:
            self._is_learning = False
            self._since = at
            self._show()

    def ask(self, source: str) -> None:
        """Note that an API is asked."""
        self._asked.add(source)

    def is_following(self, source: str) -> bool:
        """Return whether nothing was missed since an API was asked, so that its answer is true."""
        return source in self._asked

    def forget_requests(self) -> None:
        """Note that no answer comes to earlier requests, because the process is a new one."""
        self._asked.clear()

    def list(self, source: str, at: float, drift: Mapping[Drift, int]) -> None:
        """Note that an API answered, and that the state follows the answer.

        If something was missed since the request, the answer may be old.

        Args:
            source: The API.
            at: When, Unix seconds.
            drift: How many entities were different.
        """
        was_complete = self._since is not None and self._is_updated
        if not self._has_drift:
            self._has_drift = True
            self._samples.start(DRIFT, self._labels)
        for kind, count in drift.items():
            if was_complete and count:
                self._samples.add(DRIFT, (*self._labels, kind), count)
        if source in self._asked:
            self._asked.remove(source)
            self._listed.add(source)
        if self._since is None and self._needed and self._needed <= self._listed:
            self._since = at
            self._show()

    def doubt(self, source: str) -> None:
        """Note that the answer of an API lacks what events told."""
        self._listed.discard(source)
        self._since = None
        self._show()

    def end(self) -> None:
        """Note that the state may not be complete: something may have been missed."""
        self._asked.clear()
        self._listed.clear()
        self._is_learning = False
        self._since = None
        self._show()

    def stop_updates(self) -> None:
        """Note that no events arrive, because the bus is not read."""
        self._is_updated = False
        self._show()

    def continue_updates(self) -> None:
        """Note that events arrive again, also all events since the stop."""
        self._is_updated = True
        self._show()

    def recheck(self, now: float) -> None:
        """Let the state not be complete since a time in the future: the clock was set back."""
        if self._since is not None:
            self._since = min(self._since, now)

    def _show(self) -> None:
        if not self._can_be_complete:
            return
        since = self._since if self._is_updated else None
        self._samples.set(KNOWN, self._labels, float(since is not None))
        self._samples.set(KNOWN_SINCE, self._labels, 0.0 if since is None else since)
