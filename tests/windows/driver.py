"""The dataflow without bytewax, and the oracle, with a clock that the test controls."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, tzinfo
from typing import Any, NoReturn

from bytewax.operators import StatefulBatchLogic

from dataflows.clock import aware
from dataflows.decode import Decode
from dataflows.envelope import Delivery
from dataflows.items import ClockSetBack, Item, Opened, ReadingContinued
from dataflows.lengths import parse_lengths
from dataflows.options import Options
from dataflows.origins import Origins
from dataflows.outputs import Changes, Output, Skipped
from dataflows.stage import Logic, Stage
from dataflows.subsystem import State
from dataflows.subsystems import SUBSYSTEMS, deliveries
from dataflows.trackers import CLOCK_SLACK_SECONDS
from tests.windows.models import Fact, key_of
from tests.windows.oracle import Number, Oracle, Series

WINDOWED = {
    f"{stem}_{end}"
    for stem in (
        "xivo_agents_logged_in",
        "xivo_endpoints_in_use",
        "xivo_endpoints_unavailable",
        "xivo_lines_in_call",
        "xivo_queue_members_available",
        "xivo_users_available",
        "xivo_service_up",
        "xivo_calls",
    )
    for end in ("min", "max", "avg")
} | {"xivo_endpoints_flapping", "xivo_chat_senders", "xivo_call_form_submitters"}

MEAN_TOLERANCE = 1e-9

BUS = "default"


class Driver:
    """Passes events to decode and stage, as bytewax does, and to the oracle.

    Args:
        windows: Lengths of windows, as in the setting.
        now: Unix seconds.
        zone: Time zone of time stamps without a UTC offset.
        days: Time zone of the window `today`, here another setting.

    Attributes:
        now: The current time.
        shown: Series of the windows, as a scrape would show them.
        late: Late events, by subsystem.
    """

    def __init__(
        self, windows: str, now: float, zone: tzinfo | None = UTC, days: tzinfo = UTC
    ) -> None:
        self.now = now
        self.shown: dict[Series, float] = {}
        self.late: Counter[str] = Counter()
        lengths = parse_lengths(windows)
        self.oracle = Oracle({name: _seconds(name) for name in windows.split(",")}, days)
        self._options = Options(windows=lengths, zone_of={BUS: days}.get)
        self._origins = Origins(_fail)
        self._decode = Decode(SUBSYSTEMS, lambda _: zone, _fail, self._origins)
        self._logics: dict[str, Logic] = {}
        self._due: dict[str, float] = {}
        self._accounts: dict[Series, Any] = {}
        self._latest = now
        self._judges_agents = True
        self._start()
        self._process([Opened(BUS, self.now)])

    def _start(self) -> None:
        self._stage = Stage(SUBSYSTEMS, self._options, lambda: self.now)
        self._latest = max(self._latest, self.now)

    def take(self, batch: list[tuple[Delivery, Fact]]) -> None:
        """Process a batch of deliveries, then call the states that are due."""
        self._follow_clock()
        for _, fact in batch:
            self.oracle.take(fact)
            if (key_of(fact) or ("",))[0] == "queues":
                self._judges_agents = False
        self._process([delivery for delivery, _ in batch])
        self.notify()

    def _process(self, items: Sequence[Item]) -> None:
        by_key = dict(self._decode(items))
        for key, values in by_key.items():
            logic = self._logics.setdefault(key, self._stage(None))
            self._put_out(key, logic, *logic.on_batch([values]))
        self.oracle.look(map(_split, by_key), self.now)

    def _follow_clock(self) -> None:
        """Report a clock that was set back, as the source does, also by several small steps."""
        if self.now < self._latest - CLOCK_SLACK_SECONDS:
            self.oracle.recheck(self.now)
            self._process([ClockSetBack(BUS, self.now)])
            # Windows that start within the slack stay.
            self._latest = self.now + CLOCK_SLACK_SECONDS
        self._latest = max(self._latest, self.now)

    def notify(self) -> None:
        """Call the states that are due."""
        self._follow_clock()
        due = [key for key, at in self._due.items() if at <= self.now]
        for key in due:
            self._put_out(key, self._logics[key], *self._logics[key].on_notify())
        self.oracle.look(map(_split, due), self.now)

    def wait(self, until: float, lag: float = 0.0) -> None:
        """Advance the clock; call each state `lag` seconds after it is due."""
        while self._due and (at := max(self.now, min(self._due.values()) + lag)) <= until:
            self.now = at
            self.notify()
        self.now = max(self.now, until)

    def restart(self, days: tzinfo | None = None) -> None:
        """Resume all states from their snapshots, and discard all series.

        Args:
            days: A new time zone of the window `today`.
        """
        if days is not None:
            self._options = replace(self._options, zone_of={BUS: days}.get)
        self._start()
        self.oracle.recheck(self.now)
        if days is not None:
            self.oracle.change_zone(days, self.now)
        self.shown.clear()
        for key, logic in self._logics.items():
            resumed = self._stage(logic.snapshot())
            self._logics[key] = resumed
            if resumed.notify_at() is None:
                continue  # No event has told of the subsystem.
            assert resumed.notify_at() == aware(self.now)
            self._put_out(key, resumed, *resumed.on_notify())
        self.oracle.look(map(_split, self._logics), self.now)
        # Before that, states do not settle by the clock: events may wait that they need.
        self._process([Opened(BUS, self.now), ReadingContinued(BUS)])

    def states(self) -> Iterable[tuple[str, State[Any]]]:
        """Return the states by key."""
        for key, logic in self._logics.items():
            if (state := logic._state) is not None:  # noqa: SLF001 -- the test measures memory
                yield key, state

    @property
    def clamped(self) -> float:
        """Return the number of time stamps that were replaced."""
        number: float = self._accounts.get((deliveries.CLAMPED.name, (BUS,)), 0)
        return number

    def window_end(self, name: str) -> float:
        """Return when the last window of a length ended, as the exporter shows it."""
        end: float = self._accounts[deliveries.WINDOW_END.name, (name,)]
        return end

    def account(self) -> Mapping[Series, Any]:
        """Return the series without an oracle here: those of queue calls, and all counts."""
        return self._accounts

    def check(self, *, with_today: bool = True) -> None:
        """Compare all series with the oracle.

        Args:
            with_today: Whether also those of today, whose whole day the oracle evaluates.
        """
        true = self.oracle.shown() if with_today else self.oracle.closed()
        shown = self.shown
        if not with_today:
            shown = {series: value for series, value in shown.items() if series[1][-1] != "today"}
        wrong = {} if shown == true else differences(shown, true)
        assert not wrong, f"at {self.now!r}: (shown, true) of {wrong}"
        late, true_late = Counter(self.late), self.oracle.late()
        # The calls of queues have windows, but no oracle here.
        del late["queue_calls"]
        if not self._judges_agents:
            # The state of agents hears of the members of queues too, its oracle does not.
            del late["agents"], true_late["agents"]
        assert late == true_late, (late, true_late)
        assert self.clamped == self.oracle.clamped

    def check_punctual(self) -> None:
        """Check that each state is due in the future, but not after the end of a window."""
        for key, history in self.oracle.keys.items():
            first_end = min(clock.end for clock in history.clocks)
            subsystem, origin, _ = key
            assert self.now < self._due[f"{subsystem}\t{origin}"] <= first_end, key

    def _put_out(self, key: str, logic: Logic, outputs: Iterable[Output], is_over: bool) -> None:
        assert is_over is StatefulBatchLogic.RETAIN
        for output in outputs:
            match output:
                case Changes(samples):
                    for metric, labels, value in samples:
                        shown = self.shown if metric in WINDOWED else self._accounts
                        shown[metric, labels] = value  # type: ignore[assignment] # never None here
                case Skipped(subsystem, late, refused, hidden):
                    assert not refused
                    assert not hidden
                    self.late[subsystem] += late
        at = logic.notify_at()
        self._due.pop(key, None)
        if at is not None:
            self._due[key] = at.timestamp()
            assert self._due[key] > self.now, "is due again at once"


def differences(
    shown: Mapping[Series, float], true: Mapping[Series, Number]
) -> dict[Series, tuple[float | None, float | None]]:
    """Return the series that differ; means may differ by rounding."""
    wrong: dict[Series, tuple[float | None, float | None]] = {}
    for series in shown.keys() | true.keys():
        here, there = shown.get(series), true.get(series)
        if here == there:
            continue
        if here is not None and there is not None and series[0].endswith("_avg"):
            scale = max(1.0, float(there))
            if abs(here - float(there)) <= MEAN_TOLERANCE * scale:
                continue
        wrong[series] = (here, None if there is None else float(there))
    return wrong


def _seconds(name: str) -> int:
    return (
        0
        if name == "today"
        else int(name[:-1]) * {"s": 1, "m": 60, "h": 3600, "d": 86_400}[name[-1]]
    )


def _split(key: str) -> tuple[str, str]:
    subsystem, origin = key.split("\t")
    return subsystem, origin


def _fail(*what: object) -> NoReturn:
    msg = f"rejected, or on two buses: {what}"
    raise AssertionError(msg)
