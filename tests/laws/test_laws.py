"""Properties of every subsystem."""

import copy
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dataflows.items import OriginSilent
from dataflows.lengths import TODAY, parse_lengths
from dataflows.metric import Histogram, Kind, LabelValues
from dataflows.notices import Notice
from dataflows.options import Options
from dataflows.quota import Allocation, Quota
from dataflows.subsystem import Context, Event, State, Subsystem
from dataflows.subsystems import SUBSYSTEMS
from dataflows.subsystems.bus import WINDOW_START
from tests import corpus
from tests.corpus import Message
from tests.laws.strategies import (
    BUSES,
    JSON,
    KINDS,
    ORIGINS,
    Letter,
    Pause,
    Rubbish,
    Step,
    letters,
    rubbish,
    traffic,
)
from tests.laws.strategies import Kind as KindOfEvent
from tests.pipeline import (
    ALL_DETAILS,
    OF_AN_API,
    SPECS,
    WINDOWED,
    WINDOWS,
    Pipeline,
    SeriesValues,
    assert_vocabularies_complete,
)

BY_NAME = {spec.name: spec for spec in SPECS}
USED = [name for name in corpus.names() if corpus.load(name).outcome == "used"]
EXPORTERS_OWN = "xivo_exporter_"
LENGTHS = {length.name: length.seconds for length in parse_lengths(WINDOWS)}
LONGEST_WINDOW = max(LENGTHS.values())


def replay(*, details: bool = True) -> Pipeline:
    """Process the corpus, then wait until its windows have closed."""
    pipeline = Pipeline(details=ALL_DETAILS if details else ())
    for name in corpus.names():
        pipeline.send(corpus.load(name))
    pipeline.wait(LONGEST_WINDOW)
    return pipeline


def domain(series: SeriesValues) -> SeriesValues:
    """Return the series without those of the exporter itself."""
    return {key: value for key, value in series.items() if not key[0].startswith(EXPORTERS_OWN)}


def of_one(series: SeriesValues, origin: str) -> SeriesValues:
    """Return the series of an origin but its name, which says whether it is alone on its bus."""
    return {
        key: value
        for key, value in domain(series).items()
        if key[1][0] == origin and key[0] != "xivo_origin_info"
    }


def of_kind(series: SeriesValues, kind: Kind) -> SeriesValues:
    return {key: value for key, value in series.items() if BY_NAME[key[0]].kind is kind}


# --- Declarations -------------------------------------------------------------------------------


# They are absent after a window without visits; `tests/windows/test_call_windows.py` tests them.
ABSENT_IF_EMPTY = {"xivo_queue_service_level_ratio", "xivo_queue_wait_max_seconds"}


def test_every_declared_metric_is_emitted_by_some_message_of_the_corpus() -> None:
    pipeline = replay()
    shown = {metric for metric, _ in pipeline.series()}
    assert BY_NAME.keys() - shown <= ABSENT_IF_EMPTY | OF_AN_API


def test_every_window_metric_has_a_series_for_each_length() -> None:
    assert len(WINDOWED) > 1
    by_metric: dict[str, set[LabelValues]] = {}
    for metric, labels in replay().series():
        by_metric.setdefault(metric, set()).add(labels)
    for metric in WINDOWED - ABSENT_IF_EMPTY:
        spec = BY_NAME[metric]
        assert spec.kind is Kind.GAUGE
        assert spec.labels[-1] == "window"
        whose = {labels[:-1] for labels in by_metric[metric]}
        closed = LENGTHS.keys() - {TODAY.name}
        names = spec.vocabulary.get("window") or (closed if spec.closed_only else LENGTHS)
        assert by_metric[metric] == {(*each, name) for each in whose for name in names}


def test_windows_can_be_turned_off() -> None:
    pipeline = Pipeline(windows="")
    for name in corpus.names():
        pipeline.send(corpus.load(name))
    pipeline.wait(LONGEST_WINDOW)
    assert not {metric for metric, _ in pipeline.series()} & WINDOWED
    assert not pipeline.late


