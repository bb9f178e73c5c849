"""Writes the series of a recording as input of `promtool test rules`, to test alerting rules.

    tests:
      - interval: 15s
        input_series:
          - series: 'xivo_queue_members{instance="replay",job="xivo",queue="support",…}'
            values: '_x480 1+1x2 3x40 stale'

In promtool it is 1 January 1970, so all times are shifted. The series are those that Prometheus
would have scraped from an exporter that was well, and waited for the recording for two hours.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, tzinfo
from math import ceil

from dataflows.lengths import Length
from dataflows.metric import MetricSpec
from dataflows.options import Options
from dataflows.repair import REPLACEMENT
from dataflows.subsystem import Subsystem
from dataflows.subsystems import SUBSYSTEMS, metrics_of
from exporter.exposition.lines import lines_of
from exporter.exposition.reloads import Reloads
from exporter.exposition.render import text
from exporter.exposition.store import Columns, View
from exporter.exposition.telemetry import SPECS, BusStatus, self_series
from exporter.recording.format import RecordingError
from exporter.recording.player import Player
from exporter.recording.promtool_values import Values

MAX_SAMPLES = 100_000
"""Of each series: 17 days, if there is one each 15 seconds. Promtool would take hours for more."""

LEAD_SECONDS = 7200
"""When a recording begins in promtool. 0 stands for never, and must be long ago."""

_TARGET = 'instance="replay",job="xivo"'
"""The labels that Prometheus adds."""

_ESCAPED = r"\ufffd"
_TIME = "_timestamp_seconds"
_NAME = re.compile("[a-zA-Z_:][a-zA-Z0-9_:]*")
_ENDINGS = ("", "_bucket", "_count", "_sum")


class Sampler(Player):
    """A player that notes all series, each time that Prometheus would scrape them.

    Args:
        options: As those of a player.
        every: The time between two samples.
        bus: Name of the bus of the recording.
        rules: The text of the rules to be tested: only metrics that it names are noted. None for
            all metrics.
        zone: As that of a player.
        subsystems: Those that are kept.
    """

    def __init__(  # noqa: PLR0913 -- those of a player, and what is noted
        self,
        options: Options,
        every: Length,
        bus: str,
        *,
        rules: str | None = None,
        zone: tzinfo | None = None,
        subsystems: Iterable[Subsystem] = SUBSYSTEMS,
    ) -> None:
        self._subsystems = tuple(subsystems)
        super().__init__(options, zone=zone, subsystems=self._subsystems)
        self._every = every
        self._status = BusStatus(bus, "", "", connected=True, connects=1)
        self._is_named = _names(rules)
        self._specs = self._named(metrics_of(self._subsystems))
        self._own_specs = self._named(SPECS)
        self._begin = 0.0
        self._lead = ceil(LEAD_SECONDS / every.seconds)
        self._samples = 0
        self._series: dict[str, Values] = {}

    def advance(self, until: float) -> None:
        """Let the time pass, and note the series whenever it is time.

        Raises:
            RecordingError: There would be too many samples.
        """
        if not self.now:
            self._begin = self.now = until
        while (at := self._begin + self._samples * self._every.seconds) < until:
            if self._samples == MAX_SAMPLES:
                msg = f"the recording is longer than {MAX_SAMPLES} times {self._every}: "
                msg += "write a longer time after --every"
                raise RecordingError(msg)
            super().advance(at)
            self._note()
        super().advance(until)

    def test(self, rule_files: Iterable[str]) -> Iterator[str]:
        """Yield the lines of a file for promtool, which has all series and checks nothing yet.

        Args:
            rule_files: Paths of the rules, from the folder of the file.
        """
        begin = datetime.fromtimestamp(self._begin, UTC).isoformat(" ", timespec="seconds")
        lead = self._lead * self._every.seconds
        yield f"# The recording begins at {lead}s, which was {begin}."
        yield "rule_files:"
        yield from (f"  - {_quoted(file)}" for file in rule_files)
        yield f"evaluation_interval: {self._every}"
        yield "tests:"
        yield f"  - interval: {self._every}"
        yield "    input_series:"
        for series, values in sorted(self._series.items()):
            # promtool takes this character for invalid text, if it is not escaped.
            yield f"      - series: {_quoted(series.replace(REPLACEMENT, _ESCAPED))}"
            yield f"        values: {_quoted(values.written(self._lead + self._samples))}"
        yield "    # Add what you expect, for example:"
        yield "    # alert_rule_test:"
        yield f"    #   - {{alertname: MyAlert, eval_time: {lead + 600}s, exp_alerts: []}}"

    def _note(self) -> None:
        view = self.store.view()
        now = self._lead + self._samples
        self._note_lines(text(self._specs, view), [now])
        own = "up 1\n"
        if self._own_specs:
            own += text(self._own_specs, self._of_exporter(view))
        self._note_lines(own, [now] if self._samples else range(now + 1))
        self._samples += 1

    def _note_lines(self, lines: str, samples: Sequence[int]) -> None:
        for line in lines.split("\n"):
            if not line or line.startswith("#"):
                continue
            series, _, number = line.rpartition(" ")
            name, _, labels = series.partition("{")
            if not self._is_named(name):
                continue
            value = float(number)
            if name.endswith(_TIME) and value:
                value = round(value - self._begin + self._lead * self._every.seconds, 3)
            target = f"{name}{{{_TARGET}{',' + labels if labels else '}'}"
            if target not in self._series:
                self._series[target] = Values()
            for sample in samples:
                self._series[target].add(sample, value)

    def _of_exporter(self, view: View) -> View:
        """Return the metrics of the exporter about itself."""
        own = self_series(
            [self._status],
            view,
            started_at=self._begin - self._lead * self._every.seconds,
            is_stalled=False,
            outcomes=Reloads(),
            subsystems=self._subsystems,
        )
        series = {}
        for spec, values in own:
            template = lines_of(spec).template
            templates = [template(labels) for labels in values]
            series[spec.name] = Columns([*values], templates, [*values.values()])
        return View(series, {}, {}, {})

    def _named(self, specs: Iterable[MetricSpec]) -> tuple[MetricSpec, ...]:
        return tuple(
            spec for spec in specs if any(self._is_named(spec.name + each) for each in _ENDINGS)
        )


def _names(rules: str | None) -> Callable[[str], bool]:
    """Return what says whether a text names a metric."""
    if rules is None:
        return lambda _: True
    return frozenset(_NAME.findall(rules)).__contains__


def _quoted(value: str) -> str:
    """Write a printable text in YAML."""
    return "'" + value.replace("'", "''") + "'"
