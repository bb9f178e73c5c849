"""Write the files that Grafana imports, or check that they are up to date."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from dashboards.catalogue import files, untranslated
from scripts import generated


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    given = [*(sys.argv[1:] if arguments is None else arguments)]
    missing = untranslated()
    if given == ["--untranslated"]:
        for language, texts in missing.items():
            for text in texts:
                print(f"{language}: {text}")
        return 0
    status = generated.main("python -m dashboards", __doc__, files(), given)
    for language, texts in missing.items():
        for text in texts:
            print(f"dashboards/locale/{language}.po has no translation of: {text}")
    return status or int(any(missing.values()))


if __name__ == "__main__":
    raise SystemExit(main())