def test_every_series_has_the_labels_that_its_metric_declares() -> None:
    for (metric, labels), value in replay().series().items():
        spec = BY_NAME[metric]
        assert len(labels) == len(spec.labels)
        assert isinstance(value, Histogram) == (spec.kind is Kind.HISTOGRAM)
        for name, values in spec.vocabulary.items():
            assert labels[spec.labels.index(name)] in values


def test_vocabularies_are_complete() -> None:
    assert_vocabularies_complete(replay())


def test_every_value_of_the_vocabularies_occurs_in_the_corpus() -> None:
    pipeline = Pipeline(details=ALL_DETAILS)
    seen: set[tuple[str, str]] = set()
    for name in corpus.names():
        pipeline.wait(60)  # For a minute, a deleted id stays deleted.
        pipeline.send(corpus.load(name))
        for (metric, labels), value in pipeline.series().items():
            if BY_NAME[metric].vocabulary and value:
                seen.add((metric, labels[-1]))
    for metric in ("xivo_agents", "xivo_endpoints", "xivo_users", "xivo_queue_members"):
        (values,) = BY_NAME[metric].vocabulary.values()
        assert {value for name, value in seen if name == metric} == set(values)
    (changes,) = BY_NAME["xivo_queue_member_changes_total"].vocabulary.values()
    assert {w for name, w in seen if name == "xivo_queue_member_changes_total"} == set(changes)


def test_metrics_follow_the_naming_rules_of_prometheus() -> None:
    assert len(BY_NAME) == len(SPECS)
    for spec in SPECS:
        assert re.fullmatch(r"xivo(_[a-z]+)+", spec.name)
        assert spec.name.endswith("_total") == (spec.kind is Kind.COUNTER)
        assert re.fullmatch(r"[A-Z0-9].*[.]", spec.help, re.DOTALL), spec.name
        assert len(set(spec.labels)) == len(spec.labels)
        assert not {"service", "type", "job", "instance", "le"} & set(spec.labels)
        assert set(spec.vocabulary) <= set(spec.labels)
        assert spec.cardinality
        assert list(spec.buckets) == sorted(spec.buckets)
        assert bool(spec.buckets) == (spec.kind is Kind.HISTOGRAM)


def test_every_series_of_a_server_carries_its_origin() -> None:
    for spec in SPECS:
        is_own = spec.name.startswith(EXPORTERS_OWN) and spec is not WINDOW_START
        assert (spec.labels[0] == "origin_uuid") is not is_own


def test_an_event_has_one_decoder_and_a_source() -> None:
    # Several subsystems may subscribe to the same decoder.
    decoders = {id(each): each for subsystem in SUBSYSTEMS for each in subsystem.all_decoders}
    assert len({decoder.name for decoder in decoders.values()}) == len(decoders)
    for decoder in decoders.values():
        assert decoder.source
        assert re.fullmatch(r"[A-Za-z_.*#]+", decoder.routing_key)


def test_the_examples_in_docstrings_of_states_are_declared() -> None:
    sample = re.compile(r"^ *(xivo_\w+)\{(.*)\} \d+$", re.MULTILINE)
    for subsystem in SUBSYSTEMS:
        mine = {spec.name: spec for spec in subsystem.metrics}
        module = import_module(f"dataflows.subsystems.{subsystem.name}")
        # A state of parts has the examples in the docstring of its part.
        states = [each for each in vars(module).values() if _is_state_of(module, each)]
        assert subsystem.start in states
        examples = sample.findall("\n".join(state.__doc__ or "" for state in states))
        assert examples, subsystem.name
        for metric, labels in examples:
            named = tuple(re.findall(r"(\w+)=", labels))
            assert named == mine[metric].labels


def _is_state_of(module: ModuleType, thing: object) -> bool:
    is_state = isinstance(thing, type) and issubclass(thing, State)
    return is_state and thing.__module__ == module.__name__


