"""The page at `/` in a real Chromium."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect, sync_playwright

from exporter.web import landing_routes
from exporter.web.board import QueueRow, ServerBoard
from exporter.web.server import Limits, WebServer
from exporter.web.views import BusView
from tests.support import eventually, free_port, within
from tests.web import boards
from tests.web.browsers import start_chromium, tab
from tests.web.serving import USERS, FakeAccess, FakePages, serving
from tests.web.test_subpath import PREFIX, proxied

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # Playwright's own five seconds are too few on a busy machine.
    expect.set_options(timeout=60_000)
    with sync_playwright() as playwright:
        browser = start_chromium(playwright)
        yield browser
        browser.close()


def address(server: WebServer, query: str = "") -> str:
    return f"http://127.0.0.1:{server.address[1]}/{query}"


def changed(board: ServerBoard, place: int, **fields: int | float) -> ServerBoard:
    rows = [*board.queues]
    rows[place] = rows[place]._replace(**fields)  # type: ignore[arg-type]  # of the test
    return replace(board, queues=rows)


def test_a_change_is_shown_within_a_second_and_only_there(browser: Browser) -> None:
    pages = FakePages(boards=[boards.board()], views=boards.buses()[:1])
    with serving(pages) as server, tab(browser, address(server)) as opened:
        expect(opened.page.locator("#connection")).to_have_text("live")
        cells = opened.page.locator("tbody tr").nth(2).locator("td")
        # An element that is not replaced keeps what a script has attached to it.
        opened.page.evaluate("document.querySelector('tbody tr').mark = 1")
        expect(cells.nth(3)).to_have_text("5")
        # A second, and what a busy machine takes from Chromium, which the stopwatch does not see.
        with within(10):
            pages.boards = [changed(pages.boards[0], 2, in_call=7)]
            expect(cells.nth(3)).to_have_text("7")
        assert opened.page.evaluate("document.querySelector('tbody tr').mark") == 1
        # A server comes, with its queues; one goes.
        pages.boards = [boards.board("paris", 3), *pages.boards]
        expect(opened.page.locator("#servers > details")).to_have_count(2)
        expect(opened.page.locator("h2 bdi").first).to_have_text("paris")
        expect(opened.page.locator("tbody[id$=queues] > tr")).to_have_count(9)
        pages.boards = pages.boards[:1]
        expect(opened.page.locator("tbody[id$=queues] > tr")).to_have_count(3)
        assert opened.complaints == []
        assert all(each.startswith(address(server)) for each in opened.requests)


def test_waits_count_up_by_the_clock_of_the_exporter(browser: Browser) -> None:
    pages = FakePages(boards=[changed(boards.board(), 1, oldest_at=time.time() - 65)])
    with serving(pages) as server, tab(browser, "about:blank") as opened:
        # The clock of the browser is an hour slow.
        opened.page.clock.install(time=time.time() - 3600)
        opened.page.goto(address(server))
        wait = opened.page.locator("tbody tr").nth(1).locator("time")
        first = wait.inner_text()
        assert first.startswith("1:")
        eventually(lambda: wait.inner_text() > first, what="the wait counts up")


def test_a_lost_connection_is_shown_and_comes_back(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    pages = FakePages(boards=[boards.board()])

    def served() -> WebServer:
        server = WebServer(pages, host="127.0.0.1", port=port)
        server.start()
        return server

    server = served()
    with tab(browser, address(server)) as opened:
        status = opened.page.locator("#connection")
        expect(status).to_have_text("live")
        server.stop()
        expect(status).to_contain_text("Connection lost since")
        expect(opened.page.locator("body.old")).to_have_count(1)
        assert status.get_attribute("role") == "status"
        pages.boards = [changed(boards.board(), 0, waiting=42)]
        server = served()
        expect(opened.page.locator("tbody tr").first.locator("td").first).to_have_text("42")
        expect(status).to_have_text("live")
        expect(opened.page.locator("body.old")).to_have_count(0)
        # Another version has another page.
        server.stop()
        monkeypatch.setattr(landing_routes, "build", lambda _: "of another version")
        opened.page.evaluate("document.title = 'the old page'")
        server = served()
        eventually(lambda: opened.page.title() == "xivo-exporter", timeout=30)
        server.stop()


def test_the_search_hides_rows_keeps_the_address_and_needs_no_script(browser: Browser) -> None:
    pages = FakePages(boards=[boards.board(), boards.board("paris", 3)])
    rows = "tbody[id$=queues] > tr:visible"
    with serving(pages) as server:
        with tab(browser, address(server, "?lang=fr")) as opened:
            # By keyboard alone: first the skip link, then the field.
            opened.page.keyboard.press("Tab")
            assert opened.page.evaluate("document.activeElement.className") == "skip"
            opened.page.keyboard.press("Tab")
            opened.page.keyboard.type("DEPAN")
            expect(opened.page.locator(rows)).to_have_count(2)
            assert opened.page.url.endswith("?lang=fr&queue=DEPAN")
            expect(opened.page.locator("#found")).to_have_text("2 files d\u2019attente sur 9")
            pages.boards = [changed(pages.boards[0], 2, in_call=9), pages.boards[1]]
            expect(opened.page.locator(rows).first.locator("td").nth(3)).to_have_text("9")
            expect(opened.page.locator(rows)).to_have_count(2)
            opened.page.get_by_label("Serveur").fill("par")
            expect(opened.page.locator(rows)).to_have_count(1)
            opened.page.get_by_role("link", name="English").click()
            assert "lang=en" in opened.page.url
            expect(opened.page.locator(rows)).to_have_count(1)
        with tab(browser, address(server, "?queue=d%C3%A9p"), java_script_enabled=False) as plain:
            expect(plain.page.locator(rows)).to_have_count(2)
            assert "Reload the page for new numbers." in plain.page.content()
            plain.page.get_by_label("Queue", exact=True).fill("support")
            plain.page.keyboard.press("Enter")
            expect(plain.page.locator(rows)).to_have_count(1)


SIZES = {"phone": (320, 700), "desktop": (1280, 900), "large": (2560, 1440)}


@pytest.mark.parametrize(("language", "scheme"), [("en", "light"), ("fr", "dark")])
def test_axe_finds_nothing_in_any_state(browser: Browser, language: str, scheme: str) -> None:
    pages = FakePages(boards=boards.every_state(), views=boards.buses(), reason="The bus is lost.")
    with serving(pages) as server:
        where = address(server, f"?lang={language}")
        with tab(browser, where, color_scheme=scheme) as opened:
            expect(opened.page.locator("#connection")).not_to_be_empty()
            for details in opened.page.locator("details.knowledge").all():
                details.locator("summary").click()
            for width, height in SIZES.values():
                opened.page.set_viewport_size({"width": width, "height": height})
                assert opened.page.evaluate("document.documentElement.scrollWidth") <= width
                found = Axe().run(opened.page)
                assert found.violations_count == 0, found.generate_report()
            opened.page.evaluate("document.body.classList.add('old')")
            found = Axe().run(opened.page)
            assert found.violations_count == 0, found.generate_report()
            assert opened.complaints == []


HOSTILE = (
    "<script>document.title='owned'</script>",
    "<img src=x onerror=\"document.title='owned'\">",
    "\u202e" + "rtl" * 20,
    "W" * 300,
    "'\"&amp;</td></tr></table>",
)


def test_hostile_names_harm_neither_the_page_nor_its_layout(browser: Browser) -> None:
    def hostile(names: Sequence[str]) -> list[ServerBoard]:
        rows = [QueueRow(name, name, 1, available=0) for name in names]
        return [
            replace(boards.board(), name=name, origin=name, queues=rows, services_down=names)
            for name in names
        ]

    pages = FakePages(boards=[boards.board()], views=[BusView(HOSTILE[0], False, "u", "x")])
    with (
        serving(pages) as server,
        tab(browser, address(server), viewport={"width": 320, "height": 600}) as opened,
    ):
        expect(opened.page.locator("#connection")).to_have_text("live")
        pages.boards = hostile(HOSTILE)
        expect(opened.page.locator("#servers > details")).to_have_count(len(HOSTILE))
        opened.page.reload()
        assert opened.page.title() == "xivo-exporter"
        assert opened.page.locator("#servers img, #servers script").count() == 0
        shown = opened.page.locator("#servers h2").all_inner_texts()
        assert shown == [*HOSTILE]
        assert opened.page.evaluate("document.documentElement.scrollWidth") == 320
        assert opened.complaints == []


def test_a_thousand_queues_stay_usable(browser: Browser) -> None:
    pages = FakePages(boards=[boards.board(queues=1000)])
    with serving(pages) as server, tab(browser, address(server)) as opened:
        expect(opened.page.locator("#connection")).to_have_text("live")
        expect(opened.page.locator("tbody[id$=queues] > tr")).to_have_count(1000)
        for turn in range(3):
            rows = [
                each._replace(in_call=100 + turn) if place % 10 == 0 else each
                for place, each in enumerate(pages.boards[0].queues)
            ]
            pages.boards = [replace(pages.boards[0], queues=rows)]
            expect(opened.page.locator("tbody tr").nth(990).locator("td").nth(3)).to_have_text(
                str(100 + turn)
            )
        with within(10):
            opened.page.get_by_label("Queue", exact=True).fill("Support technique 77")
            expect(opened.page.locator("tbody[id$=queues] > tr:visible")).to_have_count(3)


def test_the_page_works_below_a_path_of_a_proxy_with_a_password(browser: Browser) -> None:
    pages = FakePages(boards=[boards.board()])
    access = FakeAccess(users=USERS)
    limits = Limits(check_seconds=0.2)
    with serving(pages, limits, access=access) as server, proxied(server) as page:
        login = {"username": "right", "password": "right"}
        with tab(browser, page, http_credentials=login) as opened:
            assert opened.page.url.endswith(f"{PREFIX}/")
            expect(opened.page.locator("#connection")).to_have_text("live")
            pages.boards = [changed(pages.boards[0], 0, waiting=42)]
            expect(opened.page.locator("tbody tr").first.locator("td").first).to_have_text("42")
            access.users = {"other": USERS["right"]}
            expect(opened.page.locator("#connection")).to_contain_text("Access refused")
