"""The dataflow without bytewax: the same steps, called as bytewax calls them."""

from __future__ import annotations

import pickle
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, tzinfo
from itertools import product
from typing import Any

import pytest
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.registry import CollectorRegistry
from prometheus_client.utils import floatToGoString

from dataflows.envelope import Delivery, Rejected
from dataflows.fan_out import Keyed
from dataflows.items import Duplicates, Item
from dataflows.lengths import parse_lengths
from dataflows.metric import Histogram, LabelValues
from dataflows.options import Options
from dataflows.outputs import Output, Skipped
from dataflows.slope import Slope
from dataflows.snapshot import Snapshot
from dataflows.stage import Stage
from dataflows.subsystems import METRICS, OPTIONAL, SUBSYSTEMS, kept
from exporter.exposition.families import Families, family
from exporter.exposition.store import View
from exporter.recording.player import Player
from tests import corpus
from tests.corpus import Message

SPECS = METRICS
ALL_DETAILS = frozenset(subsystem.name for subsystem in SUBSYSTEMS)

WINDOWED = frozenset(spec.name for spec in SPECS if "window" in spec.labels)
GROWING = frozenset(spec.name for spec in SPECS if spec.grows)
"""After a restart they show what the process before can have shown at most, and then wait."""
OF_AN_API = frozenset(
    {
        "xivo_queue_info",
        "xivo_switchboard_info",
        "xivo_service_component_up",
        "xivo_state_drift_total",
        "xivo_trunk_info",
    }
)
"""Only an answer of an API makes series of these metrics."""

WINDOWS = "1m,5m,today"

SeriesValues = dict[tuple[str, LabelValues], float | Histogram]


class Pipeline(Player):
    """A player with what tests ask for: batches, restarts, values and counts.

    Args:
        details: Subsystems that show a series for each entity.
        zone: Time zone of time stamps without a UTC offset; None for this machine's.
        max_entities: Entities of a server alone on its bus, in each subsystem.
        max_series: The same for entities that have series of their own.
        windows: Lengths of windows, as in the setting; empty for none.
        pause_reasons: Reasons of pauses that are shown by name.
        subsystems: Names of those that are kept.

    Attributes:
        now: The current time of all steps; `wait` advances it.
        decoded: The events of the last batch.
        rejected: All rejections so far.
        shared: Origins that were found on a second bus: origin, second bus, first bus.
        refused: Events refused so far because the quota was full, by subsystem.
        offsets: Time zone offsets that were reported: bus, origin, seconds.
        hidden: Samples of single entities that were not shown, by subsystem.
        late: Late events so far, by subsystem.
    """

    # It saves time: a week has ten thousand windows of a minute.
    punctual_seconds = 900.0

    def __init__(  # noqa: PLR0913 -- the settings of an exporter
        self,
        *,
        details: Iterable[str] = (),
        zone: tzinfo | None = UTC,
        max_entities: int = 100_000,
        max_series: int = 10_000,
        windows: str = WINDOWS,
        pause_reasons: tuple[str, ...] = (),
        subsystems: Collection[str] = OPTIONAL,
    ) -> None:
        self.decoded: list[Keyed] = []
        self.rejected: list[Rejected] = []
        self.shared: list[tuple[str, str, str]] = []
        self.offsets: list[tuple[str, str, float]] = []
        self.hidden: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.late: Counter[str] = Counter()
        self._options = Options(
            frozenset(details),
            max_entities,
            max_series,
            parse_lengths(windows) if windows else (),
            pause_reasons=pause_reasons,
        )
        self._subsystems = kept(subsystems)
        super().__init__(self._options, corpus.ARRIVED, zone, subsystems=self._subsystems)

    def snapshots(self) -> dict[str, bytes]:
        """Return what bytewax writes to the recovery store for the step `state`."""
        return {key: pickle.dumps(logic.snapshot()) for key, logic in self._logics.items()}

    def hand_over(self) -> list[Snapshot]:
        """Return what the states hand over to the next run of the dataflow."""
        handed_over = self._stage.handed_over = []
        for logic in self._logics.values():
            logic.on_eof()
        return handed_over

    def restart(self, **options: Any) -> None:  # noqa: ANN401 -- fields of Options
        """Start a new process with the snapshots of the recovery store.

        Args:
            options: What changed in the settings.
        """
        before = self.snapshots()
        carried = self.origins._buses  # noqa: SLF001 -- only a test needs all
        self._options = replace(self._options, **options)
        super().__init__(self._options, self.now, self._zone, subsystems=self._subsystems)
        if "zone_of" in options:
            self._stage = Stage(self._subsystems, self._options, lambda: self.now)
        for bus, known in carried.items():
            self.origins.of(bus).last_heard.update(known.last_heard)
            self.origins.of(bus).offsets.update(known.offsets)
        self.resume(before)

    def resume(self, snapshots: Mapping[str, bytes]) -> None:
        """Resume the states of a recovery store, by key."""
        for key, snapshot in snapshots.items():
            # Bytewax pickles snapshots too.
            logic = self._logics[key] = self._stage(pickle.loads(snapshot))  # noqa: S301 -- dumped by a test
            if (at := logic.notify_at()) is None:
                # Its state has not started.
                continue
            assert at.timestamp() == pytest.approx(self.now)
            self._put_out(key, logic, *logic.on_notify())

    def send(self, *messages: Message, duplicate: bool = False) -> None:
        """Process messages that arrive now, in one batch."""
        if duplicate:
            [bus] = {message.delivery().bus for message in messages}
            self.take([Duplicates(bus, len(messages), self.now)])
        else:
            self.take([message.delivery(arrived=self.now) for message in messages])

    def take(self, batch: Sequence[Item]) -> list[Keyed]:
        """Process a batch of deliveries; remember its events."""
        self.decoded = super().take(batch)
        return self.decoded

    def wait(self, seconds: float) -> None:
        """Advance the clock, and call each state when it is due."""
        self.advance(self.now + seconds)

    def states(self) -> Iterator[object]:
        """Return the states that have started."""
        states = (logic._state for logic in self._logics.values())  # noqa: SLF001 -- tests inspect the states
        return (state for state in states if state is not None)

    @property
    def keys(self) -> set[str]:
        """The keys that have a state."""
        return set(self._logics)

    def _on_rejected(self, _delivery: Delivery, rejected: Rejected) -> None:
        self.rejected.append(rejected)

    def _on_shared(self, origin: str, bus: str, first_bus: str) -> None:
        self.shared.append((origin, bus, first_bus))

    def _on_offset(self, bus: str, origin: str, seconds: float) -> None:
        self.offsets.append((bus, origin, seconds))

    def _on_output(self, output: Output) -> None:
        if isinstance(output, Skipped):
            # `+=` drops zeros, so that tests can compare with what they expect.
            self.late += Counter({output.subsystem: output.late})
            self.refused += Counter({output.subsystem: output.refused})
            self.hidden += Counter({output.subsystem: output.hidden})

    def series(self) -> SeriesValues:
        """Return all series."""
        return series_of(self.store.view())

    def value(self, metric: str, *labels: str) -> float | Histogram | None:
        """Return the value of a series, or None if it is absent.

        The origin is that of the corpus unless `labels` contains one.
        """
        spec = next(spec for spec in SPECS if spec.name == metric)
        if spec.labels[0] == "origin_uuid" and len(labels) < len(spec.labels):
            labels = (corpus.ORIGIN, *labels)
        return self.series().get((metric, labels))

    def text(self, *metrics: str) -> str:
        """Render metrics as text 0.0.4, all of them by default."""
        return generate_latest(self._registry(metrics)).decode()

    def openmetrics(self) -> str:
        """Render all metrics as OpenMetrics."""
        text: bytes = generate_openmetrics(self._registry(()))
        return text.decode()

    def _registry(self, metrics: tuple[str, ...]) -> CollectorRegistry:
        series = self.store.view().series
        registry = CollectorRegistry(auto_describe=False)
        registry.register(
            Families(
                family(spec, series[spec.name].items())
                for spec in SPECS
                # As the exporter does, nothing is said of a metric without series.
                if spec.name in series
                and series[spec.name].labels
                and (spec.name in metrics or not metrics)
            )
        )
        return registry