# --- Messages -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", USED)
def test_a_repeated_message_changes_no_gauge(name: str) -> None:
    pipeline = replay()
    pipeline.send(corpus.load(name))
    once = of_kind(domain(pipeline.series()), Kind.GAUGE)
    pipeline.send(corpus.load(name))
    pipeline.send(corpus.load(name), corpus.load(name))
    assert of_kind(domain(pipeline.series()), Kind.GAUGE) == once


@pytest.mark.parametrize("name", USED)
def test_unknown_fields_are_ignored(name: str) -> None:
    message = corpus.load(name)
    plain, extended = Pipeline(details=ALL_DETAILS), Pipeline(details=ALL_DETAILS)
    plain.send(message)
    more: dict[str, Any] = {"new_field": {"nested": [1, None, "x"]}, "Größe": "", "": 5}
    extended.send(message.but(**more))
    assert extended.series() == plain.series()


REQUIRED = {name: kind.required for kind in KINDS for name in kind.names}


WRONG: tuple[Any, ...] = (None, [], {}, True, 1.5, -7)


_NO_FIELDS = ("asterisk/", "configuration/")
"""Folders of events whose fields do not matter."""


def _broken(message: Message, field: str) -> Iterator[Message]:
    """Yield the message without a field, and with invalid values in it."""
    yield message.but(without=(field,))
    for value in WRONG:
        data: dict[str, Any] = {field: value}
        yield message.but(**data)


def _can_hold(field: str, value: object) -> bool:
    """Return whether one of the wrong values is valid for this field."""
    return field in {"from", "items"} and value == []


@pytest.mark.parametrize("name", [name for name in USED if not name.startswith(_NO_FIELDS)])
def test_a_missing_or_wrong_field_is_rejected_and_never_a_zero(name: str) -> None:
    message = corpus.load(name)
    content = json.loads(message.body() or "")
    data = content["data"]
    fields = set(REQUIRED[content["name"]]) & set(data)
    # If two fields may contain the same value, both must be broken.
    if content["name"].startswith("QueueMember"):
        fields |= {"Interface" if "Interface" in data else "Location"}
        # Asterisk 11 sends the setting of ringing alone.
        fields &= {*data}
    if content["name"] == "user_status_update":
        fields |= {"user_uuid", "user_id"} & set(data)
    if content["name"] in {"QueueMemberPenalty", "QueueMemberRinginuse"}:
        fields |= {"Status", "Paused"} & {*data}
    if "Ast11Uniqueid" in data:
        fields -= {"Uniqueid"}  # Each stands for the other.
    assert fields
    for field in fields:
        for broken in _broken(message, field):
            if _can_hold(field, json.loads(broken.body() or "")["data"].get(field, ())):
                continue
            pipeline = Pipeline(details=ALL_DETAILS)
            pipeline.send(broken)
            assert [r.reason for r in pipeline.rejected] == ["bad_field"], (field, broken.content)
            assert domain(pipeline.series()) == {}


@pytest.mark.parametrize("name", USED)
@pytest.mark.parametrize("data", [None, [], "text", 5, True])
def test_data_that_is_no_object_is_rejected(name: str, data: object) -> None:
    content = json.loads(corpus.load(name).body() or "")
    pipeline = Pipeline()
    pipeline.send(replace(corpus.load(name), content={**content, "data": data}, is_json=True))
    assert [r.reason for r in pipeline.rejected] == ["bad_data"]
    assert domain(pipeline.series()) == {}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.names[0])
def test_no_combination_of_required_fields_can_be_left_out(kind: KindOfEvent) -> None:
    @given(letters((kind,)), st.data())
    @settings(max_examples=10)
    def check(letter: Letter, data: st.DataObject) -> None:
        gone = data.draw(st.sets(st.sampled_from(kind.required), min_size=1))
        rest = {key: value for key, value in letter.data.items() if key not in gone}
        pipeline = Pipeline()
        pipeline.take([replace(letter, data=rest).post(pipeline.now)[0]])
        assert [r.reason for r in pipeline.rejected] == ["bad_field"]
        assert domain(pipeline.series()) == {}

    check()


