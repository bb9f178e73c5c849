"""The live page shows what `/metrics` shows at the same moment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflows import knowledge
from dataflows.envelope import Delivery
from dataflows.items import Opened, OriginSilent, StandbyBegan
from dataflows.lengths import parse_lengths
from dataflows.options import Options
from dataflows.subsystems import METRICS, SUBSYSTEMS, kept, metrics_of
from exporter.app.boards import boards
from exporter.exposition.render import text
from exporter.exposition.store import SeriesStore
from exporter.exposition.telemetry import BusStatus
from exporter.recording.format import Message, read
from exporter.recording.player import Player
from exporter.simulation.simulator import CallCentre, Era
from exporter.web.board import ServerBoard
from tests.app.board_oracle import as_expected, expected, is_sorted
from tests.corpus import event
from tests.laws.strategies import BUSES, ORIGINS, Step, traffic
from tests.laws.test_laws import post
from tests.pipeline import ALL_DETAILS, GROWING, Pipeline

START = 1_772_418_000.0
HOUR = 3600.0
RECORDINGS = Path(__file__).parents[1] / "recordings"
READ = [BusStatus(bus, "", "", connected=True) for bus in ("demo", *BUSES)]


def shown(store: SeriesStore, buses: Sequence[BusStatus] = READ) -> list[ServerBoard]:
    """Return the boards of a store, after a comparison with the text of its series."""
    found = boards(store, buses, SUBSYSTEMS, is_stalled=False)
    assert as_expected(found) == expected(text(METRICS, store.view()))
    assert is_sorted(found)
    return found


def player(now: float = 0.0) -> Player:
    return Player(Options(ALL_DETAILS, windows=parse_lengths("1m,today")), now)


@pytest.mark.parametrize("era", Era, ids=lambda era: era.name)
@given(looks=st.lists(st.floats(0, HOUR), min_size=4, max_size=8))
@settings(max_examples=3)
def test_the_page_of_a_simulated_server_shows_its_metrics(era: Era, looks: list[float]) -> None:
    centre = CallCentre(agents=12, seed=1, start=START, era=era, noise=False)
    plays = player(START)
    plays.take([Opened("demo", START)])
    for look in sorted(looks):
        for message in centre.until(START + look):
            plays.advance(message.at)
            plays.take([Delivery("demo", message.body, message.at)])
        plays.advance(START + look)
        shown(plays.store)
    # Nobody has looked in vain.
    (server,) = shown(plays.store)
    assert {row.queue for row in server.queues} <= {*centre.queues}
    assert (server.name, server.bus) == ("demo", "demo")


@pytest.mark.parametrize("name", ["call_centre", "sip_call_centre"])
@given(shares=st.lists(st.floats(0, 1), min_size=4, max_size=8))
@settings(max_examples=2)
def test_the_page_of_a_recorded_server_shows_its_metrics(name: str, shares: list[float]) -> None:
    messages = [*read(RECORDINGS / f"{name}.jsonl.gz")]
    looks = sorted(round(share * len(messages)) for share in shares)
    plays = player()
    for part in _cut(messages, looks):
        plays.play(part, "default")
        shown(plays.store)
    assert sum(row.answered or 0 for row in shown(plays.store)[0].queues)


def _cut(messages: list[Message], places: list[int]) -> Iterator[list[Message]]:
    for begin, end in zip([0, *places], [*places, len(messages)], strict=True):
        yield messages[begin:end]


@given(traffic())
def test_the_page_shows_the_metrics_whatever_arrives(steps: list[Step]) -> None:
    pipeline = Pipeline(details=ALL_DETAILS, max_series=12)
    post(pipeline, steps)
    shown(pipeline.store)


@given(traffic())
@settings(max_examples=10)
def test_nothing_is_shown_of_a_server_that_is_forgotten_or_withheld(steps: list[Step]) -> None:
    for is_standby in (False, True):
        pipeline = Pipeline(details=ALL_DETAILS)
        post(pipeline, steps)
        for bus in BUSES:
            pipeline.take(
                [StandbyBegan(bus)]
                if is_standby
                else [OriginSilent(bus, origin, pipeline.now) for origin in ORIGINS]
            )
        assert shown(pipeline.store) == []


@given(traffic(), st.sets(st.sampled_from([each.name for each in SUBSYSTEMS])))
@settings(max_examples=20)
def test_a_process_of_a_cluster_shows_its_share(steps: list[Step], ours: set[str]) -> None:
    pipeline = Pipeline(details=ALL_DETAILS)
    post(pipeline, steps)
    share = SeriesStore(METRICS)
    names = {spec.name for each in SUBSYSTEMS if each.name in ours for spec in each.metrics}
    of_states = {spec.name for spec in knowledge.METRICS}
    for metric, columns in pipeline.store.view().series.items():
        for labels, value in columns.items():
            is_ours = labels[1] in ours if metric in of_states else metric in names
            if is_ours and metric not in GROWING:
                share.apply(((metric, labels, value),))
    shown(share, [])


@pytest.mark.parametrize(("windows", "answered"), [("1m", None), ("1m,today", 0)])
def test_without_the_window_today_nothing_is_said_of_today(
    windows: str, answered: int | None
) -> None:
    pipeline = Pipeline(windows=windows)
    pipeline.send(event("QueueCallerJoin", {"Queue": "support", "Uniqueid": "1.1"}))
    pipeline.wait(120)
    (server,) = shown(pipeline.store)
    (row,) = server.queues
    assert (row.waiting, row.answered, row.abandoned, row.level) == (1, answered, answered, None)
    assert (server.today_from is None) is (answered is None)


def test_what_the_settings_leave_out_is_not_shown() -> None:
    few = kept({"agents"})
    store = SeriesStore(metrics_of(few))
    store.apply((("xivo_origin_info", ("o", "b", "paris"), 1),))
    (server,) = boards(store, [], few, is_stalled=False)
    assert (server.name, server.queues, server.activities) == ("paris", [], None)


def test_people_find_a_queue_by_its_name() -> None:
    store = SeriesStore(METRICS)
    names = {"q1": "Ventes 10", "q2": "ventes 2", "q10": "accueil", "q9": "accueil", "q3": "Été"}
    for queue in [*names, "support", "09", "10"]:
        store.apply((("xivo_queue_callers_waiting", ("o", queue), 0),))
    for queue, name in names.items():
        store.apply((("xivo_queue_info", ("o", queue, name, "queue", ""), 1),))
    (server,) = boards(store, [], SUBSYSTEMS, is_stalled=False)
    assert [row.queue for row in server.queues] == [
        *("09", "10", "q9", "q10", "support", "q2", "q1", "q3")
    ]


def test_values_stay_while_the_dataflow_is_stalled_but_they_are_not_known() -> None:
    pipeline = Pipeline()
    store = pipeline.store
    store.apply(
        (
            ("xivo_queue_callers_waiting", ("o", "q"), 3),
            ("xivo_state_known", ("o", "queue_calls"), 1.0),
            ("xivo_state_known_since_timestamp_seconds", ("o", "queue_calls"), 7.0),
        )
    )
    (server,) = boards(store, [], SUBSYSTEMS, is_stalled=True)
    assert server.queues[0].waiting == 3
    assert [(each.since, each.reason) for each in server.known] == [
        (None, "the dataflow has stalled")
    ]
