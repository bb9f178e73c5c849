"""No delivery stops the dataflow or makes its counters inconsistent."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from dataflows.envelope import Delivery, Reason
from dataflows.items import Item
from dataflows.labels import MAX_LABEL
from dataflows.subsystems import SUBSYSTEMS
from tests.laws.strategies import KINDS, Letter, Pause, Step, letters, traffic
from tests.laws.test_laws import assert_balanced, post
from tests.pipeline import ALL_DETAILS, Pipeline

# Set by the profile, see conftest.py.
EXAMPLES = settings().max_examples

EVENTS = [decoder.name for subsystem in SUBSYSTEMS for decoder in subsystem.decoders]

ANY_NUMBER = st.integers() | st.integers(-(10**40), 10**40) | st.floats()
ANY_TEXT = st.text(st.characters(), max_size=20) | st.text(st.characters(), max_size=20).map(
    lambda text: text * 30
)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | ANY_NUMBER | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4),
    max_leaves=8,
)
FIELDS = st.sampled_from(sorted({field for kind in KINDS for field in kind.required}))
ANY_DATA = ANY_JSON | st.dictionaries(FIELDS, ANY_JSON, max_size=6)
ENVELOPES = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(EVENTS) | ANY_JSON,
        "origin_uuid": ANY_TEXT | ANY_JSON,
        "data": ANY_DATA,
        "timestamp": ANY_JSON | st.datetimes().map(str),
    },
)
BODIES = st.one_of(
    st.binary(max_size=200),
    ANY_TEXT,
    st.none(),
    ANY_JSON.map(json.dumps),
    ENVELOPES.map(json.dumps),
    ENVELOPES.map(lambda value: json.dumps(value).encode()),
)
# The header is a 64-bit integer.
STAMPS_MS = st.none() | st.integers(-(2**63), 2**63 - 1)


@given(st.lists(st.tuples(BODIES, st.none() | ANY_TEXT, STAMPS_MS), max_size=8))
@settings(max_examples=3 * EXAMPLES)
def test_nothing_that_arrives_stops_the_dataflow(
    arrivals: list[tuple[bytes | str | None, str | None, int | None]],
) -> None:
    pipeline = Pipeline(details=ALL_DETAILS)
    batch = [
        Delivery("default", body, pipeline.now, stamp, stamp_ms)
        for body, stamp, stamp_ms in arrivals
    ]
    pipeline.take(batch)
    pipeline.take(batch)
    assert_balanced(pipeline)
    assert pipeline.value("xivo_exporter_deliveries_total", "default") in {2 * len(batch), None}
    pipeline.wait(30 * 24 * 3600)
    assert_scrapable(pipeline)


@given(letters(), st.data())
@settings(max_examples=2 * EXAMPLES)
def test_a_field_with_any_value_is_used_or_rejected(letter: Letter, data: st.DataObject) -> None:
    delivery, fact = letter.post(0)
    assert isinstance(delivery, Delivery)
    content = json.loads(delivery.body or "")
    field = data.draw(st.sampled_from(sorted(content["data"]) or ["x"]))
    content["data"][field] = data.draw(ANY_JSON)
    pipeline = Pipeline(details=ALL_DETAILS)
    pipeline.take([Delivery(fact.bus, json.dumps(content).encode(), pipeline.now)])
    # Python's encoder writes NaN, big floats and lone surrogates, which are not valid JSON.
    assert {r.reason for r in pipeline.rejected} <= {Reason.BAD_FIELD, Reason.NOT_JSON}
    assert_balanced(pipeline)
    assert_scrapable(pipeline)


@given(traffic(), st.integers(0, 400), st.integers(0, 255))
def test_a_corrupt_delivery_does_not_affect_others(
    steps: list[Step], position: int, byte: int
) -> None:
    clean, spoilt = Pipeline(), Pipeline()
    post(clean, steps)
    for step in steps:
        if isinstance(step, Pause):
            spoilt.wait(step.seconds)
            continue
        batch: list[Item] = []
        for letter in step:
            item, _ = letter.post(spoilt.now)
            body = (item.body if isinstance(item, Delivery) else None) or b"{}"
            whole = bytearray(body.encode(errors="replace") if isinstance(body, str) else body)
            if whole:
                whole[position % len(whole)] = byte
            bad = Delivery("spoilt", bytes(whole[: position + 1]), spoilt.now)
            batch += [bad, item]
        spoilt.take(batch)
    assert_balanced(spoilt)
    # A prefix is not valid JSON; a whole body with one changed byte may be.
    assert spoilt.value("xivo_exporter_used_total", "default") == clean.value(
        "xivo_exporter_used_total", "default"
    )


HOSTILE = st.sampled_from(
    (
        'quo"te',
        "back\\slash",
        "new\nline",
        "cr\rlf\n",
        "nul\0",
        "\x1b[31mred",
        "bidi\u202etxt",
        "zero\u200bwidth",
        "\ufeffbom",
        "# EOF",
        '"} 1\nxivo_agents{origin_uuid="x',
        "x" * 10_000,
        "é" * 129,
        "\U0001f600",
        "\u2028",
        "{}",
        "a,b=c",
        "le",
        "+Inf",
    )
)


@given(HOSTILE, HOSTILE, HOSTILE, HOSTILE)
def test_hostile_text_is_escaped_and_bounded(
    origin: str, name: str, queue: str, service: str
) -> None:
    letters_: list[tuple[str, dict[str, Any]]] = [
        (name, {}),
        (
            "QueueMemberStatus",
            {
                "Queue": queue,
                "Interface": name,
                "Status": "1",
                "Paused": "0",
                "Membership": "static",
            },
        ),
        (
            "service_registered",
            {"service_name": service, "service_id": "i", "address": queue, "port": 1},
        ),
        ("user_status_update", {"user_id": 1, "status": name}),
    ]
    pipeline = Pipeline(details=ALL_DETAILS)
    post(pipeline, [[Letter(event, origin, data) for event, data in letters_]])
    assert pipeline.rejected == []
    assert pipeline.value("xivo_exporter_deliveries_total", "default") == 4
    assert_scrapable(pipeline)


# Names of unknown events only, because known events need data.
NAMES = st.text(st.characters(codec="utf-8")).map(lambda text: f"no{text}")


@given(st.lists(NAMES, min_size=2, max_size=5, unique=True))
def test_different_names_stay_different(names: list[str]) -> None:
    pipeline = Pipeline()
    post(pipeline, [[Letter(name, "o", None) for name in names]])
    shown = [key for key in pipeline.series() if key[0] == "xivo_bus_events_total"]
    assert len(shown) == len(names)


def assert_scrapable(pipeline: Pipeline) -> None:
    """Check that both formats parse to the series, with bounded and printable labels."""
    series = pipeline.series()
    for _, labels in series:
        assert all(len(label) <= MAX_LABEL and label.isprintable() for label in labels)
    text = pipeline.text()
    text.encode()
    parsed = {
        (sample.name, tuple(sorted(sample.labels.items())))
        for family in parse_text(text)
        for sample in family.samples
    }
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert len(parsed) == len(lines)
    families = list(parse_openmetrics(pipeline.openmetrics()))
    assert {
        (sample.name, tuple(sorted(sample.labels.items())))
        for family in families
        for sample in family.samples
    } == parsed
