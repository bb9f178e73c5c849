"""Pictures of the live page of an exporter, in each language."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import ViewportSize, expect, sync_playwright

NAMES = {"en": "page.png", "fr": "page.fr.png"}
"""The picture of each language of the page."""

_SIZE = ViewportSize(width=1280, height=800)
_NUMBER = re.compile(r"\d")
# The page shows the events per second after some seconds.
_TIMEOUT_MS = 60_000


def photograph(browser: str, address: str, into: Path) -> None:
    """Draw the page as a person sees it who opens it.

    Args:
        browser: Path of a Chromium.
        address: URL of the page.
        into: Folder of the pictures.
    """
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        for language, name in NAMES.items():
            page = chromium.new_page(viewport=_SIZE, color_scheme="light")
            page.goto(f"{address}?lang={language}")
            rate = page.locator(".server dl dd").first
            expect(rate).to_contain_text(_NUMBER, timeout=_TIMEOUT_MS)
            page.screenshot(path=into / name, full_page=True)
            print(f"{name}: {(into / name).stat().st_size // 1000} kB")
        chromium.close()
