"""The `catalogue` command: prints the generated documents, or keeps `docs/` equal to them."""

from __future__ import annotations

from pathlib import Path

from dataflows.catalogue import events_page, metrics_page
from dataflows.subsystems import SUBSYSTEMS
from dataflows.window_picture import window_picture
from exporter.telemetry import SPECS


def run(*, check: bool, write: bool) -> int:
    """Print, check or write the documents; give the exit status."""
    pages = {
        Path("docs/metrics.md"): metrics_page(SUBSYSTEMS, SPECS),
        Path("docs/events.md"): events_page(SUBSYSTEMS),
        Path("docs/windows.svg"): window_picture(),
    }
    if not (check or write):
        print("\n".join(text for path, text in pages.items() if path.suffix == ".md"), end="")
        return 0
    out_of_date = [path for path, text in pages.items() if _read(path) != text]
    for path in out_of_date:
        if write:
            path.write_text(pages[path])
        print(f"{path} {'written' if write else 'is out of date: run make generate'}")
    return 1 if check and out_of_date else 0


def _read(path: Path) -> str | None:
    return path.read_text() if path.exists() else None
