"""Which labels the result of a query has, found out from the query alone."""

from __future__ import annotations

import re
from collections.abc import Mapping

import promql_parser as promql

from dataflows.metric import Kind, MetricSpec
from dataflows.subsystems import METRICS
from exporter.exposition import telemetry

Labels = frozenset[str]

TARGET = frozenset({"job", "instance"})
"""What Prometheus adds to every series that it scrapes."""

SPECS: Mapping[str, MetricSpec] = {spec.name: spec for spec in [*telemetry.SPECS, *METRICS]}
# What Prometheus itself writes. ALERTS has the labels of the alert.
PROMETHEUS: Mapping[str, Labels] = {
    "up": TARGET,
    "ALERTS": frozenset({"alertname", "alertstate", "origin_uuid", "queue", "service_name"}),
}
# Series that the rules already use; the program is about to declare them.


def spec_of(series: str) -> MetricSpec:
    """Find the metric of a series; only those of a histogram have another name than it."""
    if series in SPECS:
        return SPECS[series]
    spec = SPECS.get(re.sub("_(bucket|count|sum)$", "", series))
    assert spec is not None, f"{series} is no declared metric"
    assert spec.kind is Kind.HISTOGRAM, f"{series} is of no histogram"
    return spec


class Queries:
    """Reads queries, and refuses what can match nothing: undeclared names, labels, label values."""

    def __init__(self) -> None:
        self._recorded: dict[str, Labels] = {}

    def record(self, name: str, query: str) -> None:
        """Let later queries ask for the result of this one."""
        self._recorded[name] = self.labels(query)

    def labels(self, query: str) -> Labels:
        """Tell the labels of a query's result."""
        return self._of(promql.parse(query)) or frozenset()

    def _of(self, query: promql.Expr) -> Labels | None:
        """Tell the labels of an expression's result, None for a scalar."""
        labels: Labels | None = None
        match query:
            case promql.VectorSelector():
                labels = self._selected(query)
            case promql.MatrixSelector():
                labels = self._selected(query.vector_selector)
            case promql.AggregateExpr():
                labels = self._aggregated(query)
            case promql.BinaryExpr():
                labels = self._matched(query)
            case promql.ParenExpr() | promql.UnaryExpr() | promql.SubqueryExpr():
                labels = self._of(query.expr)
            case promql.Call():
                labels = self._called(query)
        return labels

    def _selected(self, query: promql.VectorSelector) -> Labels:
        name = query.name or ""
        others = {**PROMETHEUS, **self._recorded}
        if name in others:
            labels = others[name]
            vocabulary: Mapping[str, tuple[str, ...]] = {}
        else:
            spec = spec_of(name)
            labels = TARGET.union(spec.labels, {"le"} if name.endswith("_bucket") else ())
            vocabulary = spec.vocabulary
        for each in query.matchers.matchers:
            assert each.name in labels, f"{name} has no label {each.name}"
            if each.op == promql.MatchOp.Equal and each.name in vocabulary:
                assert each.value in vocabulary[each.name], f"{name} has no {each}"
        return labels

    def _aggregated(self, query: promql.AggregateExpr) -> Labels:
        inner = self._of(query.expr) or frozenset()
        if f"{query.op}" in {"topk", "bottomk"}:
            return inner
        if query.modifier is None:
            return frozenset()
        named = frozenset(query.modifier.labels)
        assert named <= inner, f"no label {named - inner} in {query}"
        return named if query.modifier.type == promql.AggModifierType.By else inner - named

    def _matched(self, query: promql.BinaryExpr) -> Labels | None:
        left, right = self._of(query.lhs), self._of(query.rhs)
        if left is None or right is None:
            return left if right is None else right
        matching = query.modifier.matching if query.modifier else None
        if matching is None:
            # Series with different labels never match; only `or` takes them as they are.
            assert left == right or f"{query.op}" == "or", f"{set(left)} never match {set(right)}"
            return left | right
        assert matching.type == promql.LabelModifierType.Include, f"ignoring() in {query}"
        named = frozenset(matching.labels)
        assert named <= left & right, f"no label {named - (left & right)} on both sides of {query}"
        return left

    def _called(self, query: promql.Call) -> Labels | None:
        inner = [self._of(each) for each in query.args]
        if query.func.name in {"time", "scalar"}:
            return None
        if query.func.name in {"vector", "absent"}:
            return frozenset()
        labels = frozenset().union(*(each for each in inner if each is not None))
        if query.func.name == "label_replace":
            written = query.args[1]
            assert isinstance(written, promql.StringLiteral)
            return labels | {written.val}
        return labels