# --- Sequences ----------------------------------------------------------------------------------


def post(pipeline: Pipeline, steps: list[Step]) -> None:
    for step in steps:
        if isinstance(step, Pause):
            pipeline.wait(step.seconds)
        else:
            pipeline.take([letter.post(pipeline.now)[0] for letter in step])


@given(traffic())
def test_every_event_twice_in_a_row_changes_no_gauge_and_lowers_no_counter(
    steps: list[Step],
) -> None:
    once, twice = Pipeline(details=ALL_DETAILS), Pipeline(details=ALL_DETAILS)
    doubled: list[Step] = [
        step if isinstance(step, Pause) else [each for each in step for _ in range(2)]
        for step in steps
    ]
    post(once, steps)
    post(twice, doubled)
    series, again = domain(once.series()), domain(twice.series())
    assert of_kind(again, Kind.GAUGE) == of_kind(series, Kind.GAUGE)
    without_ids = {"xivo_call_forms_total", "xivo_bus_events_total"}
    for key, value in of_kind(series, Kind.COUNTER).items():
        now = again[key]
        assert isinstance(now, int | float)
        assert isinstance(value, int | float)
        if key[0] == "xivo_chat_messages_total":
            # Messages of XiVO have no id, those of Wazo have one.
            assert value <= now <= 2 * value
        else:
            assert now == (2 * value if key[0] in without_ids else value)


@given(traffic(), st.data())
def test_the_batches_of_deliveries_do_not_matter(steps: list[Step], data: st.DataObject) -> None:
    one, other = Pipeline(details=ALL_DETAILS), Pipeline(details=ALL_DETAILS)
    for _ in cut_differently(one, other, steps, data):
        # Windows may differ: a batch that ends between two late events closes a window earlier.
        assert without_windows(other.series()) == without_windows(one.series())


def cut_differently(
    one: Pipeline, other: Pipeline, steps: list[Step], data: st.DataObject
) -> Iterator[None]:
    """Send the same traffic to both, but split the batches of `other`; yield after each batch."""
    for step in steps:
        if isinstance(step, Pause):
            one.wait(step.seconds)
            other.wait(step.seconds)
            continue
        batch = [letter.post(one.now)[0] for letter in step]
        one.take(batch)
        cut = data.draw(st.integers(0, len(batch)))
        other.take(batch[:cut])
        other.take(batch[cut:])
        yield


def without_windows(series: SeriesValues) -> SeriesValues:
    return {key: value for key, value in series.items() if key[0] not in WINDOWED}


@given(traffic(letters().map(lambda letter: replace(letter, stamp=""))), st.data())
def test_the_batches_of_events_in_time_do_not_matter_for_windows(
    steps: list[Step], data: st.DataObject
) -> None:
    one, other = Pipeline(), Pipeline()
    for _ in cut_differently(one, other, steps, data):
        pass
    one.wait(LONGEST_WINDOW)
    other.wait(LONGEST_WINDOW)
    assert other.series() == one.series()
    assert not one.late
    assert not other.late


@given(traffic())
def test_two_origins_never_mix(steps: list[Step]) -> None:
    mixed = Pipeline(details=ALL_DETAILS)
    post(mixed, steps)
    for origin in ORIGINS:
        alone = Pipeline(details=ALL_DETAILS)
        mine: list[Step] = [
            step
            if isinstance(step, Pause)
            else [each for each in step if isinstance(each, Letter) and each.origin == origin]
            for step in steps
        ]
        post(alone, mine)
        assert of_one(mixed.series(), origin) == of_one(alone.series(), origin)
        names = domain(alone.series()).keys() - of_one(alone.series(), origin).keys()
        assert all(name == "xivo_origin_info" for name, _ in names)


