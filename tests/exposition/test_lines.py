"""The lines are prometheus_client's own, byte by byte."""

from math import inf, nan
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric

from dataflows.metric import Histogram, Kind, LabelValues, MetricSpec, Value
from dataflows.slope import Slope
from exporter.exposition.families import Families, family
from exporter.exposition.render import FORMATS, Exposition, text
from exporter.exposition.store import SeriesStore
from tests.golden import replayed
from tests.pipeline import SPECS

_NAMES = st.from_regex("[a-zA-Z_][a-zA-Z0-9_]{0,8}", fullmatch=True)
_TEXTS = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from('\\"\n%{}, #=\r'))
_NUMBERS = st.floats() | st.integers(-(10**18), 10**18) | st.just(-0.0)


@st.composite
def _specs(draw: st.DrawFn) -> MetricSpec:
    kind = draw(st.sampled_from(Kind))
    name = draw(_NAMES) + ("_total" if kind is Kind.COUNTER else "")
    labels = draw(st.lists(_NAMES.filter(lambda each: each != "le"), max_size=4, unique=True))
    words: list[str] = []
    if kind is Kind.GAUGE and labels and draw(st.booleans()):
        words = draw(st.lists(_TEXTS, min_size=1, max_size=3, unique=True))
    bounds = draw(st.lists(st.floats(0, 1e9), max_size=3, unique=True).map(sorted))
    return MetricSpec(
        name,
        kind,
        draw(_TEXTS),
        tuple(labels),
        {labels[-1]: tuple(words)} if words else {},
        state_set=bool(words),
        buckets=tuple(bounds) if kind is Kind.HISTOGRAM else (),
    )


def _values(spec: MetricSpec) -> st.SearchStrategy[Any]:
    if spec.state_set:
        return st.sampled_from(spec.states)
    if spec.kind is not Kind.HISTOGRAM:
        return _NUMBERS
    size = len(spec.buckets) + 1
    counts = st.lists(st.integers(0, 10**9), min_size=size, max_size=size).map(tuple)
    return st.builds(Histogram, counts, _NUMBERS)


@st.composite
def _shown(draw: st.DrawFn) -> tuple[MetricSpec, dict[LabelValues, Value]]:
    spec = draw(_specs())
    labels = st.tuples(*[_TEXTS] * (len(spec.labels) - spec.state_set))
    return spec, draw(st.dictionaries(labels, _values(spec), min_size=1, max_size=4))


def _as_prometheus_client(content_type: str, *families: Metric) -> bytes:
    encode, chosen = choose_encoder(content_type)
    # Our content types are those that it writes.
    assert chosen in (content_type, f"{content_type}; escaping=underscores")
    return encode(Families(families)).removesuffix(b"# EOF\n")


_GAUGE = MetricSpec("xivo_things", Kind.GAUGE, "Things.", ("a",))
_ODD_NUMBERS = (inf, -inf, nan, -0.0, 1e6, 999_999.5, 1e16, 12, True)


@given(_shown(), st.sampled_from(FORMATS))
@example((_GAUGE, {(str(number),): number for number in _ODD_NUMBERS}), FORMATS[0])
def test_any_series_are_written_as_prometheus_client_writes_them(
    shown: tuple[MetricSpec, dict[LabelValues, Value]], content_type: str
) -> None:
    spec, series = shown
    store = SeriesStore([spec])
    store.apply(tuple((spec.name, *each) for each in series.items()))
    pieces = Exposition(store, [spec], [], lambda: False, float).render(content_type)
    expected = _as_prometheus_client(content_type, family(spec, series.items()))
    assert b"".join(pieces).startswith(expected)


@pytest.mark.parametrize("content_type", FORMATS[:2])
def test_the_corpus_is_written_as_prometheus_client_writes_it(content_type: str) -> None:
    pipeline = replayed()
    exposition = Exposition(pipeline.store, SPECS, [], lambda: False, float)
    written = b"".join(exposition.render(content_type)).decode()
    expected = pipeline.openmetrics() if "openmetrics" in content_type else pipeline.text()
    assert written.startswith(expected.removesuffix("# EOF\n"))


def test_the_text_of_series_alone_has_the_same_lines_in_any_order_of_their_beginning() -> None:
    view = replayed().store.view()
    backwards = SeriesStore(SPECS)
    for spec in SPECS:
        series = reversed([*view.series[spec.name].items()])
        backwards.apply(
            tuple(
                # A view contains numbers, and no slopes.
                (spec.name, labels, Slope(float(str(value)), 0, 0) if spec.grows else value)
                for labels, value in series
            )
        )
    assert text(SPECS, view) == text(SPECS, backwards.view())
    assert sorted(text(SPECS, view).splitlines()) == sorted(replayed().text().splitlines())
