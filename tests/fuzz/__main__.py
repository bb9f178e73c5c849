"""`make fuzz`: ten million hostile messages and a hundred thousand hostile answers of APIs."""

from __future__ import annotations

import argparse
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import reduce
from operator import add

from tests.fuzz.answers import AnswerFigures, AnswerRun, outcomes
from tests.fuzz.caps import Caps
from tests.fuzz.runner import BATCH, Figures, Run

_MIB = 1024 * 1024
CHECKS = 10
"""How often everything is checked; the first check is after a tenth of the messages."""


def main() -> None:
    """Run the fuzzers; show progress on stderr and print the results."""
    parser = argparse.ArgumentParser("make fuzz", description=__doc__)
    parser.add_argument("--messages", type=int, default=10_000_000, help="(default: %(default)s)")
    parser.add_argument("--answers", type=int, default=100_000, help="(default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the first process (default: 1)")
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, help="processes (default: one per core)"
    )
    given = parser.parse_args()
    seeds = range(given.seed, given.seed + given.jobs)
    with ProcessPoolExecutor(given.jobs) as pool:
        if given.messages:
            share = -(-given.messages // given.jobs)
            print(summary(reduce(add, pool.map(_messages, seeds, [share] * given.jobs))))
        if given.answers:
            share = -(-given.answers // given.jobs)
            answers = reduce(add, pool.map(_answers, seeds, [share] * given.jobs))
            print(summary_of_answers(answers))


def _messages(seed: int, count: int) -> Figures:
    run = Run(seed, Caps())
    batches = -(-count // BATCH)
    for figures in run.batches(batches, min(CHECKS, batches)):
        print(f"seed {seed}: {figures.messages:,} messages", file=sys.stderr)
    return run.figures


def _answers(seed: int, count: int) -> AnswerFigures:
    with AnswerRun(seed) as run:
        return run.run(count)


def summary(figures: Figures) -> str:
    """Return the figures in one line."""
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in figures.rejected.most_common())
    return (
        f"{figures.messages:,} messages, {figures.messages / figures.seconds:,.0f} in a second of "
        f"CPU time, rejected: {reasons}; {_memory(figures.resident)}"
    )


def summary_of_answers(figures: AnswerFigures) -> str:
    """Return the figures in one line."""
    sources = ", ".join(f"{name} {count:,}" for name, count in figures.by_source.most_common())
    return (
        f"{figures.answers:,} answers ({sources}), {figures.answers / figures.seconds:,.0f}/s, "
        f"accepted: {figures.accepted:,}, refused: {', '.join(outcomes(figures))}; good answers "
        f"accepted in between: {figures.good:,}; {_memory(figures.resident)}"
    )


def _memory(resident: list[int]) -> str:
    first, last = resident[0] // _MIB, resident[-1] // _MIB
    return f"resident in the largest process: {first} MiB at a tenth, {last} MiB at the end"


if __name__ == "__main__":
    main()
