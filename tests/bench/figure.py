"""A figure of the benchmark: how it is measured, what is wanted of it, and its row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

from tests.bench.round import Round

HEAD = ("figure", "reference", "ours", "ratio", "target", "min to max", "met")


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
    """

    key: str
    name: str
    unit: str
    ours: Callable[[Round], float]
    reference: Callable[[Round], float] | None = None
    target: Target | None = None

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


def table(rows: Sequence[tuple[str, ...]]) -> str:
    """Lay rows out as a table of Markdown."""
    lines = [HEAD, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    ruled = [HEAD, tuple("-" * width for width in widths), *rows]
    return "\n".join(
        f"| {' | '.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))} |"
        for line in ruled
    )


def _short(value: float) -> str:
    """Write a number with three digits that count, or all of its whole part."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
