"""The state of a subsystem that counts calls somewhere, from their events."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from dataflows.events.channels import ChannelEnded
from dataflows.events.open_calls import CallEntered, CallLeft
from dataflows.metric import MetricSpec
from dataflows.open_calls import OpenCalls
from dataflows.subsystem import Context, Event, State


class OpenCallsState(State[Event]):
    """The calls of one origin that are there now.

    Attributes:
        gauge: Counts them.
    """

    gauge: ClassVar[MetricSpec]

    def __init__(self, first: Event, context: Context) -> None:
        super().__init__(context)
        self._calls = OpenCalls(self.samples, self.gauge, (first.origin_uuid,), self.entities)

    def apply(self, event: Event) -> None:
        """Apply an event of a call or of a channel."""
        if self.asked:
            self.note(event)
        match event:
            case ChannelEnded(channel=channel, at=at):
                self._calls.hang_up(channel, at)
            case CallEntered(channel=channel, at=at):
                self.refused += not self._calls.enter(channel, at)
            case CallLeft(channel=channel, at=at):
                self._calls.leave(channel, at)

    def note(self, event: Event) -> None:
        """Note what an event changes while an API is asked."""
        if isinstance(event, CallEntered | CallLeft | ChannelEnded):
            # Most channels that end were never there.
            if isinstance(event, ChannelEnded) and event.channel not in self._calls:
                return
            for changed in self.asked.values():
                changed.add(event.channel)

    def restart(self, at: float, started: float) -> None:
        """End what was there before a start of Asterisk."""
        del at
        self._calls.restart(started)

    def recheck(self, now: float) -> None:
        """Have no time in the future: the clock was set back."""
        super().recheck(now)
        self._calls.recheck(now)

    def shift(self, corrected: Callable[[float], float]) -> None:
        """Correct the times that were taken from time stamps."""
        self._calls.shift(corrected)

    def expire(self, now: float) -> float | None:
        """Remove calls whose end was missed."""
        super().expire(now)
        return self._calls.expire(now)
