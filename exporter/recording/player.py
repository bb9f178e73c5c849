"""Plays messages through the dataflow by a virtual clock, without bytewax.

Bytewax's timers go by the wall clock. Here the clock is the time of arrival that a recording
contains: the same steps are called as bytewax calls them, so a day passes in seconds, and the same
messages always give the same series.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import tzinfo
from heapq import heappop, heappush

from dataflows.decode import Decode
from dataflows.envelope import Delivery, Rejected
from dataflows.fan_out import Keyed, Values
from dataflows.items import Item
from dataflows.logouts import COUNT_SECONDS
from dataflows.options import Options
from dataflows.origins import Origins
from dataflows.outputs import Output
from dataflows.stage import Logic, Stage
from dataflows.subsystem import Subsystem
from dataflows.subsystems import SUBSYSTEMS, metrics_of
from exporter.engine.sink import StoreSink
from exporter.exposition.store import SeriesStore
from exporter.recording.format import Message
from exporter.recording.stamps import zone_seen

PUNCTUAL_SECONDS = 86_400.0
"""Time without a message in which states are called when they are due. After that they are called
once, at the end: a file may contain a silence of years."""

SETTLE_SECONDS = COUNT_SECONDS
"""How long the clock goes on after the last message, so that states settle what waits for later
events."""


class Player:
    """The steps decode, state and store, called at the times of a virtual clock.

    Each message of a recording is a batch of its own. The clock never goes back: if the time of a
    message is earlier than that of the one before, it arrives when that did. A subclass may
    override `_on_rejected`, `_on_shared`, `_on_offset` and `_on_output`.

    Args:
        options: Settings of the states; the zone is replaced.
        now: Where the clock begins, Unix seconds.
        zone: Time zone of time stamps without a UTC offset; None for that of this machine, and then
            offsets are detected.
        subsystems: Those that are kept.

    Attributes:
        now: The time, Unix seconds.
        store: The series.
        origins: The origins of each bus.
    """

    punctual_seconds = PUNCTUAL_SECONDS

    def __init__(
        self,
        options: Options,
        now: float = 0.0,
        zone: tzinfo | None = None,
        *,
        subsystems: Iterable[Subsystem] = SUBSYSTEMS,
    ) -> None:
        subsystems = tuple(subsystems)
        self.now = now
        self.store = SeriesStore(metrics_of(subsystems), lambda: self.now)
        self.origins = Origins(self._on_shared)
        self._zone = zone
        options = replace(options, zone_of=lambda _: self._zone)
        self._stage = Stage(subsystems, options, lambda: self.now)
        self._logics: dict[str, Logic] = {}
        self._sink = StoreSink(self.store, subsystems).build("store", 0, 1)
        self._decode = Decode(
            subsystems, lambda _: self._zone, self._on_rejected, self.origins, self._on_offset
        )
        self._due: dict[str, float] = {}
        # It also contains outdated times, which `advance` skips.
        self._alarms: list[tuple[float, str]] = []

    @property
    def due(self) -> dict[str, float]:
        """When each key is due; bytewax keeps these times also when the clock is set back."""
        return dict(self._due)

    def play(self, messages: Iterable[Message], bus: str) -> None:
        """Let the messages of a recording arrive on a bus, and then the time pass to settle.

        Without a zone, that of the first time stamp is used: unlike this machine's, it is the same
        wherever the recording is played.

        Raises:
            RecordingError: Of the messages, if they are read while they are played.
        """
        has_begun = False
        for message in messages:
            has_begun = True
            if self._zone is None:
                self._zone = zone_seen(message)
            self.advance(message.time)
            self.take([message.delivery(bus, self.now)])
        if has_begun:
            self.advance(self.now + SETTLE_SECONDS)

    def take(self, batch: Sequence[Item]) -> list[Keyed]:
        """Process a batch of items that arrive now; return its events."""
        decoded = self._decode(batch)
        by_key: dict[str, list[Values]] = {}
        for key, values in decoded:
            by_key.setdefault(key, []).append(values)
        # Bytewax calls a logic once for all items of its key.
        for key, batches in by_key.items():
            logic = self._logics.get(key) or self._stage(None)
            self._logics[key] = logic
            self._put_out(key, logic, *logic.on_batch(batches))
        return decoded

    def advance(self, until: float) -> None:
        """Let the time pass, Unix seconds, and call each state when it is due."""
        punctual = self.now + self.punctual_seconds
        while self._alarms and self._alarms[0][0] <= until:
            due, key = heappop(self._alarms)
            if self._due.get(key) != due:
                continue
            del self._due[key]
            self.now = max(self.now, due if due <= punctual else until)
            logic = self._logics[key]
            self._put_out(key, logic, *logic.on_notify())
        self.now = max(self.now, until)

    def _put_out(self, key: str, logic: Logic, outputs: Iterable[Output], is_over: bool) -> None:
        for output in outputs:
            self._sink.write_batch([(key, output)])
            self._on_output(output)
        at = logic.notify_at()
        if is_over is logic.DISCARD:
            del self._logics[key]
        if is_over is logic.DISCARD or at is None:
            self._due.pop(key, None)
        elif self._due.get(key) != at.timestamp():
            self._due[key] = at.timestamp()
            heappush(self._alarms, (self._due[key], key))

    def _on_rejected(self, _delivery: Delivery, _rejected: Rejected) -> None:
        """Note a rejection."""

    def _on_shared(self, _origin: str, _bus: str, _first_bus: str) -> None:
        """Note that an origin is on a second bus."""

    def _on_offset(self, _bus: str, _origin: str, _seconds: float) -> None:
        """Note that the time stamps of an origin are in another zone."""

    def _on_output(self, _output: Output) -> None:
        """Note an output of a state, which the store has by now."""
