"""Write the files that Grafana imports, or check that they are up to date."""

from __future__ import annotations

from collections.abc import Sequence

from dashboards.catalogue import files
from scripts import generated


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    return generated.main("python -m dashboards", __doc__, files(), arguments)


if __name__ == "__main__":
    raise SystemExit(main())
