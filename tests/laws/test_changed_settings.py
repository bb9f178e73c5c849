"""Whatever changes in the settings between two starts, the state is that of a fresh exporter."""

import pickle
import sqlite3
import tempfile
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.items import Item, Opened, ReadingContinued, StateHandedOver
from dataflows.lengths import parse_lengths
from dataflows.logouts import COUNT_SECONDS
from dataflows.metric import LabelValues
from dataflows.snapshot import Snapshot, seal
from dataflows.subsystems import OPTIONAL, SUBSYSTEMS, kept
from dataflows.waits import SETTLE_SECONDS
from exporter.engine.fitting import Content, fit
from exporter.engine.recovery import StateDir
from exporter.engine.resumed import Resumed
from tests.laws.strategies import ORIGINS, Letter, Step, letters, traffic
from tests.laws.test_laws import post
from tests.pipeline import GROWING, WINDOWED, Pipeline, SeriesValues

SETTLED_SECONDS = 2 * SETTLE_SECONDS + COUNT_SECONDS
"""After which nothing waits for an event of the same moment, or for a login after a logout."""


@dataclass(frozen=True)
class Chosen:
    """The settings of one start."""

    details: tuple[str, ...]
    windows: str
    buses: tuple[str, ...]
    subsystems: tuple[str, ...]

    def pipeline(self, now: float, subsystems: Collection[str] | None = None) -> Pipeline:
        names = self.subsystems if subsystems is None else subsystems
        pipeline = Pipeline(details=self.details, windows=self.windows, subsystems=names)
        pipeline.now = now
        return pipeline

    @property
    def kept(self) -> frozenset[str]:
        """The names of the subsystems that are kept, also those that always are."""
        return frozenset(subsystem.name for subsystem in kept(self.subsystems))

    @property
    def bound(self) -> frozenset[str]:
        """The names of the events that arrive."""
        return frozenset({each.name for s in kept(self.subsystems) for each in s.all_decoders})


@dataclass(frozen=True)
class Session:
    """One process: its settings, its epochs, and whether it is killed before the last is saved.

    An epoch has batches, and a pause after it.
    """

    chosen: Chosen
    epochs: list[tuple[list[list[Letter]], float]]
    is_killed: bool


SETTINGS = st.builds(
    Chosen,
    st.sampled_from(((), ("agents",), ("endpoints",), ("agents", "endpoints"))),
    st.sampled_from(
        ("1m", "1m,5m", "30s,5m", "5m", "30s,1m,5m", "5m,today", "1m,5m,today", "today")
    ),
    st.sampled_from(
        (("a",), ("b",), ("a", "b"), ("b", "a"), ("a", "c"), ("a", "b", "c"), ("c", "b", "a"))
    ),
    st.just(OPTIONAL)
    | st.sampled_from(
        (
            ("agents", "endpoints"),
            ("queues", "queue_calls", "agents"),
            ("users", "calls", "lines"),
            tuple(name for name in OPTIONAL if name not in ("agents", "queues")),
            tuple(name for name in OPTIONAL if name not in ("queue_calls", "users", "chat")),
        )
    ),
)


@st.composite
def sessions(draw: st.DrawFn) -> Session:
    chosen = draw(SETTINGS)
    letter = st.builds(_on_bus, letters(), st.sampled_from(chosen.buses))
    letter = letter.filter(lambda each: each.name in chosen.bound)
    batches = st.lists(st.lists(letter, max_size=6), max_size=3)
    pauses = st.sampled_from((0.0, 1.0, 45.0, 400.0, 25 * 3600.0, 9 * 24 * 3600.0))
    return Session(
        chosen,
        draw(st.lists(st.tuples(batches, pauses), min_size=1, max_size=3)),
        draw(st.booleans()),
    )


def _on_bus(letter: Letter, bus: str) -> Letter:
    """Return an event of a server that only this bus carries."""
    origin = f"{bus}{ORIGINS.index(letter.origin)}"
    return Letter(**{**letter.__dict__, "bus": bus, "origin": origin})


