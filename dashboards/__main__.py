"""Write the files that Grafana imports, or check that they are up to date.

`--untranslated` lists the texts without a translation. `--export` writes the files that grafana.com
accepts into `dist/dashboards`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from dashboards.catalogue import exported, files, untranslated
from scripts import generated


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    given = [*(sys.argv[1:] if arguments is None else arguments)]
    if given == ["--export"]:
        for path, text in exported().items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            print(path)
        return 0
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