NAMES = st.sampled_from(("a", "a|", "|a", "a|a", "|"))


@given(st.lists(st.tuples(NAMES, NAMES, st.integers(0, 8)), min_size=6, max_size=12))
def test_servers_and_queues_of_any_name_never_mix(facts: list[tuple[str, str, int]]) -> None:
    status = corpus.load("queues/xivo-15.20_QueueMemberStatus")
    mixed = Pipeline()
    mixed.send(*(status.but(origin=o, Queue=q, Status=str(s)) for o, q, s in facts))
    for origin in {origin for origin, _, _ in facts}:
        alone = Pipeline()
        mine = [fact for fact in facts if fact[0] == origin]
        alone.send(*(status.but(origin=o, Queue=q, Status=str(s)) for o, q, s in mine))
        shown = {k: v for k, v in domain(alone.series()).items() if k[0].startswith("xivo_queue")}
        (label,) = {labels[0] for _, labels in shown}
        assert {
            k: v
            for k, v in domain(mixed.series()).items()
            if k[0].startswith("xivo_queue") and k[1][0] == label
        } == shown


@given(traffic())
def test_the_counters_of_deliveries_add_up_after_every_batch(steps: list[Step]) -> None:
    pipeline = Pipeline()
    for step in steps:
        post(pipeline, [step])
        assert_balanced(pipeline)


def assert_balanced(pipeline: Pipeline) -> None:
    series = pipeline.series()
    total: dict[tuple[str, str], float] = {}
    for (metric, labels), value in series.items():
        if metric.startswith(EXPORTERS_OWN) and BY_NAME[metric].labels[0] == "bus":
            assert isinstance(value, int | float)
            assert value >= 0
            key = (labels[0], metric.removeprefix(EXPORTERS_OWN))
            total[key] = total.get(key, 0) + value
    for bus in {bus for bus, _ in total}:
        parts = ("used_total", "unused_total", "rejected_total", "duplicates_total")
        assert total[bus, "deliveries_total"] == sum(total[bus, part] for part in parts)
        read = total[bus, "deliveries_total"] - total[bus, "duplicates_total"]
        assert total[bus, "clamped_timestamps_total"] <= read


@given(traffic())
def test_states_add_up_to_the_entities_and_no_gauge_is_below_0(steps: list[Step]) -> None:
    pipeline = Pipeline(details=ALL_DETAILS)
    for step in steps:
        post(pipeline, [step])
        series = domain(pipeline.series())
        assert all(v >= 0 for v in series.values() if isinstance(v, int | float))
        for origin in ORIGINS:
            agents = _sum(series, "xivo_agents", origin)
            assert agents == _count(series, "xivo_agent_logged_in", origin)
            logged_in = _sum(series, "xivo_agent_logged_in", origin)
            assert logged_in == series.get(("xivo_agents", (origin, "logged_in")), 0)
            endpoints = _sum(series, "xivo_endpoints", origin)
            assert endpoints * 9 == _count(series, "xivo_endpoint_state", origin)
            assert endpoints == _sum(series, "xivo_endpoint_state", origin)
            for queue in ("petak", "support"):
                members = _sum(series, "xivo_queue_member_states", origin, queue)
                paused = _sum(series, "xivo_queue_members_paused", origin, queue)
                available = _sum(series, "xivo_queue_members_available", origin, queue)
                assert _sum(series, "xivo_queue_members", origin, queue) <= members
                wrap_ups = _sum(series, "xivo_queue_members_wrap_up", origin, queue)
                assert available <= members - max(paused, wrap_ups)


def _values(series: SeriesValues, metric: str, *labels: str) -> Iterator[float]:
    for (name, values), value in series.items():
        if name == metric and values[: len(labels)] == labels:
            assert isinstance(value, int | float)
            yield value


def _sum(series: SeriesValues, metric: str, *labels: str) -> float:
    return sum(_values(series, metric, *labels))


