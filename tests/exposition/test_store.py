"""The store: whole changes, consistent views, and no waiting dataflow."""

import sys
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.metric import Kind, LabelValues, MetricSpec, Sample, Value
from dataflows.slope import Slope
from exporter.exposition.store import SeriesStore, View
from tests.support import eventually

A = MetricSpec("a", Kind.GAUGE, "A.", ("x",))
B = MetricSpec("b", Kind.GAUGE, "B.", ("x",))


def _store() -> SeriesStore:
    return SeriesStore((A, B))


def _shown(store: SeriesStore) -> dict[str, dict[LabelValues, Value]]:
    return _series(store.view())


def _series(view: View) -> dict[str, dict[LabelValues, Value]]:
    return {metric: dict(columns.items()) for metric, columns in view.series.items()}


@pytest.fixture
def impatient_threads() -> Iterator[None]:
    """Switch threads as often as Python can, so that races have a chance."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_a_sample_is_a_series_until_it_is_retired() -> None:
    store = _store()
    store.apply((("a", ("1",), 1), ("b", ("1",), 2)))
    assert _shown(store) == {"a": {("1",): 1}, "b": {("1",): 2}}
    store.apply((("a", ("1",), 3),))
    assert _shown(store)["a"] == {("1",): 3}
    store.apply((("a", ("1",), None), ("a", ("never seen",), None)))
    assert _shown(store) == {"a": {}, "b": {("1",): 2}}
    assert store.view().dropped == {"a": 0, "b": 0}


def test_a_view_does_not_change_any_more() -> None:
    store = _store()
    store.apply((("a", ("1",), 1),))
    before = store.view()
    store.apply((("a", ("1",), 2), ("a", ("2",), 2)))
    assert _series(before)["a"] == {("1",): 1}


def test_the_store_limits_no_series() -> None:
    # The quotas of the states do that.
    store = _store()
    store.apply(tuple(("a", (str(i),), i) for i in range(100_000)))
    view = store.view()
    assert view.counts == {"a": 100_000, "b": 0}
    assert len(_series(view)["a"]) == 100_000
    assert view.dropped == {"a": 0, "b": 0}


def test_a_series_may_end_and_begin_again_in_one_change() -> None:
    store = _store()
    store.apply((("a", ("0",), 1), ("a", ("0",), None), ("a", ("1",), 1), ("a", ("0",), 2)))
    assert _shown(store) == {"a": {("1",): 1, ("0",): 2}, "b": {}}


def test_dropped_samples_are_one_sum_for_each_metric() -> None:
    store = _store()
    store.count_dropped(("a", "b"), 5)
    before = store.view()
    store.count_dropped(["a"], 1)
    store.count_dropped((metric for metric in ("b",)), 0)
    assert store.view().dropped == {"a": 6, "b": 5}
    assert before.dropped == {"a": 5, "b": 5}


def test_late_events_are_one_sum_for_each_subsystem() -> None:
    store = _store()
    assert store.view().late == {}
    store.count_late("agents", 2)
    before = store.view()
    store.count_late("agents", 3)
    store.count_late("users", 1)
    assert store.view().late == {"agents": 5, "users": 1}
    assert before.late == {"agents": 2}
    assert store.view().dropped == {"a": 0, "b": 0}


@pytest.mark.usefixtures("impatient_threads")
def test_a_change_is_seen_whole_or_not_at_all_and_never_backwards() -> None:
    store = _store()
    labels = [(str(i),) for i in range(50)]
    finished = threading.Event()
    torn: list[str] = []

    def look() -> None:
        newest = -1.0
        while not finished.is_set():
            series = _shown(store)
            values = {*series["a"].values(), *series["b"].values()}
            sizes = {len(series["a"]), len(series["b"])}
            oldest = min((v for v in values if isinstance(v, int | float)), default=newest)
            if len(values) > 1 or len(sizes) > 1 or oldest < newest:
                torn.append(f"{values} {sizes} after {newest}")
            newest = oldest

    lookers = [threading.Thread(target=look) for _ in range(3)]
    for thread in lookers:
        thread.start()
    for turn in range(1500):
        # Every third change retires everything, so that the size changes as well.
        value = None if turn % 3 == 2 else turn
        store.apply(tuple((name, each, value) for each in labels for name in ("a", "b")))
    finished.set()
    for thread in lookers:
        thread.join(30)
    assert not torn, torn[:3]


@pytest.mark.usefixtures("impatient_threads")
def test_no_change_is_left_behind() -> None:
    store = _store()
    for turn in range(300):
        start = threading.Barrier(2)

        def look(start: threading.Barrier = start) -> None:
            start.wait()
            store.view()

        looker = threading.Thread(target=look)
        looker.start()
        start.wait()
        store.apply((("a", ("0",), turn),))
        looker.join()
        assert _shown(store)["a"] == {("0",): turn}


def test_a_view_does_not_wait_until_nothing_more_comes() -> None:
    store = _store()

    class GoesOn(tuple[Sample, ...]):
        """Another change comes while this one is worked off, and so on for ever."""

        __slots__ = ()

        def __iter__(self) -> Iterator[Sample]:
            store.apply(self)
            return super().__iter__()

    store.apply(GoesOn((("a", ("1",), 1),)))
    assert _shown(store)["a"] == {("1",): 1}


class _StuckSpec:
    """Stands in the way of a copy, as a million series would."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.release = threading.Event()


