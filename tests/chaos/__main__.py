"""`make chaos`: kill the exporter, change its settings, cut it off, and count what it missed."""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.chaos.trial import Blows, run
from tests.servers import Broker

_SHOWN = 20
"""Differences that are printed: more of them tell no more."""


def main() -> int:
    """Make one trial, and print what came of it."""
    parser = argparse.ArgumentParser("make chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=100, help="SIGKILLs (default: 100)")
    parser.add_argument("--cuts", type=int, default=100, help="cut connections (default: 100)")
    parser.add_argument("--seed", type=int, default=1, help="another seed, other moments")
    parser.add_argument("--agents", type=int, default=400, help="of each simulated server")
    given = parser.parse_args()
    blows = Blows(given.kills, given.cuts, given.seed)
    with Broker() as broker, tempfile.TemporaryDirectory() as directory:
        outcome = run(broker, Path(directory), blows, agents=given.agents)
    print(
        f"seed {blows.seed}, {blows.kills} kills, {blows.cuts} cuts, {outcome.seconds:.0f} s: "
        f"{outcome.published} messages ({outcome.published / outcome.seconds:.0f}/s), "
        f"{max(0, outcome.lost)} lost, {max(0, -outcome.lost)} doubled, {outcome.gaps} gaps, "
        f"{outcome.duplicates} duplicates known, {outcome.changes} changes of settings, "
        f"{len(outcome.differences)} of {outcome.series} series differ"
    )
    for difference in outcome.differences[:_SHOWN]:
        print(difference)
    return bool(outcome.differences or outcome.lost or outcome.gaps)


if __name__ == "__main__":
    sys.exit(main())
