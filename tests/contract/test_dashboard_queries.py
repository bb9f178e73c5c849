"""The queries of the dashboards use only declared metrics and labels, and all metrics."""

from __future__ import annotations

import re

import pytest

from dashboards.signals import bus
from tests.dashboards.grafana import STEMS, Choices, Panel, all_panels, expressions, load
from tests.promql import SPECS, TARGET, Queries, spec_of

RAW = {
    "xivo_agent_logged_in": "a series for each agent, off by default",
    "xivo_agent_activity": "seven series for each agent, off by default",
    "xivo_agent_calls_answered_total": "a series for each agent, off by default",
    "xivo_endpoint_state": "nine series for each phone, off by default",
    "xivo_bus_clock_offset_seconds": "absent for servers without time stamps; the log reports it",
}
"""Metrics that no dashboard shows, with the reason."""

COMPARE_EXPORTERS = {bus.READERS.expr, bus.DISAGREEMENT.expr}
"""Queries that compare several exporters of one server, and so do not merge them."""


def labels(expr: str) -> set[str]:
    return set(Queries().labels(Choices().spell(expr)))


@pytest.mark.parametrize("stem", STEMS)
def test_queries_use_declared_metrics_and_labels_only(stem: str) -> None:
    for expr in expressions(stem):
        labels(expr)


@pytest.mark.parametrize("panel", all_panels(), ids=str)
def test_legends_and_columns_use_labels_that_the_query_keeps(panel: Panel) -> None:
    left = {query["expr"]: labels(query["expr"]) for query in panel.queries}
    for query in panel.queries:
        named = set(re.findall(r"{{(\w+)}}", query.get("legendFormat", "")))
        assert named <= left[query["expr"]]
    organize = panel.transformation("organize")
    if organize is not None:
        heads = {name for name in organize["renameByName"] if not name.startswith("Value #")}
        assert heads <= set().union(*left.values())


@pytest.mark.parametrize("panel", all_panels(), ids=str)
def test_results_about_servers_do_not_depend_on_the_number_of_exporters(panel: Panel) -> None:
    for query in panel.queries:
        if "origin_uuid" in query["expr"]:
            assert labels(query["expr"]).isdisjoint(TARGET)


@pytest.mark.parametrize("panel", all_panels(), ids=str)
def test_series_of_several_exporters_are_merged_first(panel: Panel) -> None:
    for expr in {query["expr"] for query in panel.queries} - COMPARE_EXPORTERS:
        for name in set(re.findall(r"xivo_\w+", expr)):
            spec = spec_of(name)
            if "origin_uuid" in spec.labels:
                all_ = (*spec.labels, *(["le"] if name != spec.name else []))
                merged = rf"max by \({', '.join(all_)}\) \((\w+\()?{name}\b"
                assert len(re.findall(merged, expr)) == len(re.findall(rf"\b{name}\b", expr))


def test_every_declared_metric_is_shown_or_listed_as_raw() -> None:
    asked = " ".join(query["expr"] for panel in all_panels() for query in panel.queries)
    shown = {spec_of(name).name for name in re.findall(r"xivo_\w+", asked)}
    assert shown == SPECS.keys() - RAW.keys()


@pytest.mark.parametrize("stem", STEMS)
def test_a_dashboard_has_the_variables_that_its_queries_use(stem: str) -> None:
    names = {each["name"] for each in load(stem)["templating"]["list"]}
    used = {name for expr in expressions(stem) for name in re.findall(r"\$([a-z]\w+)", expr)}
    assert used | {"datasource"} == names
