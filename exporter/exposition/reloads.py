"""The outcome of the last reload of each file that is read again while the program runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from dataflows.metric import Kind, LabelValues, MetricSpec

RELOADED = MetricSpec(
    "xivo_exporter_config_last_reload_successful",
    Kind.GAUGE,
    "1 while the newest settings are used: of the settings file, of the web configuration file, "
    "and of the files that they name. 0 while one of them cannot be used, and its old content "
    "stays.",
    cardinality="1",
)
RELOADED_AT = MetricSpec(
    "xivo_exporter_config_last_reload_success_timestamp_seconds",
    Kind.GAUGE,
    "Unix time at which one of these files was last read successfully: at the start, or at a "
    "reload.",
    cardinality="1",
)

SPECS = (RELOADED, RELOADED_AT)


@dataclass(slots=True)
class Reload:
    """The outcome of the last reload of one file, with the files that it names.

    One thread writes it; any thread reads it.

    Attributes:
        is_broken: Whether the newest content cannot be used, so that the old one stays.
        succeeded_at: Unix time of the last successful reload, in seconds; 0 before the first.
    """

    is_broken: bool = False
    succeeded_at: float = 0.0

    def succeed(self, at: float) -> None:
        """Note that the newest content is used.

        Args:
            at: Unix time, in seconds.
        """
        self.succeeded_at = at
        self.is_broken = False

    def fail(self) -> None:
        """Note that the newest content cannot be used."""
        self.is_broken = True


@dataclass(frozen=True, slots=True)
class Reloads:
    """The outcomes of all reloads.

    Attributes:
        settings: Of the settings file.
        web: Of the web configuration file.
    """

    settings: Reload = field(default_factory=Reload)
    web: Reload = field(default_factory=Reload)

    @property
    def are_successful(self) -> bool:
        """Whether the newest content of every file is used."""
        return not (self.settings.is_broken or self.web.is_broken)

    @property
    def succeeded_at(self) -> float:
        """Unix time of the last successful reload of any file, in seconds; 0 before the first."""
        return max(self.settings.succeeded_at, self.web.succeeded_at)


def reload_series(
    outcomes: Reloads, started_at: float
) -> Iterator[tuple[MetricSpec, Mapping[LabelValues, float]]]:
    """Return the series of every metric in `SPECS`.

    Args:
        outcomes: Of the reloads since the start.
        started_at: When the process started, Unix seconds: all files were read successfully then.
    """
    yield RELOADED, {(): float(outcomes.are_successful)}
    yield RELOADED_AT, {(): outcomes.succeeded_at or started_at}