@dataclass
class _Kept:
    """A state directory, written and read as bytewax does."""

    path: Path
    epoch: int = 1
    heard: dict[str, dict[str, float]] = field(default_factory=dict)

    def start(self, chosen: Chosen, now: float) -> Pipeline:
        """Return a new process."""
        pipeline = chosen.pipeline(now)
        urls = {bus: (bus,) for bus in chosen.buses}
        with closing(StateDir(self.path, urls, process=0, discard=False, subsystems=chosen.kept)):
            query = "SELECT step_id, state_key, max(snap_epoch), ser_change FROM snaps"
            with self._database() as database:
                rows = database.execute(f"{query} GROUP BY step_id, state_key").fetchall()
        states = {key: data for step, key, _, data in rows if step == "xivo_exporter.state"}
        self.heard = {bus: self.heard.get(bus, {}) for bus in chosen.buses}
        for bus, heard in self.heard.items():
            pipeline.origins.of(bus).last_heard.update(heard)
        pipeline.resume({key: data for key, data in states.items() if data is not None})
        return pipeline

    def save(self, pipeline: Pipeline, chosen: Chosen) -> None:
        """Save the end of an epoch."""
        self.epoch += 1
        with self._database() as database:
            database.execute("INSERT OR IGNORE INTO exs VALUES ('', 1, 1, 1)")
            database.execute(
                "INSERT OR REPLACE INTO fronts VALUES ('', 1, 0, ?)", (self.epoch + 1,)
            )
        rows = [("xivo_exporter.state", key, row) for key, row in pipeline.snapshots().items()]
        for bus in chosen.buses:
            kept = _resumed(pipeline, bus)
            self.heard[bus] = kept.last_heard
            rows.append(("xivo_exporter.bus", bus, pickle.dumps(seal(kept))))
        with self._database() as database:
            database.executemany(
                "INSERT INTO snaps VALUES ('', ?, ?, ?, ?)",
                [(step, key, self.epoch, row) for step, key, row in rows],
            )

    @contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        store = self.path / "process-0" / "part-0.sqlite3"
        with closing(sqlite3.connect(store)) as database, database:
            yield database


@dataclass
class _HandedOver:
    """What a run of the dataflow hands over to the next one in the same process."""

    path: Path
    contents: list[Content] = field(default_factory=list)

    def start(self, chosen: Chosen, now: float) -> Pipeline:
        """Return a new run."""
        pipeline = chosen.pipeline(now)
        urls = {bus: (bus,) for bus in chosen.buses}
        contents, _ = fit(self.contents, urls, chosen.kept)
        for each in contents:
            if isinstance(each, Resumed):
                pipeline.origins.of(each.bus).last_heard.update(each.last_heard)
        states = [each for each in contents if isinstance(each, Snapshot)]
        pipeline.take([StateHandedOver(each.bus, each) for each in states])
        return pipeline

    def save(self, pipeline: Pipeline, chosen: Chosen) -> None:
        """Hand over, as at the end of a run; it goes on all the same."""
        self.contents = [
            *pipeline.hand_over(),
            *(_resumed(pipeline, bus) for bus in chosen.buses),
        ]


def _resumed(pipeline: Pipeline, bus: str) -> Resumed:
    known = pipeline.origins.of(bus)
    memory = (b"", ())
    heard = dict(known.last_heard)
    return Resumed(bus, (bus,), "x", memory, 0, 0.0, known.read_seconds, heard)


@dataclass
class _History:
    """What happened since each bus and subsystem is kept, for an exporter that begins now."""

    began: float
    steps: list[list[Item] | float] = field(default_factory=list)
    added_at: dict[str, int] = field(default_factory=dict)
    kept_since: dict[str, int] = field(default_factory=dict)

    def start(self, chosen: Chosen, now: float, redelivered: int) -> None:
        """Note a start, and how many of the last batches arrive again."""
        since = len(self.steps) - redelivered
        self.kept_since = {name: self.kept_since.get(name, since) for name in chosen.kept}
        self.added_at = {bus: n for bus, n in self.added_at.items() if bus in chosen.buses}
        for bus in chosen.buses:
            if bus not in self.added_at:
                self.added_at[bus] = len(self.steps)
                self.steps.append([Opened(bus, now)])

    def fresh(self, chosen: Chosen, since: int, subsystems: Collection[str]) -> Pipeline:
        """Return an exporter with these settings, and subsystems that are kept since a step."""
        pipeline = chosen.pipeline(self.began, subsystems)
        for number, step in enumerate(self.steps):
            if isinstance(step, float):
                _wait(pipeline, step)
            elif number >= since:
                known = (each for each in step if self.added_at.get(each.bus, number + 1) <= number)
                pipeline.take([*known])
        return pipeline


