"""A figure of the benchmark: how it is measured, what is wanted of it, and its row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

from tests.bench.round import Round

_HEAD = ("figure", "reference", "ours", "ratio", "target", "min to max", "met")
_WIDTHS = (86, 13, 16, 6, 15, 26, 3)
"""Of the columns, for rows are printed before all cells are known."""


class Target(NamedTuple):
    """A bound of the ratio to the reference, or of our own value.

    Attributes:
        sign: `≤` or `≥`.
        limit: The bound.
        is_ratio: Whether it bounds the ratio.
    """

    sign: str
    limit: float
    is_ratio: bool = True

    def is_met(self, value: float) -> bool:
        """Tell whether a value is within the bound."""
        return value <= self.limit if self.sign == "≤" else value >= self.limit


@dataclass(frozen=True)
class Figure:
    """What one row of the table shows.

    Attributes:
        key: By which it is chosen on the command line.
        name: What it is, with its reference.
        unit: Of both values.
        ours: Measures it, in one run.
        reference: Measures what it is compared with, in the same run, before.
        target: What is wanted.
        repeats: Whether it repeats its measurement by itself; then the first run is enough.
    """

    key: str
    name: str
    unit: str
    ours: Callable[[Round], float]
    reference: Callable[[Round], float] | None = None
    target: Target | None = None
    repeats: bool = False

    def measure(self, run: Round) -> Measured:
        """Measure both in one run."""
        reference = self.reference and self.reference(run)
        return Measured(reference, self.ours(run))

    def row(self, runs: Sequence[Measured]) -> tuple[str, ...]:
        """Give the medians of all runs, and their spread, as the cells of a row."""
        ours = [each.ours for each in runs]
        ratios = [each.ours / each.reference for each in runs if each.reference]
        references = [each.reference for each in runs if each.reference]
        target = self.target
        judged = ratios if target is None or target.is_ratio else ours
        judged = judged or ours
        unit = "" if judged is ratios else f" {self.unit}"
        return (
            self.name,
            f"{_short(median(references))} {self.unit}" if references else "",
            f"{_short(median(ours))} {self.unit}",
            _short(median(ratios)) if ratios else "",
            f"{target.sign} {_short(target.limit)}{unit}" if target else "",
            f"{_short(min(judged))} to {_short(max(judged))}{unit}",
            ("yes" if target.is_met(median(judged)) else "no") if target else "",
        )


class Measured(NamedTuple):
    """Values of one run."""

    reference: float | None
    ours: float

    def describe(self, unit: str) -> str:
        """Say both, and their ratio."""
        if not self.reference:
            return f"{_short(self.ours)} {unit}"
        ratio = _short(self.ours / self.reference)
        return f"{_short(self.ours)} {unit}, {ratio} of {_short(self.reference)} {unit}"


def head() -> str:
    """Return the head of the table, in Markdown."""
    return f"{line(_HEAD)}\n{line(['-' * width for width in _WIDTHS])}"


def line(cells: Sequence[str]) -> str:
    """Return a row of the table, in Markdown."""
    padded = (cell.ljust(width) for cell, width in zip(cells, _WIDTHS, strict=True))
    return f"| {' | '.join(padded)} |"


def _short(value: float) -> str:
    """Write a number with three digits that count, or all of its whole part."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