def _count(series: SeriesValues, metric: str, *labels: str) -> int:
    return len(list(_values(series, metric, *labels)))


REMOVALS: tuple[tuple[tuple[str, ...], str, dict[str, Any]], ...] = (
    (("agents/xivo-15.20_agent_status_update",), "agents/xivo-15.20_agent_deleted", {"id": 42}),
    (
        ("endpoints/document_endpoint_status_update",),
        "endpoints/xivo-15.20_endpoint_status_update_minus2",
        {"endpoint_id": 67},
    ),
    (
        ("users/document_user_status_update", "users/xivo-16.09_user_status_update_uuid"),
        "users/wazo-26.04_user_deleted",
        {},
    ),
    (
        ("queues/xivo-15.20_QueueMemberAdded", "queues/xivo-15.20_QueueMemberPause"),
        "queues/xivo-15.20_QueueMemberRemoved",
        {"Queue": "petak"},
    ),
    (
        ("switchboards/wazo-26.04_switchboard_queued_calls_updated",),
        "switchboards/wazo-26.04_switchboard_deleted",
        {"uuid": "1f3ea2d1-4a4b-4b1b-9f47-1f6a5a7b8c9d"},
    ),
)


@pytest.mark.parametrize(("arrivals", "removal", "data"), REMOVALS)
def test_a_removed_entity_leaves_every_gauge_as_before(
    arrivals: tuple[str, ...], removal: str, data: dict[str, Any]
) -> None:
    pipeline = Pipeline(details=ALL_DETAILS)
    messages = [corpus.load(name).but(**_only(data, "Queue")) for name in arrivals]
    remove = corpus.load(removal).but(**data)
    pipeline.send(remove)
    pipeline.wait(LONGEST_WINDOW)
    before = gauges(pipeline)
    pipeline.send(*messages)
    pipeline.wait(LONGEST_WINDOW)
    present = gauges(pipeline)
    assert without_windows(present) != without_windows(before)
    pipeline.send(remove)
    assert without_windows(gauges(pipeline)) == without_windows(before)
    # Closed windows still contain the entity, later ones do not.
    assert {k: v for k, v in gauges(pipeline).items() if k[0] in WINDOWED} == {
        k: v for k, v in present.items() if k[0] in WINDOWED
    }
    pipeline.wait(2 * LONGEST_WINDOW)
    assert gauges(pipeline) == before


def gauges(pipeline: Pipeline) -> SeriesValues:
    """Return the gauges of the servers, except the times of their last events."""
    series = of_kind(domain(pipeline.series()), Kind.GAUGE)
    return {k: v for k, v in series.items() if not k[0].endswith("last_event_timestamp_seconds")}


def _only(data: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in copy.deepcopy(data).items() if key in keys}


@given(letters(), rubbish())
def test_a_rejection_changes_only_the_counters_of_deliveries(letter: Letter, bad: Rubbish) -> None:
    assume(not letter.is_duplicate)
    pipeline = Pipeline(details=ALL_DETAILS)
    post(pipeline, [[letter]])
    before = domain(pipeline.series())
    post(pipeline, [[bad, bad]])
    assert domain(pipeline.series()) == before
    assert_balanced(pipeline)


@given(letters(), st.dictionaries(st.text(max_size=8), JSON, max_size=3))
def test_unknown_fields_of_any_kind_are_ignored(letter: Letter, more: dict[str, Any]) -> None:
    known = re.compile(
        r"(?i)paused|status|membership|logintime|interface|location|queue|user_|uuid|alias|alice"
    )
    more = {key: value for key, value in more.items() if not known.search(key)}
    plain, extended = Pipeline(details=ALL_DETAILS), Pipeline(details=ALL_DETAILS)
    post(plain, [[letter]])
    post(extended, [[replace(letter, data={**more, **letter.data})]])
    assert extended.series() == plain.series()


def _context() -> Context:
    options = Options(windows=parse_lengths(WINDOWS))
    quotas = Quota("entities", 10), Quota("shown", 10)
    return Context("default", options, *map(Allocation, quotas))


