"""`make chaos`: strike exporters and their links under load, and count what they missed."""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.chaos.blows import Blows
from tests.chaos.trial import RATE, run
from tests.servers import Broker

_SHOWN = 20
"""Faults of a trial that are printed: more of them tell no more."""


def main() -> int:
    """Make a trial with each seed, and print what came of it."""
    given = _arguments()
    is_good = True
    for seed in given.seeds or [given.seed]:
        blows = Blows.choose(
            seed,
            kills=given.kills,
            cuts=given.cuts,
            links=given.bad_links,
            failovers=given.failovers,
        )
        with Broker() as broker, tempfile.TemporaryDirectory() as directory:
            outcome = run(broker, Path(directory), blows, agents=given.agents, rate=given.rate)
        print(
            f"seed {seed}, {blows.kills} kills, {blows.cuts} cuts, {outcome.seconds:.0f} s, "
            f"{outcome.rate:.0f} messages a second of {given.rate} wanted"
        )
        print(outcome)
        for fault in outcome.faults[:_SHOWN]:
            print(f"FAULT: {fault}")
        sys.stdout.flush()
        is_good = is_good and not outcome.faults
    return not is_good


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("make chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=100, help="SIGKILLs (default: 100)")
    parser.add_argument("--cuts", type=int, default=100, help="cut connections (default: 100)")
    parser.add_argument("--bad-links", type=int, default=3, help="slow, flapping (default: 3)")
    parser.add_argument(
        "--failovers", type=int, default=10, help="blows to two that share an inbox (default: 10)"
    )
    parser.add_argument("--seed", type=int, default=1, help="another seed, other moments")
    parser.add_argument("--seeds", type=_seeds, help="a trial with each, such as 1-5 or 2,7")
    parser.add_argument("--agents", type=int, default=400, help="of each simulated server")
    parser.add_argument(
        "--rate", type=int, default=RATE, help=f"messages a second (default: {RATE})"
    )
    return parser.parse_args()


def _seeds(text: str) -> list[int]:
    seeds: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        seeds += range(int(first), int(last or first) + 1)
    return seeds


if __name__ == "__main__":
    sys.exit(main())