@pytest.mark.parametrize("kind", [_Kept, _HandedOver])
@given(plan=st.lists(sessions(), min_size=2, max_size=4))
def test_any_starts_with_changed_settings_end_in_the_state_of_a_fresh_exporter(
    kind: type[_Kept] | type[_HandedOver], plan: list[Session]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        kept = kind(Path(folder) / "state")
        now = Pipeline().now
        history = _History(now)
        redelivered: list[list[Item]] = []
        for session in plan:
            chosen = session.chosen
            pipeline = kept.start(chosen, now)
            history.start(chosen, now, len(redelivered))
            pipeline.take([Opened(bus, now) for bus in chosen.buses])
            for batch in redelivered:
                pipeline.take([each for each in batch if each.bus in chosen.buses])
            pipeline.take([ReadingContinued(bus) for bus in chosen.buses])
            kept.save(pipeline, chosen)
            redelivered = []
            for number, (batches, pause) in enumerate(session.epochs, 1):
                for letters_ in batches:
                    batch = [letter.post(pipeline.now)[0] for letter in letters_]
                    history.steps.append([*batch])
                    pipeline.take(batch)
                    redelivered.append(batch)
                if session.is_killed and number == len(session.epochs):
                    break
                kept.save(pipeline, chosen)
                redelivered = []
                history.steps.append(pause)
                _wait(pipeline, pause)
                # Epochs also end while nothing arrives.
                kept.save(pipeline, chosen)
            now = pipeline.now
        last = plan[-1].chosen
        lasting = set.intersection(*(set(each.chosen.windows.split(",")) for each in plan))
        # A new process waits for events of the same moment from its start on.
        pipeline.wait(SETTLED_SECONDS)
        shown_of = _comparable(pipeline, lasting)
        assert {_subsystem(series) for series in shown_of} <= last.kept
        for since in {*history.kept_since.values()}:
            names = {name for name, at in history.kept_since.items() if at == since}
            fresh = history.fresh(last, since, names)
            fresh.wait(SETTLED_SECONDS)
            assert _of(shown_of, names) == _of(_comparable(fresh, lasting), names)
        shown = {labels[-1] for name, labels in pipeline.series() if name in WINDOWED}
        assert shown <= set(last.windows.split(","))


def _wait(pipeline: Pipeline, pause: float) -> None:
    """Let a pause pass in two steps: a player calls what is due long after an event only once.

    A queue may notice a day after its last event that it is silent, and a week later it ends.
    """
    first = min(pause, 25 * 3600.0)
    pipeline.wait(first)
    pipeline.wait(pause - first)


def _subsystem(series: tuple[str, LabelValues]) -> str:
    """Return the subsystem that a series is of, or about."""
    name, labels = series
    return _SUBSYSTEM_OF.get(name) or labels[1]


def _of(series: SeriesValues, names: Collection[str]) -> SeriesValues:
    return {
        key: value
        for key, value in series.items()
        if _subsystem(key) in names and key[0] not in _AT_THE_TIME
    }


_AT_THE_TIME = {"xivo_exporter_used_total", "xivo_exporter_unused_total"}
"""They show what the subsystems that were kept when it arrived made of a delivery."""


_SUBSYSTEM_OF = {spec.name: each.name for each in SUBSYSTEMS for spec in each.metrics}


def _comparable(pipeline: Pipeline, lengths: set[str]) -> SeriesValues:
    """Return all series but times, and windows that not every process had."""
    return {
        (name, labels): value
        for (name, labels), value in pipeline.series().items()
        if name not in GROWING and (name not in WINDOWED or labels[-1] in lengths)
    }


@given(traffic())
def test_a_state_kept_without_the_window_today_has_it_from_the_restart_on(
    steps: list[Step],
) -> None:
    pipeline, unchanged = Pipeline(windows="1m,5m"), Pipeline(windows="1m,5m")
    for each in (pipeline, unchanged):
        post(each, steps)
    unchanged.restart()
    before = unchanged.series()
    pipeline.restart(windows=parse_lengths("1m,5m,today"))
    after = pipeline.series()
    kept = _comparable(pipeline, {"1m", "5m"})
    assert kept == {key: value for key, value in before.items() if key[0] not in GROWING}
    # The same events in a window that began before them show where there must be one now.
    other = Pipeline(windows="1m,5m,today")
    post(other, steps)
    added = after.keys() - before.keys()
    # Without a call, there is neither a service level nor a wait.
    absent = {"xivo_queue_service_level_ratio", "xivo_queue_wait_max_seconds"}
    assert added == {key for key in other.series().keys() - before.keys() if key[0] not in absent}
    for name, labels in added:
        value, highest = after[name, labels], other.series()[name, labels]
        assert isinstance(value, float | int)
        assert isinstance(highest, float | int)
        if name.endswith("_max"):
            assert value <= highest
        elif name == "xivo_exporter_window_start_timestamp_seconds":
            assert value == pipeline.now
        else:
            assert value == 0
