"""`make chaos-cluster`: kill a process of a cluster again and again, under load.

When a process of a cluster dies, all end, and a supervisor starts them again. Nothing may be lost
or counted twice; the output says how long each kill stopped the work.
"""

import argparse
import csv
import sys
import tempfile
from pathlib import Path

from tests.chaos.cluster_picture import Downtime, cluster_picture
from tests.chaos.cluster_trial import Plan, run
from tests.chaos.cluster_verdict import ClusterOutcome
from tests.servers import Broker

_SHOWN = 20
"""Faults that are printed: more of them tell no more."""


def main() -> int:
    """Make the trial; write the downtimes as a table and a picture, and print what came of it."""
    given = _arguments()
    plan = Plan(given.servers, given.rate, given.minutes, given.every, given.seed)
    with Broker() as broker, tempfile.TemporaryDirectory() as directory:
        outcome = run(broker, Path(directory), plan)
    print(f"seed {plan.seed}, {plan.servers} servers")
    print(outcome)
    for fault in outcome.faults[:_SHOWN]:
        print(f"FAULT: {fault}")
    if outcome.downtimes:
        _write(given.out, outcome)
    return bool(outcome.faults)


def _write(out: Path, outcome: ClusterOutcome) -> None:
    with out.with_suffix(".csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(Downtime._fields)
        table.writerows(outcome.downtimes)
    out.with_suffix(".svg").write_text(cluster_picture(outcome.downtimes, outcome.seconds))


def _arguments() -> argparse.Namespace:
    usual = Plan()
    parser = argparse.ArgumentParser("make chaos-cluster", description=__doc__)
    parser.add_argument(
        "--servers", type=int, default=usual.servers, help="each on its own bus (default: 30)"
    )
    parser.add_argument(
        "--rate", type=float, default=usual.rate, help="messages a second of all (default: 300)"
    )
    parser.add_argument("--minutes", type=float, default=usual.minutes, help="(default: 30)")
    parser.add_argument(
        "--every", type=float, default=usual.every, help="seconds between two kills (default: 60)"
    )
    parser.add_argument("--seed", type=int, default=usual.seed, help="another seed, other moments")
    parser.add_argument(
        "--out", type=Path, default=Path("chaos-cluster"), help="where, without suffix"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
