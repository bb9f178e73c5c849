"""python -m tests.dashboards.pictures: lets demos run for a while, and draws them into docs/."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from exporter.settings import Generation
from tests.dashboards.grafana import STEMS, Choices
from tests.dashboards.pictures import live_page
from tests.dashboards.pictures.page import Painter
from tests.dashboards.prometheus import Prometheus
from tests.program import PROGRAM, Exporter
from tests.support import REPOSITORY, eventually

FOLDER = REPOSITORY / "docs"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
WINDOW = "5s"

XIVO, WAZO = Generation
SEEDS = {XIVO: 7, WAZO: 8}
"""These and the speed show, within minutes, services that stop, phones that flap, lost trunks."""

SHOWN = {
    "wallboard": XIVO,
    "call_centre": XIVO,
    "telephony": WAZO,
    "switchboards": WAZO,
    "exporter": WAZO,
}
"""The server that a dashboard shows; the others show both."""

FRENCH = ("overview", "wallboard", "call_centre")
"""Dashboards whose French copy is drawn too, for French documents."""

WARM_UP_SECONDS = 60
"""What a rate looks back upon."""


def main() -> None:
    """Draw the live page and all dashboards."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=240, help="how much of the demo to show")
    parser.add_argument("--into", type=Path, default=FOLDER, help="where the pictures go")
    parser.add_argument("--open", action="store_true", help="open the folded rows")
    arguments = parser.parse_args()
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        parser.error("there is no chromium: apt-get install chromium")
    dashboards = arguments.into / "dashboards"
    (dashboards / "fr").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary)
        with ExitStack() as running:
            demos = {each: running.enter_context(_demo(directory, each)) for each in Generation}
            jobs = {str(each): [demo.address[1]] for each, demo in demos.items()}
            server = running.enter_context(Prometheus(directory, jobs))
            length = arguments.seconds + WARM_UP_SECONDS
            until = time.time() + length
            eventually(lambda: time.time() >= until, timeout=length + 10, interval=1)
            host, port = demos[XIVO].address
            live_page.photograph(browser, f"http://{host}:{port}/", arguments.into)
            source = directory / "dashboard.html"
            for stem in STEMS:
                choices = Choices(_values(server, stem), WINDOW, arguments.seconds)
                painter = Painter(server, choices, until)
                for name in (stem, f"fr/{stem}") if stem in FRENCH else (stem,):
                    page = painter.page(name, is_open=arguments.open)
                    source.write_text(page.text)
                    size = f"{page.width},{page.height}"
                    _photograph(browser, source, dashboards / f"{name}.png", size)


def _demo(directory: Path, generation: Generation) -> Exporter:
    own = directory / generation
    own.mkdir()
    return Exporter(
        own,
        *("--seed", str(SEEDS[generation]), "--speed", "20", "--windows", f"{WINDOW},1m,today"),
        *("--details", "lines"),
        program=(*PROGRAM, "demo", "--generation", generation, "--listen", "127.0.0.1:0"),
    )


def _values(server: Prometheus, stem: str) -> Mapping[str, str]:
    """Return the variables that select the server of a dashboard."""
    if stem not in SHOWN:
        return {}
    job = str(SHOWN[stem])
    [info] = server.query(f'xivo_origin_info{{job="{job}"}}')
    return {"job": job, "origin_uuid": info.labels["origin_uuid"]}


def _photograph(browser: str, source: Path, target: Path, size: str) -> None:
    subprocess.run(
        [
            browser,
            *("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
            f"--user-data-dir={source.parent / 'browser'}",
            f"--window-size={size}",
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
