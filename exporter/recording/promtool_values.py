"""The values of a series in the notation of promtool: `1x4`, `0+2x3`, `_x5`, `stale`."""

from __future__ import annotations

_EXACT = 2.0**53
"""Whole numbers below it are exact."""

_PAIR = 2


class Values:
    """Collects the values of a series, and writes them with few characters.

    `3x4` is 3, five times. `3+2x4` is 3 and four more values, each larger by 2; only whole numbers
    are written so, because promtool adds them up. `_x4` are four samples without a value, and
    `stale` is the first one after the series ended.
    """

    __slots__ = ("_count", "_first", "_next", "_parts", "_step")

    def __init__(self) -> None:
        self._parts: list[str] = []
        # The run that is not written yet: its first value, its step and the number of its values.
        self._first = self._step = 0.0
        self._count = 0
        # The sample that follows the last one.
        self._next = 0

    def add(self, sample: int, value: float) -> None:
        """Add the value at a sample. They are counted from 0, and come in their order."""
        if sample > self._next:
            self._pause(sample - self._next)
        self._next = sample + 1
        if self._count > 1 and value == self._first + self._count * self._step:
            self._count += 1
        elif self._count == _PAIR and self._step:
            # The second of two values that differ may begin a run of its own.
            second = self._first + self._step
            self._count = 1
            self._write()
            self._begin(second)
            self._continue(value)
        else:
            self._continue(value)

    def written(self, samples: int) -> str:
        """Return the values of all samples, of which there are so many."""
        self._write()
        ending = ["stale"] if samples > self._next else []
        return " ".join([*self._parts, *ending])

    def _begin(self, value: float) -> None:
        self._first, self._step, self._count = value, 0.0, 1

    def _continue(self, value: float) -> None:
        """Add a value that may be the second one of a run, or begins one."""
        is_whole = _is_whole(self._first) and _is_whole(value)
        if self._count == 1 and (value == self._first or is_whole):
            self._step, self._count = value - self._first, _PAIR
        else:
            self._write()
            self._begin(value)

    def _pause(self, samples: int) -> None:
        self._write()
        if self._next:
            self._parts.append("stale")
            samples -= 1
        if samples:
            self._parts.append(f"_x{samples}")

    def _write(self) -> None:
        if not self._count:
            return
        text, more = _number(self._first), self._count - 1
        if more and self._step:
            text += f"{'+' if self._step > 0 else '-'}{_number(abs(self._step))}"
        self._parts.append(f"{text}x{more}" if more else text)
        self._count = 0


def _is_whole(value: float) -> bool:
    return value.is_integer() and abs(value) < _EXACT


def _number(value: float) -> str:
    return str(int(value)) if _is_whole(value) else repr(value)
