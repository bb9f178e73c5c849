"""`make fuzz`: process ten million hostile messages, and print a summary line."""

from __future__ import annotations

import argparse
import sys

from tests.fuzz.caps import Caps
from tests.fuzz.runner import BATCH, Figures, Run

_MIB = 1024 * 1024
CHECKS = 10
"""How often everything is checked; the first check is after a tenth of the messages."""


def main() -> None:
    """Run the fuzzer; show progress on stderr and print the result."""
    parser = argparse.ArgumentParser("make fuzz", description=__doc__)
    parser.add_argument("--messages", type=int, default=10_000_000, help="(default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="(default: %(default)s)")
    arguments = parser.parse_args()
    run = Run(arguments.seed, Caps())
    batches = -(-arguments.messages // BATCH)
    for figures in run.batches(batches, min(CHECKS, batches)):
        print(f"{figures.messages:,} messages", file=sys.stderr)
    print(summary(run.figures))


def summary(figures: Figures) -> str:
    """Return the figures in one line."""
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in figures.rejected.most_common())
    resident = figures.resident
    return (
        f"{figures.messages:,} messages, {figures.messages / figures.seconds:,.0f}/s, "
        f"rejected: {reasons}; resident: {resident[0] // _MIB} MiB "
        f"at a tenth, {resident[-1] // _MIB} MiB at the end"
    )


if __name__ == "__main__":
    main()
