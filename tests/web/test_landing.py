"""The landing page."""

import re
from collections.abc import Sequence
from html.parser import HTMLParser

import pytest

from exporter import __version__
from exporter.web.board import AgentRow, QueueRow, ServerBoard
from exporter.web.landing import LandingPage
from exporter.web.parts import page_parts
from exporter.web.views import BusView, KnownView, Link
from tests.web.boards import NINE, board, known_of
from tests.web.serving import FakePages, ask, serving


def landing_page(
    version: str,
    not_ready: str | None,
    buses: Sequence[BusView],
    links: Sequence[Link] = (),
    boards: Sequence[ServerBoard] = (),
) -> str:
    parts = page_parts(not_ready, buses, boards, {}, NINE)
    return LandingPage("en", version, lambda: NINE, links).whole(parts)


class Outline(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self._is_text = True
        self.tags: list[str] = []
        self.hrefs: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._is_text = tag not in ("style", "script")
        self.hrefs += [value or "" for name, value in attrs if (tag, name) == ("a", "href")]

    def handle_data(self, data: str) -> None:
        if self._is_text:
            self.text += data


def test_the_landing_page_shows_version_links_and_buses() -> None:
    views = [
        BusView("main", True, "amqp://pbx:5672/", "xivo", 7300, 3.4),
        BusView("branch", False, "amqps://b/", "wazo-headers", 65, None, "wrong password"),
    ]
    links = [Link("https://example.org/docs", "Documentation", "how to operate it")]
    with serving(FakePages(views=views, reason="Not yet."), links=links) as server:
        answer = ask(server, "/")
    outline = Outline(answer.body.decode())
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    own = ["metrics", "-/healthy", "-/ready"]
    assert outline.hrefs[-4:] == [*own, "https://example.org/docs"]
    for text in (
        __version__, "not ready", "Not yet.", "main", "amqp://pbx:5672/", "for 2 h",
        "branch", "not connected", "for 1 min", "none yet", "wrong password", "wazo-headers",
    ):  # fmt: skip
        assert text in outline.text
    assert re.search(r"\d+ s ago", outline.text)


def test_the_landing_page_says_what_it_means_to_be_a_standby() -> None:
    def shown(*, is_standby: bool = False, is_withheld: bool = False) -> str:
        view = BusView(
            *("main", False, "amqp://pbx/", "xivo", 7, None, "it waits"),
            is_standby=is_standby,
            is_withheld=is_withheld,
        )
        return " ".join(Outline(landing_page("1", None, [view])).text.split())

    connected = BusView("main", True, "amqp://pbx/", "xivo", 7, 3)
    assert "metrics of the servers" not in Outline(landing_page("1", None, [connected])).text
    assert "metrics of the servers" not in shown()
    for text in (shown(is_standby=True), shown(is_standby=True, is_withheld=True)):
        assert "standby for 7 s" in text
        assert "not connected" not in text
        assert "it waits" in text
    assert "The last known values are shown for less than a minute." in shown(is_standby=True)
    assert "shows none of them. This one takes over" in text
    assert "because this exporter was a standby" in shown(is_withheld=True)


def test_the_landing_page_without_any_bus_says_so() -> None:
    assert "This process reads no bus." in landing_page("1", None, [])


def test_every_value_on_the_landing_page_is_escaped() -> None:
    evil = """<script>alert("x")</script>'&"""

    def page_of(text: str) -> str:
        view = BusView(text, False, text, text, None, None, text, text, api_problems=(text, text))
        known = [KnownView(text, text, None, text), KnownView(text, text, 1.0, question=text)]
        board = ServerBoard(
            *(text, text, text, known),
            queues=[QueueRow(text, text), QueueRow("other", text, 1, NINE, available=0)],
            activities={text: 1},
            agents=[AgentRow(text, text)],
            services_down=[text],
            trunks_lost=[text],
        )
        return landing_page(text, text, [view], [link], [board])

    link = Link(evil, evil, evil)
    page = page_of(evil)
    harmless = page_of("v")
    assert Outline(page).tags == Outline(harmless).tags
    assert Outline(page).tags.count("script") == 1
    assert Outline(page).text.count(evil) == 30
    assert Outline(page).hrefs[-1] == evil


def test_the_landing_page_needs_and_allows_nothing_but_itself() -> None:
    with serving() as server:
        answer = ask(server, "/")
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    page = answer.body.decode()
    assert not re.search(r"(src|href)=[\"']?https?:|@import|url\(|<script | style=", page)


def test_the_landing_page_names_a_rule_of_the_broker() -> None:
    view = BusView("main", True, "amqp://pbx/", "xivo", 7, 3, note="a <rule> of the broker")
    assert "a <rule> of the broker" in Outline(landing_page("1", None, [view])).text


def test_the_landing_page_says_what_is_wrong_with_apis_below_their_bus() -> None:
    problems = ("agentd refused: the user lacks agentd.agents.read", "chatd: no answer <in> 10 s")
    view = BusView("main", True, "amqp://pbx/", "xivo", 7, 3, api_problems=problems)
    outline = Outline(landing_page("1", None, [view, BusView("b", True, "amqp://b/", "xivo")]))
    first, second = outline.text.split("amqp://pbx/")
    assert all(problem in first for problem in problems)
    assert not any(problem in second for problem in problems)


@pytest.mark.parametrize("boards", [[], [board(queues=1)]], ids=["no server", "a server"])
def test_all_is_well_only_while_the_metrics_can_be_trusted(boards: Sequence[ServerBoard]) -> None:
    page = landing_page("1", "The dataflow has stalled.", (), boards=boards)
    count = re.search(r'<p id="trouble-count".*?</p>', page, re.DOTALL)
    assert count is not None
    assert "Nothing needs attention" not in page
    assert "Not ready: The dataflow has stalled." in count[0]


def test_each_number_that_may_be_wrong_is_grey() -> None:
    agents = [AgentRow("1001", "available")]
    for reason in ("", "the bus is not read"):
        page = landing_page("1", None, (), boards=[board("lyon", 1, reason, agents=agents)])
        for pattern in (r'<p id="[^"]*-sum"[^>]*>', r'<li id="a-[^"]*"[^>]*>', r"<td[^>]*>12</td>"):
            assert {'class="doubt"' in each for each in re.findall(pattern, page)} == {bool(reason)}


def test_what_a_server_does_not_publish_raises_no_doubt() -> None:
    since = [each for each in known_of("lyon") if each.subsystem != "trunks"]
    page = Outline(landing_page("1", None, [], boards=[board(known=since)])).text
    assert "All services are up." in page
    assert "No event about trunks yet. Only a Wazo publishes them." in page
    assert "not everything is known" not in page
