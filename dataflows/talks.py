"""Who talks: the open talks of callers and members of queues."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from typing import NamedTuple

from dataflows.waits import REVERSED_SECONDS, SETTLE_SECONDS

_MAX_LAST = 16
"""More talks do not end within some milliseconds."""


class Talk(NamedTuple):
    """A caller, and when the talk began, Unix seconds."""

    caller: str
    at: float


class _End(NamedTuple):
    queue: str
    interface: str
    caller: str
    at: float


class Talks:
    """The open talks of one server.

    The event of the end may lack the caller. Then it ends the open talk of the member. If the
    member has several, it ends the one whose beginning fits the length in the event.
    """

    __slots__ = ("_early", "_ended", "_members", "_open")

    def __init__(self) -> None:
        self._open: dict[tuple[str, str], tuple[Talk, ...]] = {}
        self._members: Counter[str] = Counter()
        # Ends without a talk: in a talk of no length, the end may arrive before the begin.
        self._early: deque[_End] = deque(maxlen=_MAX_LAST)
        self._ended: deque[_End] = deque(maxlen=_MAX_LAST)

    def members(self, queue: str) -> int:
        """Return how many members talk to callers of a queue."""
        return self._members[queue]

    def has_ended(self, queue: str, interface: str, caller: str, at: float) -> bool:
        """Return whether a talk ended at the same moment, and is not open again.

        After an attended transfer, Asterisk may report two ends of one talk.
        """
        if (queue, interface) in self._open:
            return False
        return any(
            end[:3] == (queue, interface, caller) and abs(end.at - at) <= REVERSED_SECONDS
            for end in self._ended
        )

    def begin(self, queue: str, interface: str, caller: str, at: float) -> bool:
        """Begin a talk; return False if its end has arrived already."""
        for end in self._early:
            if end[:2] == (queue, interface) and abs(end.at - at) <= REVERSED_SECONDS:
                self._early.remove(end)
                return False
        self._set(queue, interface, (*self._open.get((queue, interface), ()), Talk(caller, at)))
        return True

    def end(self, queue: str, interface: str, caller: str, at: float, began: float) -> str:
        """End a talk.

        Args:
            queue: Name of the queue.
            interface: Of the member.
            caller: Empty if it is not known.
            at: When it ended, Unix seconds.
            began: When it began, computed from its length.

        Returns:
            The caller; empty if no such talk is open.
        """
        talks = self._open.get((queue, interface), ())
        of_caller = [talk for talk in talks if talk.caller == caller]
        if caller and not of_caller:
            # The channel of the caller was replaced, or the begin was missed.
            talks = tuple([talk for talk in talks if abs(talk.at - began) <= SETTLE_SECONDS])
        talk = min(of_caller or talks, key=lambda talk: abs(talk.at - began), default=None)
        if talk is None:
            self._early.append(_End(queue, interface, caller, at))
            return ""
        self._ended.append(_End(queue, interface, caller, at))
        self._remove(queue, interface, talk)
        return talk.caller

    def drop(self, caller: str, until: float) -> list[str]:
        """End the talks of a caller that began until a time; return the queue of each."""
        found = [
            (queue, interface, talk)
            for (queue, interface), talks in self._open.items()
            for talk in talks
            if talk.caller == caller and talk.at <= until
        ]
        for queue, interface, talk in found:
            self._remove(queue, interface, talk)
        return [queue for queue, _, _ in found]

    def rename(self, old: str, new: str) -> None:
        """Let a caller have another channel."""
        for key, talks in self._open.items():
            if any(talk.caller == old for talk in talks):
                self._open[key] = tuple(
                    [talk._replace(caller=new) if talk.caller == old else talk for talk in talks]
                )

    def correct(self, corrected: Callable[[float], float]) -> None:
        """Correct the times of the talks."""
        self._open = {
            key: tuple([talk._replace(at=corrected(talk.at)) for talk in talks])
            for key, talks in self._open.items()
        }

    def _remove(self, queue: str, interface: str, talk: Talk) -> None:
        talks = list(self._open[queue, interface])
        talks.remove(talk)
        self._set(queue, interface, tuple(talks))

    def _set(self, queue: str, interface: str, talks: tuple[Talk, ...]) -> None:
        key = (queue, interface)
        self._members[queue] += bool(talks) - (key in self._open)
        if talks:
            self._open[key] = talks
        else:
            self._open.pop(key, None)
        if not self._members[queue]:
            del self._members[queue]
