"""The shares of steps in a profile: a table of Markdown from the stacks of py-spy."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from typing import TypeVar

T = TypeVar("T")

_CONSUMER = "the consumer's thread"
_OTHER = "other threads"
_REST = "bytewax itself, and the loop"
_STEPS = {
    "exporter/engine/source.py": "delivery buffer to dataflow",
    "exporter/engine/partition.py": "delivery buffer to dataflow",
    "dataflows/decode.py": "decode",
    "dataflows/stage.py": "states",
    "exporter/engine/sink.py": "store",
}
"""What bytewax calls in the main thread, by module."""

_MOST_MODULES = 6
"""Of a step."""

_LEAST_PERCENT = 0.5

_THREAD = re.compile(r"thread \((\d+)\)")
_MODULE = re.compile(r"\(((?:exporter|dataflows)/[\w/]+\.py):\d+\)")
_WAITS = ("BusSource._wait (", "(threading.py:")
"""Parts of innermost functions that wait. py-spy may take a thread that has just begun to wait for
one that holds the lock."""

_NATIVE = {
    "gc_collect_main": "garbage collection",
    "(msgspec/": "msgspec",
    "(_bytewax.": "bytewax",
    "(libc.": "the C library",
}
"""What is in C or Rust, by a part of the innermost function."""


class Samples:
    """Seconds of CPU in each step, and in it in each module.

    How much a thread uses is known from the kernel, and for what from the samples: py-spy sees
    threads that often wait too rarely.

    Attributes:
        steps: By step.
        modules: By step and the module of the innermost function of the project.
        native: By what is in C or Rust, if py-spy looked into these.
    """

    def __init__(self) -> None:
        self.steps: dict[str, float] = defaultdict(float)
        self.modules: dict[tuple[str, str], float] = defaultdict(float)
        self.native: dict[str, float] = defaultdict(float)

    @property
    def total(self) -> float:
        """Seconds in all steps."""
        return sum(self.steps.values())

    def add(self, stacks: str, seconds: Mapping[int, float]) -> None:
        """Add a process.

        Args:
            stacks: What py-spy wrote: a stack and its number of samples on each line.
            seconds: CPU of each thread, by its number.
        """
        samples: dict[int, list[tuple[str, int]]] = defaultdict(list)
        for line in stacks.splitlines():
            stack, _, count = line.rpartition(" ")
            thread = _THREAD.match(stack)
            innermost = stack.rpartition(";")[2]
            if thread and not any(each in innermost for each in _WAITS):
                samples[int(thread[1])].append((stack, int(count)))
        for number, found in samples.items():
            each = seconds.get(number, 0) / sum(count for _, count in found)
            for stack, times in found:
                self._add(stack, times * each)

    def _add(self, stack: str, count: float) -> None:
        innermost = stack.rpartition(";")[2]
        modules: list[str] = _MODULE.findall(stack)
        step = _step(stack.partition(";")[0], modules)
        self.steps[step] += count
        if modules:
            self.modules[step, modules[-1]] += count
        for part, name in _NATIVE.items():
            if part in innermost:
                self.native[name] += count


def _step(thread: str, modules: list[str]) -> str:
    if "consumer-" in thread:
        return _CONSUMER
    if "MainThread" not in thread:
        return _OTHER
    return next((_STEPS[each] for each in modules if each in _STEPS), _REST)


def table(samples: Samples) -> str:
    """Return the table: the largest step first."""
    lines = ["| share | step | of which |", "|---|---|---|"]
    for step, count in _largest(samples.steps):
        parts = [
            f"{percent:.0f} % `{module.rpartition('/')[2]}`"
            for (of, module), number in _largest(samples.modules)
            if of == step and (percent := 100 * number / samples.total) >= _LEAST_PERCENT
        ]
        share = 100 * count / samples.total
        lines.append(f"| {share:.0f} % | {step} | {', '.join(parts[:_MOST_MODULES])} |")
    if samples.native:
        parts = [
            f"{100 * number / samples.total:.0f} % {name}"
            for name, number in _largest(samples.native)
        ]
        lines += ["", f"In C and Rust: {', '.join(parts)}."]
    return "\n".join(lines)


def _largest(seconds: Mapping[T, float]) -> list[tuple[T, float]]:
    return sorted(seconds.items(), key=lambda item: -item[1])