def test_the_dataflow_never_waits_for_a_scrape(monkeypatch: pytest.MonkeyPatch) -> None:
    stuck = _StuckSpec()
    store = _store()

    def slow_view(*whole: object) -> View:
        del whole
        stuck.reached.set()
        assert stuck.release.wait(30)
        return View({}, {}, {}, {})

    # The view is made while the store's lock is held.
    monkeypatch.setattr("exporter.exposition.store.View", slow_view)
    scrape = threading.Thread(target=store.view)
    scrape.start()
    assert stuck.reached.wait(30)
    applied = threading.Event()

    def apply() -> None:
        for turn in range(100):
            store.apply((("a", ("0",), turn),))
        applied.set()

    dataflow = threading.Thread(target=apply)
    dataflow.start()
    eventually(applied.is_set, what="changes were applied during a scrape")
    stuck.release.set()
    scrape.join(30)
    dataflow.join(30)
    monkeypatch.undo()
    assert _shown(store)["a"] == {("0",): 99}


@given(st.lists(st.tuples(st.sampled_from("123456"), st.booleans()), max_size=30))
def test_each_series_has_the_outline_of_its_own_labels(steps: list[tuple[str, bool]]) -> None:
    store = _store()
    for label, lives in steps:
        store.apply((("a", (label,), 1 if lives else None),))
        columns = store.view().series["a"]
        assert columns.templates == [f'{{x="{label}"}} ' for (label,) in columns.labels]


def test_metrics_with_the_same_labels_share_the_outline_of_an_entity() -> None:
    store = _store()
    store.apply((("a", ("1",), 1), ("b", ("1",), 2)))
    view = store.view()
    assert view.series["a"].templates[0] is view.series["b"].templates[0]


def test_a_store_that_follows_another_lowers_no_counter_that_grows() -> None:
    grows = MetricSpec("g_total", Kind.COUNTER, "G.", ("x",), grows=True)
    now = 100.0

    def store(slopes: dict[str, Slope]) -> SeriesStore:
        made = SeriesStore((grows,), lambda: now)
        made.apply(tuple(("g_total", (name,), slope) for name, slope in slopes.items()))
        return made

    growing = Slope(0.0, 1.0, 0.0)
    earlier = store({"1": growing, "gone": growing})
    assert _shown(earlier)["g_total"] == {("1",): 100.0, ("gone",): 100.0}
    # The event that ended its growth arrived after the last scrape of the earlier one.
    later = store({"1": Slope(98.0, 0.0, 98.0), "new": Slope(5.0, 0.0, 0.0)})
    later.follow(earlier)
    assert _shown(later)["g_total"] == {("1",): 100.0, ("new",): 5.0}
    later.apply((("g_total", ("gone",), Slope(1.0, 0.0, 0.0)),))
    assert _shown(later)["g_total"]["gone",] == 1.0