class _OfAnother(Event, frozen=True, gc=False):
    """An event of a queue and of a service, of which neither has heard."""

    queue: str
    service_name: str


@pytest.mark.parametrize(
    "subsystem",
    [each for each in SUBSYSTEMS if each.decoders],
    ids=lambda subsystem: str(subsystem.name),
)
def test_a_state_ignores_other_events(subsystem: Subsystem) -> None:
    message = next(m for m in map(corpus.load, corpus.names(subsystem.name)) if _is_used(m))
    pipeline = Pipeline()
    pipeline.send(message)
    [happened] = [events for _, (name, _, events) in pipeline.decoded if name == subsystem.name]
    [event] = [each for each in happened if not isinstance(each, Notice)]
    context = _context()
    state = subsystem.start(event, context)
    state.apply(event)
    state.expire(event.at)
    state.samples.drain()
    taken = context.entities.taken, context.shown.taken
    queue = getattr(event, "queue", "petak")
    service = getattr(event, "service_name", "xivo-ctid")
    state.apply(_OfAnother(corpus.ORIGIN, event.at, queue, service))
    state.expire(event.at)
    assert state.samples.drain() == ()
    assert state.refused == 0
    assert (context.entities.taken, context.shown.taken) == taken


def _is_used(message: Message) -> bool:
    return message.outcome == "used"


def test_only_details_are_off_by_default() -> None:
    with_details, without = replay(details=True).series(), replay(details=False).series()
    assert {k: v for k, v in with_details.items() if not BY_NAME[k[0]].detail} == without
    assert {k[0] for k in with_details} - {k[0] for k in without} == {
        spec.name for spec in SPECS if spec.detail
    }


@pytest.mark.parametrize("origin", ORIGINS)
def test_a_forgotten_server_leaves_nothing_and_starts_again(origin: str) -> None:
    pipeline = Pipeline(details=ALL_DETAILS)
    messages = {
        each: [corpus.load(name).but(origin=each) for name in USED if corpus.load(name).is_json]
        for each in ORIGINS
    }
    for mine in messages.values():
        pipeline.send(*mine)
    pipeline.wait(LONGEST_WINDOW)
    before = domain(pipeline.series())
    pipeline.take([OriginSilent("default", origin, pipeline.now)])
    [other] = {*ORIGINS} - {origin}
    after = domain(pipeline.series())
    assert {labels[0] for _, labels in after} == {other}
    assert of_one(after, other) == of_one(before, other)
    assert after["xivo_origin_info", (other, "default", "default")] == 1
    assert not [key for key in pipeline.keys if origin in key]
    # A later event starts its states again, and they know nothing of before.
    fresh = Pipeline(details=ALL_DETAILS)
    fresh.now = pipeline.now
    for each in (pipeline, fresh):
        each.send(*messages[origin])
        each.wait(LONGEST_WINDOW)
    assert of_one(pipeline.series(), origin) == of_one(fresh.series(), origin)


@given(traffic(), st.integers(1, 3), st.integers(1, 3))
def test_a_forgotten_server_gives_back_its_places(
    steps: list[Step], entities: int, shown: int
) -> None:
    pipeline = Pipeline(details=ALL_DETAILS, max_entities=entities, max_series=shown)
    post(pipeline, steps)
    pipeline.take([OriginSilent(bus, origin, pipeline.now) for bus in BUSES for origin in ORIGINS])
    assert domain(pipeline.series()) == {}
    fresh = Pipeline(details=ALL_DETAILS, max_entities=entities, max_series=shown)
    fresh.now = pipeline.now
    pipeline.refused.clear()
    pipeline.hidden.clear()
    for each in (pipeline, fresh):
        post(each, steps)
    assert domain(pipeline.series()) == domain(fresh.series())
    assert (pipeline.refused, pipeline.hidden) == (fresh.refused, fresh.hidden)