def series_of(view: View) -> SeriesValues:
    """Return all series of a view."""
    series: SeriesValues = {}
    for spec in (spec for spec in SPECS if spec.name in view.series):
        for labels, value in view.series[spec.name].items():
            if spec.state_set:
                series |= {(spec.name, (*labels, state)): state == value for state in spec.states}
            else:
                assert not isinstance(value, Slope | str)
                series[spec.name, labels] = value
    return series


def assert_exposition(pipeline: Pipeline, expected: str, *metrics: str) -> None:
    """Compare the exposition of some metrics with the expected lines.

    Origins are abbreviated: `ca7f…` is that of the corpus, `0d6c…` the other one. A series of a
    closed vocabulary may be omitted from `expected` while it is 0, but it must exist.

    Args:
        pipeline: Its exposition is checked.
        expected: The sample lines of the exposition.
        metrics: Names of the metrics to compare; by default those in `expected`.
    """
    wanted = {_line(line) for line in expected.splitlines() if line.strip()}
    named = set(metrics) or {line.partition("{")[0] for line in wanted}
    specs = [spec for spec in SPECS if named & {spec.name, f"{spec.name}_count"}]
    text = pipeline.text(*(spec.name for spec in specs))
    for origin in (corpus.ORIGIN, corpus.OTHER_ORIGIN):
        text = text.replace(origin, f"{origin[:4]}…")
    shown = {line for line in text.splitlines() if not line.startswith("#")}
    closed = {spec.name for spec in specs if spec.vocabulary}
    silent = {
        line
        for line in shown - wanted
        if line.endswith(" 0.0") and line.partition("{")[0] in closed
    }
    assert sorted(shown - silent) == sorted(wanted)
    assert_vocabularies_complete(pipeline)


def assert_vocabularies_complete(pipeline: Pipeline) -> None:
    """Check that all series of a closed vocabulary exist if one does."""
    series = pipeline.series()
    by_metric: dict[str, set[LabelValues]] = {}
    for metric, labels in series:
        by_metric.setdefault(metric, set()).add(labels)
    for spec in SPECS:
        if spec.vocabulary:
            closed = len(spec.vocabulary)
            assert spec.labels[-closed:] == tuple(spec.vocabulary)
            entities = {labels[:-closed] for labels in by_metric.get(spec.name, ())}
            combinations = [*product(*spec.vocabulary.values())]
            complete = {(*entity, *each) for entity in entities for each in combinations}
            assert by_metric.get(spec.name, set()) == complete


def _line(line: str) -> str:
    head, _, value = line.strip().rpartition(" ")
    return f"{head} {floatToGoString(float(value))}"
