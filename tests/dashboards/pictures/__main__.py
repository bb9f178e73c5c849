"""python -m tests.dashboards.pictures: lets the demo run for a while, and draws it into docs/."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from tests.dashboards.grafana import STEMS, Choices
from tests.dashboards.pictures.page import WIDTH, Painter
from tests.dashboards.prometheus import Prometheus
from tests.program import PROGRAM, Exporter
from tests.support import REPOSITORY, eventually

FOLDER = REPOSITORY / "docs" / "dashboards"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
WINDOW = "5s"

WARM_UP_SECONDS = 60
"""What a rate looks back upon."""


def main() -> None:
    """Draw all dashboards."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=240, help="how much of the demo to show")
    parser.add_argument("--into", type=Path, default=FOLDER, help="where the pictures go")
    arguments = parser.parse_args()
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        parser.error("there is no chromium: apt-get install chromium")
    arguments.into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        # Seed and speed that show, within minutes, services that stop and phones that flap.
        demo = Exporter(
            directory,
            *("--seed", "7", "--speed", "20", "--windows", f"{WINDOW},1m"),
            program=(*PROGRAM, "demo", "--listen", "127.0.0.1:0"),
        )
        with demo, Prometheus(directory, {"xivo-exporter": [demo.address[1]]}) as server:
            length = arguments.seconds + WARM_UP_SECONDS
            until = time.time() + length
            eventually(lambda: time.time() >= until, timeout=length + 10, interval=1)
            painter = Painter(server, Choices(window=WINDOW, seconds=arguments.seconds), until)
            for stem in STEMS:
                page, height = painter.page(stem)
                source = directory / f"{stem}.html"
                source.write_text(page)
                _photograph(browser, source, arguments.into / f"{stem}.png", height)


def _photograph(browser: str, source: Path, target: Path, height: int) -> None:
    subprocess.run(
        [
            browser,
            *("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
            f"--user-data-dir={source.parent / 'browser'}",
            f"--window-size={WIDTH},{height}",
            f"--screenshot={target}",
            source.as_uri(),
        ],
        check=True,
        capture_output=True,
        timeout=60,
    )
    print(f"{target.name}: {target.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()
