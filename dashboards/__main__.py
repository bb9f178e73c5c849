"""Write the files that Grafana imports, or check that they are up to date."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from dashboards.catalogue import files


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    parser = argparse.ArgumentParser("python -m dashboards", description=__doc__)
    choice = parser.add_mutually_exclusive_group(required=True)
    choice.add_argument("--check", action="store_true", help="fail if a file is out of date")
    choice.add_argument("--write", action="store_true", help="write the files that are out of date")
    does = parser.parse_args(arguments)
    out_of_date = {path: text for path, text in files().items() if _read(path) != text}
    for path, text in out_of_date.items():
        if does.write:
            path.write_text(text)
        print(f"{path.name} {'written' if does.write else 'is out of date: make generate'}")
    return 1 if does.check and out_of_date else 0


def _read(path: Path) -> str | None:
    return path.read_text() if path.exists() else None


if __name__ == "__main__":
    raise SystemExit(main())
