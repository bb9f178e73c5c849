"""A real Chromium, and the page in it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import which

from playwright.sync_api import Browser, BrowserContext, Page, Playwright

from tests.support import missing


def start_chromium(playwright: Playwright) -> Browser:
    """Start the Chromium of the system; skip the test if there is none."""
    path = which("chromium")
    if path is None:
        missing("chromium", "apt-get install chromium")
    # As root, Chromium has no sandbox; and the page is ours.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    return playwright.chromium.launch(executable_path=Path(path), args=arguments)


class Tab:
    """A page in the browser, and all that it complained about or asked other hosts for."""

    def __init__(self, context: BrowserContext) -> None:
        self.page: Page = context.new_page()
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda said: self.complaints.append(said.text))
        self.page.on("request", lambda asked: self.requests.append(asked.url))

    def text(self, selector: str) -> str:
        return " ".join(self.page.locator(selector).first.inner_text().split())


@contextmanager
def tab(browser: Browser, address: str, **options: object) -> Iterator[Tab]:
    """Open a page of its own; options are those of Playwright's contexts."""
    with browser.new_context(**options) as context:  # type: ignore[arg-type]  # of the test
        context.set_default_timeout(30_000)
        opened = Tab(context)
        opened.page.goto(address)
        yield opened
