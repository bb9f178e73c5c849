"""Judges what two exporters that share an inbox show, scrape after scrape."""

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import NamedTuple

from tests.integration.bus import own
from tests.program import Series

DIFFERENT_SECONDS = 60.0
"""For which two exporters that can know better may show different values of a series."""

STANDBY_SECONDS = 60.0
"""For which an exporter may show what it knew when it stopped reading."""

BOTH_SECONDS = 10.0
"""For which both may call themselves connected, as one that does not know yet that the broker gave
it up: less than Prometheus' usual interval."""

_ENTITIES = {"xivo_agent_logged_in": "xivo_agents", "xivo_endpoint_state": "xivo_endpoints"}
"""Gauges of single entities, and the gauge by origin that counts the same entities."""


class Look(NamedTuple):
    """One scrape of one exporter.

    Attributes:
        samples: What it shows.
        is_excused: It is cut off, so that it may show what it knew before.
    """

    samples: Mapping[Series, float]
    is_excused: bool = False


class Truths:
    """Finds those that show something else than the other one, or than they should.

    Times are monotonic, in seconds.

    Attributes:
        faults: What was found.
        compared: How many values of two exporters were compared.
        silenced: How often a standby was seen that had to be silent, and was.
    """

    def __init__(self) -> None:
        self.faults: list[str] = []
        self.compared = 0
        self.silenced = 0
        self._different_since: dict[Series, float] = {}
        self._read_at: dict[str, float] = {}
        self._both_since: float | None = None

    def look(self, now: float, seen: Mapping[str, Look]) -> None:
        """Judge what was scraped at about the same time.

        Args:
            now: The time.
            seen: By the name of the exporter; those that are dead or frozen are not in it.
        """
        self._judge_differences(now, seen)
        self._judge_standbys(now, seen)
        self._judge_readers(now, seen)

    def _judge_differences(self, now: float, seen: Mapping[str, Look]) -> None:
        since: dict[Series, float] = {}
        for (one, left), (other, right) in combinations(seen.items(), 2):
            if not (_can_know(left) and _can_know(right)):
                continue
            for series in _comparable(left.samples, right.samples):
                self.compared += 1
                values = left.samples[series], right.samples[series]
                if values[0] == values[1]:
                    continue
                since[series] = self._different_since.get(series, now)
                if now - since[series] > DIFFERENT_SECONDS:
                    name, labels = series
                    self.faults.append(
                        f"{one} and {other} show {values} of {name}{dict(sorted(labels))} "
                        f"for {now - since[series]:.0f} s"
                    )
                    since[series] = now
        self._different_since = since

    def _judge_standbys(self, now: float, seen: Mapping[str, Look]) -> None:
        read_at: dict[str, float] = {}
        for name, look in seen.items():
            is_standby = own(look.samples, "bus_standby") == 1
            may_show = look.is_excused or not is_standby
            # One that has just started, or was frozen, begins to wait now.
            read_at[name] = now if may_show else self._read_at.get(name, now)
            silent_for = now - read_at[name]
            if silent_for <= STANDBY_SECONDS:
                continue
            if any(telephony(look.samples)):
                self.faults.append(f"{name}, a standby for {silent_for:.0f} s, shows telephony")
                read_at[name] = now
            else:
                self.silenced += 1
        self._read_at = read_at

    def _judge_readers(self, now: float, seen: Mapping[str, Look]) -> None:
        readers = [name for name, look in seen.items() if own(look.samples, "bus_connected") == 1]
        if len(readers) < 2:
            self._both_since = None
            return
        self._both_since = now if self._both_since is None else self._both_since
        if now - self._both_since > BOTH_SECONDS:
            self.faults.append(
                f"{' and '.join(readers)} are connected for {now - self._both_since:.0f} s"
            )
            self._both_since = now


def telephony(samples: Mapping[Series, float]) -> Iterator[Series]:
    """Give the series of what happens on the bus, windows included."""
    for series in samples:
        if series[0].startswith("xivo_") and not series[0].startswith("xivo_exporter_"):
            yield series


def _can_know(look: Look) -> bool:
    if look.is_excused:
        return False
    return own(look.samples, "bus_connected") == 1 or own(look.samples, "bus_standby") == 1


def _comparable(left: Mapping[Series, float], right: Mapping[Series, float]) -> Iterator[Series]:
    """Give the series whose values must be the same in both."""
    for of_one, of_all in _ENTITIES.items():
        known = {series for series in left if series[0] == of_one}
        also_known = {series for series in right if series[0] == of_one}
        yield from known & also_known
        if known == also_known:
            yield from (series for series in left if series[0] == of_all and series in right)
