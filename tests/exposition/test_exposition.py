"""From the store to the text: both formats, every kind, hostile labels."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as parse_openmetrics,
)
from prometheus_client.parser import text_string_to_metric_families as parse_text

from dataflows import knowledge
from dataflows.labels import MAX_LABEL, label
from dataflows.listings import Source
from dataflows.metric import Histogram, Kind, MetricSpec, Sample
from dataflows.subsystems import kept, metrics_of
from exporter.exposition.reloads import Reloads
from exporter.exposition.render import FORMATS, Exposition
from exporter.exposition.snapshot_status import SnapshotOutcome, SourceStatus
from exporter.exposition.store import SeriesStore
from exporter.exposition.telemetry import LATE_EVENTS, SERIES, BusStatus
from exporter.exposition.telemetry import SPECS as OWN_SPECS
from tests.program import samples_of
from tests.support import check_metrics

GAUGE = MetricSpec("xivo_things", Kind.GAUGE, "Things known, by name.", ("origin_uuid", "name"))
COUNTER = MetricSpec("xivo_happenings_total", Kind.COUNTER, "Things that happened.", ("name",))
HISTOGRAM = MetricSpec(
    "xivo_thing_duration_seconds", Kind.HISTOGRAM, "How long.", ("name",), buckets=(1, 2.5)
)
SPECS = (GAUGE, COUNTER, HISTOGRAM)
TEXT, OPENMETRICS = FORMATS[:2]
NASTY = [
    'say "hi"',
    "back\\slash",
    "a\\nb",
    "a\nb",
    "\r",
    "\x00\x1b[31m",
    "{}=,# EOF",
    "é\u202e",
    " ",
    "",
]


def _exposition(*samples: Sample, dropped: int = 0) -> Exposition:
    store = SeriesStore(SPECS)
    store.apply(samples)
    store.count_dropped([COUNTER.name], dropped)
    status = BusStatus("default", "amqp://h:1", "xivo", sources={Source.AMID: SourceStatus()})
    return Exposition(store, SPECS, [status], lambda: False, float)


def _text(exposition: Exposition, content_type: str = TEXT) -> str:
    return b"".join(exposition.render(content_type)).decode()


def _value(text: str, metric: str, /, **labels: str) -> float | None:
    return samples_of(text).get((metric, frozenset(labels.items())))


def test_the_first_format_is_text_and_only_openmetrics_has_an_end() -> None:
    assert TEXT.startswith("text/plain; version=0.0.4;")
    for content_type in FORMATS:
        text = _text(_exposition(), content_type)
        assert text.endswith("# EOF\n") is ("openmetrics" in content_type)


@pytest.mark.parametrize("content_type", [TEXT, OPENMETRICS])
def test_every_kind_of_metric_comes_out(content_type: str) -> None:
    text = _text(
        _exposition(
            (GAUGE.name, ("o", "n"), 1.5),
            (COUNTER.name, ("n",), 3),
            (HISTOGRAM.name, ("n",), Histogram((1, 2, 4), 99.5)),
        ),
        content_type,
    )
    assert _value(text, "xivo_things", origin_uuid="o", name="n") == 1.5
    assert _value(text, "xivo_happenings_total", name="n") == 3
    duration = HISTOGRAM.name
    buckets = {
        le: _value(text, f"{duration}_bucket", name="n", le=le) for le in ("1.0", "2.5", "+Inf")
    }
    # Cumulative, as Prometheus wants them.
    assert buckets == {"1.0": 1, "2.5": 3, "+Inf": 7}
    assert _value(text, f"{duration}_count", name="n") == 7
    assert _value(text, f"{duration}_sum", name="n") == 99.5
    assert f"# HELP {GAUGE.name} Things known, by name." in text


def test_a_metric_without_series_is_not_mentioned() -> None:
    assert "xivo_things" not in _text(_exposition()).replace('metric="xivo_things"', "")


@pytest.mark.parametrize("content_type", [TEXT, OPENMETRICS])
@pytest.mark.parametrize("value", NASTY)
def test_any_label_value_comes_back_as_it_was(content_type: str, value: str) -> None:
    text = _text(_exposition((GAUGE.name, (value, "n"), 1)), content_type)
    assert _value(text, GAUGE.name, origin_uuid=value, name="n") == 1


@given(st.sets(st.text(), max_size=8), st.sampled_from([TEXT, OPENMETRICS]))
def test_text_of_the_bus_becomes_labels_that_parse_and_stay_apart(
    names: set[str], content_type: str
) -> None:
    samples = [(GAUGE.name, ("o", label(name)), 1) for name in sorted(names)]
    text = _text(_exposition(*samples), content_type)
    shown = [dict(labels)["name"] for name, labels in samples_of(text) if name == GAUGE.name]
    assert len(shown) == len(names)
    assert all(len(each) <= MAX_LABEL and each.isprintable() for each in shown)


@pytest.mark.parametrize("value", [math.inf, -math.inf, 1e300, -0.0, 2.0**53])
def test_any_number_comes_back(value: float) -> None:
    text = _text(_exposition((GAUGE.name, ("o", "n"), value)))
    assert _value(text, GAUGE.name, origin_uuid="o", name="n") == value


def test_the_exporter_has_metrics_of_itself() -> None:
    exposition = _exposition(*((COUNTER.name, (str(i),), 1) for i in range(3)), dropped=2)
    text = _text(exposition)
    assert _value(text, "xivo_exporter_bus_connected", bus="default") == 0
    assert _value(text, "xivo_exporter_bus_gaps_total", bus="default") == 0
    assert _value(text, "xivo_exporter_series", metric=COUNTER.name) == 3
    assert _value(text, "xivo_exporter_series_dropped_total", metric=COUNTER.name) == 2
    assert _value(text, "xivo_exporter_series_dropped_total", metric=GAUGE.name) == 0
    names = {name for name, _ in samples_of(text)}
    assert {spec.name for spec in OWN_SPECS} <= names
    assert {"process_resident_memory_bytes", "python_info"} <= names


def test_nothing_is_said_of_subsystems_that_are_left_out() -> None:
    subsystems = kept(("agents",))
    specs = metrics_of(subsystems)
    exposition = Exposition(
        SeriesStore(specs), specs, [], lambda: False, float, subsystems=subsystems
    )
    found = samples_of(_text(exposition))
    late = {labels for name, labels in found if name == LATE_EVENTS.name}
    assert late == {frozenset({("subsystem", "agents")})}
    shown = {dict(labels)["metric"] for name, labels in found if name == SERIES.name}
    assert shown == {spec.name for spec in specs}
    assert "xivo_agents" in shown
    assert "xivo_queue_members" not in shown


def test_a_standby_says_so_and_how_many_deliveries_are_held_back() -> None:
    status = BusStatus("default", "amqp://h:1", "xivo")
    exposition = Exposition(SeriesStore(SPECS), SPECS, [status], lambda: False, float)
    for is_standby, held in ((False, 0), (True, 0), (False, 7)):
        status.is_standby, status.held = is_standby, held
        text = _text(exposition)
        assert _value(text, "xivo_exporter_bus_standby", bus="default") == is_standby
        assert _value(text, "xivo_exporter_deliveries_held", bus="default") == held


def test_each_api_has_its_requests_by_outcome_and_no_api_has_no_series() -> None:
    amid, chatd = SourceStatus(), SourceStatus()
    amid.outcomes[SnapshotOutcome.REFUSED] = 2
    amid.last_success_at, amid.duration = 1.5e9, 0.25
    buses = [
        BusStatus("paris", "amqp://h:1", "xivo", sources={Source.AMID: amid}),
        BusStatus("lyon", "amqp://h:1", "xivo", sources={Source.CHATD: chatd}),
        BusStatus("nantes", "amqp://h:1", "xivo"),
    ]
    text = _text(Exposition(SeriesStore(SPECS), SPECS, buses, lambda: False, float))

    def shown(metric: str, bus: str, source: str, **labels: str) -> float | None:
        return _value(text, f"xivo_exporter_{metric}", bus=bus, source=source, **labels)

    assert shown("snapshots_total", "paris", "amid", outcome="refused") == 2
    assert shown("snapshots_total", "paris", "amid", outcome="ok") == 0
    assert shown("snapshots_total", "lyon", "chatd", outcome="refused") == 0
    assert shown("snapshots_total", "lyon", "amid", outcome="ok") is None
    assert shown("snapshot_last_success_timestamp_seconds", "paris", "amid") == 1.5e9
    assert shown("snapshot_last_success_timestamp_seconds", "lyon", "chatd") == 0
    assert shown("snapshot_duration_seconds", "paris", "amid") == 0.25
    assert text.count("xivo_exporter_snapshots_total{") == 2 * len(SnapshotOutcome)


def test_the_newest_settings_are_used_until_one_of_the_files_is_broken() -> None:
    reloads = Reloads()
    exposition = Exposition(
        SeriesStore(SPECS), SPECS, [], lambda: False, lambda: 100.0, reloads=reloads
    )

    def shown() -> tuple[float | None, ...]:
        text = _text(exposition)
        names = ("successful", "success_timestamp_seconds")
        return tuple(_value(text, f"xivo_exporter_config_last_reload_{name}") for name in names)

    assert shown() == (1, 100)
    reloads.settings.fail()
    assert shown() == (0, 100)
    reloads.web.fail()
    reloads.settings.succeed(200.0)
    # One is used, but the other one is still broken.
    assert shown() == (0, 200)
    reloads.web.succeed(300.0)
    assert shown() == (1, 300)
    reloads.settings.succeed(400.0)
    assert shown() == (1, 400)


def test_a_scrape_is_of_one_moment_however_long_it_takes() -> None:
    store = SeriesStore(SPECS)
    before = tuple((GAUGE.name, ("o", f"{i:0100}"), 1) for i in range(5000))
    store.apply(before)
    pieces = Exposition(store, SPECS, [], lambda: False, float).render()
    text = next(pieces)
    store.apply(tuple((metric, labels, 2) for metric, labels, _ in before[1000:]))
    store.apply(tuple((metric, labels, None) for metric, labels, _ in before[:1000]))
    rest = [*pieces]
    assert len(rest) > 1
    values = [
        v
        for (name, _), v in samples_of((text + b"".join(rest)).decode()).items()
        if name == GAUGE.name
    ]
    assert values == [1.0] * 5000


@pytest.mark.parametrize(("metrics", "series", "pauses"), [(200, 5, 1), (1, 9_000, 5)])
def test_a_scrape_lets_others_run_by_its_lines_and_not_by_its_metrics(
    metrics: int, series: int, pauses: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    specs = [MetricSpec(f"xivo_{n}", Kind.GAUGE, "Things.", ("name",)) for n in range(metrics)]
    store = SeriesStore(specs)
    store.apply(tuple((spec.name, (str(n),), n) for spec in specs for n in range(series)))
    slept: list[float] = []
    monkeypatch.setattr("exporter.exposition.render.time.sleep", slept.append)
    _text(Exposition(store, specs, [], lambda: False, float))
    assert slept == [0] * pauses


def test_two_expositions_share_nothing() -> None:
    one = _exposition((COUNTER.name, ("n",), 1))
    other = _exposition()
    assert _value(_text(one), COUNTER.name, name="n") == 1
    assert _value(_text(other), COUNTER.name, name="n") is None


def test_both_parsers_agree_on_what_is_shown() -> None:
    exposition = _exposition(
        (GAUGE.name, ("o", "n"), 1),
        (COUNTER.name, ("n",), 3),
        (HISTOGRAM.name, ("n",), Histogram((1, 2, 4), 99.5)),
    )
    texts = {
        (family.name, family.type, family.documentation)
        for family in parse_text(_text(exposition))
        if family.name.startswith("xivo")
    }
    open_metrics = {
        (family.name, family.type, family.documentation)
        for family in parse_openmetrics(_text(exposition, OPENMETRICS))
        if family.name.startswith("xivo")
    }
    assert texts == open_metrics


@pytest.mark.promtool
def test_promtool_has_nothing_to_say() -> None:
    exposition = _exposition(
        *((GAUGE.name, (label(value), "n"), 1) for value in NASTY),
        (COUNTER.name, ("n",), 3),
        (HISTOGRAM.name, ("n",), Histogram((1, 2, 4), 99.5)),
    )
    assert check_metrics(_text(exposition)) == ""


def test_while_the_dataflow_is_stalled_nothing_is_known() -> None:
    store = SeriesStore([*SPECS, *knowledge.METRICS])
    labels = ("o", "users")
    store.apply(
        (
            (knowledge.KNOWN.name, labels, 1.0),
            (knowledge.KNOWN_SINCE.name, labels, 5.0),
            (knowledge.LAST_EVENT_AT.name, labels, 7.0),
        )
    )
    specs = [*SPECS, *knowledge.METRICS]
    stalled: list[bool] = []
    exposition = Exposition(store, specs, [], lambda: bool(stalled), float)

    def shown() -> list[float | None]:
        text = _text(exposition)
        return [
            _value(text, spec.name, origin_uuid="o", subsystem="users")
            for spec in (knowledge.KNOWN, knowledge.KNOWN_SINCE, knowledge.LAST_EVENT_AT)
        ]

    assert shown() == [1, 5, 7]
    stalled.append(True)
    assert shown() == [0, 0, 7]
