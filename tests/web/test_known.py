"""What the pages say of the knowledge about servers."""

from __future__ import annotations

from collections.abc import Sequence

from exporter.web.known import MAX_SERVERS, known_lines
from exporter.web.views import KnownView
from tests.web.serving import FakePages, ask, serving
from tests.web.test_landing import Outline, landing_page


def section(known: Sequence[KnownView]) -> str:
    """Return the page of servers of which this is known."""
    return landing_page("1", None, [], boards=FakePages(known=known).board())


NINE = 1_795_683_600.0
REASON = "amid refused: the user lacks amid.action.QueueStatus.create"
KNOWN = [
    KnownView("lyon", "agents", NINE),
    KnownView("lyon", "queues", None, REASON),
    KnownView("paris ca7f12ab", "users", None, "the bus is not read"),
]
LINES = f"""\
lyon agents: known since 2026-11-26T09:00:00Z
lyon queues: not known: {REASON}
paris ca7f12ab users: not known: the bus is not read
"""


def test_readiness_tells_what_is_known_after_its_first_line() -> None:
    pages = FakePages(known=KNOWN)
    with serving(pages) as server:
        ready, head = ask(server, "/-/ready"), ask(server, "/-/ready", "HEAD")
        pages.reason = "The dataflow has stalled."
        not_ready = ask(server, "/-/ready")
    assert (ready.status, ready.body.decode()) == (200, f"Ready.\n{LINES}")
    assert head.headers["content-length"] == str(len(ready.body))
    assert (not_ready.status, not_ready.body) == (503, b"The dataflow has stalled.\n")


def test_the_landing_page_has_a_table_for_each_server() -> None:
    with serving(FakePages(known=KNOWN)) as server:
        outline = Outline(ask(server, "/").body.decode())
    # One of queues, and one of what is known.
    assert outline.tags.count("table") == 2 * 2
    text = " ".join(outline.text.split())
    assert "lyon 1 of 2 known" in text
    assert "agents known since 2026-11-26 09:00 UTC" in text
    assert f"queues not known: {REASON}" in text
    assert "paris ca7f12ab 0 of 1 known" in text
    assert "users not known: the bus is not read" in text


def test_what_is_normal_is_no_warning_and_a_name_has_its_question() -> None:
    normal = KnownView("lyon", "services", None, "no consul", is_normal=True, question="Up & down?")
    calm = section([KnownView("lyon", "agents", NINE), normal])
    assert 'class="state plain">1 of 2 known</span>' in calm
    assert '<span class="soft">not known:</span> no consul' in calm
    assert '<abbr title="Up &amp; down?">services</abbr>' in calm
    assert 'class="state wait">0 of 2 known</span>' in section([KNOWN[1], normal])


def test_without_a_server_the_page_says_so_and_readiness_has_one_line() -> None:
    assert "No server has told anything yet." in landing_page("1", None, [])
    assert known_lines([]) == ""


def test_only_so_many_servers_are_shown_and_the_others_are_counted() -> None:
    known = [
        KnownView(f"server {n:04}", subsystem, NINE)
        for n in range(MAX_SERVERS + 7)
        for subsystem in ("agents", "queues")
    ]
    *lines, last = known_lines(known).splitlines()
    assert len(lines) == 2 * MAX_SERVERS
    assert last == "7 more servers are not listed."
    page = section(known)
    assert page.count('class="queues"') == MAX_SERVERS
    assert "7 more servers are not shown." in page
