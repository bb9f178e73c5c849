"""Every panel against a real Prometheus that has scraped demos of a XiVO and of a Wazo."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from html import escape
from math import isfinite
from operator import itemgetter
from pathlib import Path

import pytest

from exporter.settings import Generation
from exporter.simulation.services import PORTS
from tests.contract.test_doc_queries import QUERIES
from tests.dashboards.grafana import (
    STEMS,
    Choices,
    Json,
    Panel,
    all_panels,
    load,
    merged,
    name,
    panels,
    variables,
)
from tests.dashboards.pictures.page import Painter
from tests.dashboards.prometheus import Prometheus, Series
from tests.program import PROGRAM, Exporter
from tests.support import eventually

pytestmark = pytest.mark.promtool

LENGTHS = ("5s", "10s")
CHOICES = Choices(window="5s", seconds=300)

# The rarest events that panels show: a service that stopped normally, the end of an agent's shift,
# a caller whom nobody answers, and the repair after a silent reload; on a Wazo, a trunk that was
# lost, a voicemail message that was deleted, and a fax that failed. With these seeds and this
# speed, all happen within a minute. A seed also makes the UUID of its server.
SEEDS = {Generation.XIVO: 7, Generation.WAZO: 8}
SPEED = 60
RARE = (
    "xivo_service_deregistered_timestamp_seconds",
    "increase(xivo_agent_session_duration_seconds_count[5m]) > 0",
    'sum(increase(xivo_queue_wait_seconds_count{outcome="unanswered"}[5m])) > 0',
    f'count(xivo_service_up_avg{{window="10s"}}) == {len(PORTS)}',
    'sum(increase(xivo_state_drift_total{subsystem="queues"}[5m])) > 0',
    "xivo_trunk_registration_losses_total > 0",
    'sum(increase(xivo_voicemail_messages_total{action="deleted"}[5m])) > 0',
    'sum(increase(xivo_faxes_total{outcome="failed"}[5m])) > 0',
)


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus that has scraped both demos until it has data for every panel."""
    root = tmp_path_factory.mktemp("demos")
    with ExitStack() as running:
        jobs = {}
        for generation in Generation:
            directory = root / generation
            directory.mkdir()
            demo = running.enter_context(_demo(directory, generation))
            jobs[str(generation)] = [demo.address[1]]
        server = running.enter_context(Prometheus(root, jobs))
        for expr in RARE:
            # An increase needs a scrape before it and one after it.
            eventually(partial(server.query, expr), timeout=100, what=expr, interval=0.5)
        yield server


def _demo(directory: Path, generation: Generation) -> Exporter:
    return Exporter(
        directory,
        *("--seed", str(SEEDS[generation]), "--speed", str(SPEED)),
        *("--windows", ",".join((*LENGTHS, "today")), "--details", "lines"),
        program=(*PROGRAM, "demo", "--generation", generation, "--listen", "127.0.0.1:0"),
    )


def ask(prometheus: Prometheus, query: Json) -> list[Series]:
    """Run the query of a panel, for now or for the last half minute."""
    expr = CHOICES.spell(query["expr"])
    if not query["range"]:
        return prometheus.query(expr)
    now = time.time()
    return prometheus.query_range(expr, now - 30, now, 1)


PANELS = all_panels()


@pytest.mark.parametrize("panel", PANELS, ids=str)
def test_every_query_of_every_panel_returns_data(prometheus: Prometheus, panel: Panel) -> None:
    assert panel.queries
    for query in panel.queries:
        answer = ask(prometheus, query)
        assert answer, query["expr"]
        assert all(isfinite(series.value) for series in answer), query["expr"]


@pytest.mark.parametrize(
    "query", [query for page, query in QUERIES if page.stem == "calls"], ids=itemgetter(slice(40))
)
def test_every_query_of_the_page_of_calls_returns_data(prometheus: Prometheus, query: str) -> None:
    answer = prometheus.query(re.sub(r'window="\w+"', f'window="{CHOICES.window}"', query))
    assert answer
    assert all(series.value >= 0 for series in answer)


@pytest.mark.parametrize("panel", PANELS, ids=str)
def test_every_series_has_a_name_of_its_own_or_a_row(prometheus: Prometheus, panel: Panel) -> None:
    answers = [ask(prometheus, query) for query in panel.queries]
    if panel.kind == "table":
        rows = merged(panel, [[(each.labels, each.value) for each in one] for one in answers])
        keys = [column for column in rows[0] if isinstance(rows[0][column], str)]
        assert all(row[key] for row in rows for key in keys)
        assert len({tuple(row[key] for key in keys) for row in rows}) == len(rows)
        return
    names = []
    for query, answer in zip(panel.queries, answers, strict=True):
        used = re.findall(r"{{(\w+)}}", query["legendFormat"])
        assert all(each.labels[label] for each in answer for label in used)
        names += [name(query["legendFormat"], each.labels) for each in answer]
    assert len(set(names)) == len(names)
    assert all(names) or panel.kind == "stat"


@pytest.mark.parametrize("stem", STEMS)
def test_every_choice_has_something_to_choose(prometheus: Prometheus, stem: str) -> None:
    for variable in variables(stem):
        found = [each.labels for each in prometheus.query(CHOICES.spell(variable.expr))]
        values = {labels[variable.value] for labels in found if variable.value in labels}
        assert values, variable
        assert all(labels[variable.text] for labels in found if variable.value in labels)
        assert variable.name != "window" or values == {*LENGTHS}


@pytest.mark.parametrize("stem", STEMS)
def test_marks_stand_at_times_of_deregistrations_and_starts(
    prometheus: Prometheus, stem: str
) -> None:
    annotations = {each["name"]: each for each in load(stem)["annotations"]["list"]}
    assert len(annotations) == 5
    for kind in ("Service deregistered", "Exporter started"):
        assert annotations[kind]["useValueForTime"]
        marks = prometheus.query(CHOICES.spell(annotations[kind]["expr"]))
        assert marks
        for mark in marks:
            named = re.findall(r"{{(\w+)}}", annotations[kind]["titleFormat"])
            assert all(mark.labels[label] for label in named)
            # Grafana expects milliseconds.
            assert time.time() - 300 < mark.value / 1000 <= time.time()


def test_no_time_stamp_of_a_demo_is_impossible(prometheus: Prometheus) -> None:
    assert not prometheus.query("xivo_exporter_clamped_timestamps_total > 0")


@pytest.mark.parametrize("stem", STEMS)
def test_a_dashboard_can_be_drawn(prometheus: Prometheus, stem: str) -> None:
    page = Painter(prometheus, CHOICES, time.time()).page(stem, is_open=True)
    for panel in panels(stem):
        assert escape(panel.json["title"]) in page.text
