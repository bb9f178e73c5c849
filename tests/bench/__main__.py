"""`make bench`: the figures of speed, in one table.

All are measured against the same private broker, reference and exporter in turn,
several times over; the table shows medians. A ratio means something on any machine;
the other values mean something on this one.

Each value is printed as soon as it is measured, and each row in the last run. If you stop it, or
something fails, it prints the rows of what it has measured.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.bench import figure
from tests.bench.figure import Figure, Measured
from tests.bench.figures import FIGURES, GROUPS, PEER, chosen
from tests.bench.round import Round
from tests.bench.traffic import Mixes, describe
from tests.servers import Broker

_PEERS = ("telegraf",)


def main() -> None:
    """Measure and print."""
    options = _options()
    figures = chosen(options.only, with_peer=options.peer is not None)
    mixes = Mixes(options.events)
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {options.runs} runs\n")
    # So it can be stopped by `kill`, too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with Broker() as broker, tempfile.TemporaryDirectory() as folder:
        runs = (Round(broker, Path(folder), mixes, options.peer) for _ in range(options.runs))
        _measure(figures, [*runs])
    for name, wires in mixes.made.items():
        print(f"\n{name}: {describe(wires)}", end="")
    print()


def _measure(figures: Sequence[Figure], runs: Sequence[Round]) -> None:
    measured: dict[Figure, list[Measured]] = {each: [] for each in figures}
    print(figure.head(), flush=True)
    try:
        for number, run in enumerate(runs, 1):
            for each in figures:
                if number == 1 or not each.repeats:
                    measured[each].append(_measured(each, run, number))
                if number == len(runs):
                    print(figure.line(each.row(measured.pop(each))), flush=True)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
    finally:
        for each, values in measured.items():
            if values:
                print(figure.line(each.row(values)))


def _measured(each: Figure, run: Round, number: int) -> Measured:
    began = time.monotonic()
    found = each.measure(run)
    took = time.monotonic() - began
    said = f"run {number}: {each.key} {found.describe(each.unit)}; took {took:.1f} s"
    print(said, file=sys.stderr, flush=True)
    return found


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "make bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=5, help="how often (default: 5)")
    parser.add_argument(
        "--events", type=int, default=50_000, help="in an inbox that is drained (default: 50000)"
    )
    parser.add_argument(
        "--only",
        nargs="+",
        default=[],
        choices=[*GROUPS, *(each.key for each in FIGURES)],
        help=f"these figures, or those of these groups: {', '.join(GROUPS)}",
    )
    parser.add_argument(
        "--peer",
        type=peer,
        metavar="telegraf=PATH",
        help="also compare with this program, which reads the same messages",
    )
    options = parser.parse_args()
    if not chosen(options.only, with_peer=options.peer is not None):
        parser.error(f"--only {PEER.key} needs --peer")
    return options


def peer(text: str) -> Path:
    """Return the program of a peer that is named as telegraf=PATH."""
    name, _, path = text.partition("=")
    program = shutil.which(path)
    if name not in _PEERS or program is None:
        message = f"not {' or '.join(_PEERS)}=PATH of a program: {text}"
        raise argparse.ArgumentTypeError(message)
    return Path(program).resolve()


if __name__ == "__main__":
    main()
