"""A small model of a phone, from whose calls Asterisk derives its device state.

Which states come directly after each other is not a list: it follows from what a phone does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

UNKNOWN, NOT_IN_USE, IN_USE, BUSY, INVALID, UNAVAILABLE, RINGING, RINGING_IN_USE, ON_HOLD = range(9)
WITHOUT_CALL = (UNKNOWN, NOT_IN_USE, INVALID, UNAVAILABLE)
MOST_CALLS = 2


@dataclass(frozen=True)
class Phone:
    """A phone with at most two calls.

    Attributes:
        without_call: The state that it has without a call; a change during a call shows
            after the call.
        busy_at: The number of its calls, except those that ring, from which it is busy.
        ringing, talking, held: The number of calls.
    """

    without_call: int = NOT_IN_USE
    busy_at: int = MOST_CALLS + 1
    ringing: int = 0
    talking: int = 0
    held: int = 0

    @property
    def state(self) -> int:
        """Return the device state."""
        if self.ringing:
            return RINGING_IN_USE if self.talking or self.held else RINGING
        if self.talking:
            return BUSY if self.talking + self.held >= self.busy_at else IN_USE
        return ON_HOLD if self.held else self.without_call

    def steps(self) -> Iterator[Phone]:
        """Yield the phone after each thing that can happen to it."""
        calls = self.ringing + self.talking + self.held
        if calls < MOST_CALLS:
            yield replace(self, talking=self.talking + 1)  # It calls; no registration is needed.
            if calls or self.without_call in (UNKNOWN, NOT_IN_USE):
                yield replace(self, ringing=self.ringing + 1)
        if self.ringing:
            yield replace(self, ringing=self.ringing - 1)
            yield replace(self, ringing=self.ringing - 1, talking=self.talking + 1)
        if self.talking:
            yield replace(self, talking=self.talking - 1)
            yield replace(self, talking=self.talking - 1, held=self.held + 1)
        if self.held:
            # A call that leaves its bridge first returns from hold.
            yield replace(self, talking=self.talking + 1, held=self.held - 1)
        if self.ringing and self.talking:
            # A transfer takes both calls at once.
            yield replace(self, ringing=self.ringing - 1, talking=self.talking - 1)
        for state in WITHOUT_CALL:
            yield replace(self, without_call=state)


def next_states() -> set[tuple[int, int]]:
    """Return the pairs of states that come directly after each other, of all phones."""
    seen = {Phone(busy_at=count) for count in range(1, MOST_CALLS + 2)}
    found, left = set[tuple[int, int]](), [*seen]
    while left:
        phone = left.pop()
        for after in phone.steps():
            if after.state != phone.state:
                found.add((phone.state, after.state))
            if after not in seen:
                seen.add(after)
                left.append(after)
    return found
