"""Who talks: the open talks of callers and members of queues."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from typing import NamedTuple

from dataflows.waits import REVERSED_SECONDS, SETTLE_SECONDS

_MAX_LAST = 16
"""More talks do not end within some milliseconds."""


Key = tuple[str, str]
"""Name of a queue, and interface of a member."""


def unknown_caller(key: Key) -> str:
    """Return the name that stands for the caller of a talk of which only an API tells."""
    # Names of channels are printable, so they contain no tab.
    return "\t".join(key)


class Talk(NamedTuple):
    """A caller, and when the talk began, Unix seconds."""

    caller: str
    at: float


class _End(NamedTuple):
    key: Key
    caller: str
    at: float


class Talks:
    """The open talks of one server.

    The event of the end may lack the caller. Then it ends the open talk of the member. If the
    member has several, it ends the one whose beginning fits the length in the event.
    """

    __slots__ = ("_early", "_ended", "_members", "_open")

    def __init__(self) -> None:
        self._open: dict[Key, tuple[Talk, ...]] = {}
        self._members: Counter[str] = Counter()
        # Ends without a talk: in a talk of no length, the end may arrive before the begin.
        self._early: deque[_End] = deque(maxlen=_MAX_LAST)
        self._ended: deque[_End] = deque(maxlen=_MAX_LAST)

    def members(self, queue: str) -> int:
        """Return how many members talk to callers of a queue."""
        return self._members[queue]

    def has_ended(self, key: Key, caller: str, at: float) -> bool:
        """Return whether a talk ended at the same moment, and is not open again.

        After an attended transfer, Asterisk may report two ends of one talk.
        """
        return key not in self._open and any(
            end[:2] == (key, caller) and abs(end.at - at) <= REVERSED_SECONDS for end in self._ended
        )

    def keys(self) -> list[Key]:
        """Return the members who talk, with the queue of each."""
        return [*self._open]

    def callers(self, key: Key) -> list[str]:
        """Return to whom a member talks."""
        return [talk.caller for talk in self._open.get(key, ())]

    def begin(self, key: Key, caller: str, at: float) -> bool:
        """Begin a talk; return False if its end has arrived already."""
        for end in self._early:
            if end.key == key and abs(end.at - at) <= REVERSED_SECONDS:
                self._early.remove(end)
                return False
        self._set(key, (*self._open.get(key, ()), Talk(caller, at)))
        return True

    def of(self, key: Key, caller: str) -> list[Talk]:
        """Return the talks of a member with a caller."""
        return [talk for talk in self._open.get(key, ()) if talk.caller == caller]

    def end(self, key: Key, caller: str, at: float, began: float) -> str:
        """End a talk.

        Args:
            key: Queue and interface of the member.
            caller: Empty if it is not known.
            at: When it ended, Unix seconds.
            began: When it began, computed from its length.

        Returns:
            The caller; empty if no such talk is open.
        """
        talks, of_caller = self._open.get(key, ()), self.of(key, caller)
        if caller and not of_caller:
            # The channel of the caller was replaced, or the begin was missed.
            unknown = unknown_caller(key)
            talks = tuple(
                [
                    talk
                    for talk in talks
                    if talk.caller == unknown or abs(talk.at - began) <= SETTLE_SECONDS
                ]
            )
        talk = min(of_caller or talks, key=lambda talk: abs(talk.at - began), default=None)
        if talk is None:
            if at - began < 1:
                self._early.append(_End(key, caller, at))
            return ""
        self._ended.append(_End(key, caller, at))
        self._remove(key, talk)
        return talk.caller

    def drop(self, key: Key, caller: str, until: float) -> int:
        """End the talks of a member with a caller that began until a time; return how many."""
        found = [talk for talk in self.of(key, caller) if talk.at <= until]
        for talk in found:
            self._remove(key, talk)
        return len(found)

    def rename(self, key: Key, old: str, new: str) -> None:
        """Let a caller have another channel."""
        self._open[key] = tuple(
            [
                talk._replace(caller=new) if talk.caller == old else talk
                for talk in self._open.get(key, ())
            ]
        )

    def correct(self, corrected: Callable[[float], float]) -> None:
        """Correct the times of the talks."""
        self._open = {
            key: tuple([talk._replace(at=corrected(talk.at)) for talk in talks])
            for key, talks in self._open.items()
        }

    def _remove(self, key: Key, talk: Talk) -> None:
        talks = list(self._open[key])
        talks.remove(talk)
        self._set(key, tuple(talks))

    def _set(self, key: Key, talks: tuple[Talk, ...]) -> None:
        queue, _ = key
        self._members[queue] += bool(talks) - (key in self._open)
        if talks:
            self._open[key] = talks
        else:
            self._open.pop(key, None)
        if not self._members[queue]:
            del self._members[queue]
