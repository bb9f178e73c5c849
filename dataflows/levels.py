"""Declare the three window metrics of a value: minimum, maximum and average.

The maximum also exists for `today`.
"""

from __future__ import annotations

from typing import NamedTuple

from dataflows.metric import Kind, MetricSpec


class Levels(NamedTuple):
    """The three window metrics of a value."""

    low: MetricSpec
    high: MetricSpec
    mean: MetricSpec


SO_FAR = "so far in the window `today`"


class HelpTexts(NamedTuple):
    """The help texts of the three metrics; each contains "the last closed window".

    The help text of the maximum also mentions `today`.
    """

    low: str
    high: str
    mean: str

    @classmethod
    def of_number(cls, what: str) -> HelpTexts:
        """Return the help texts for a number of things."""
        return cls(
            f"Lowest number of {what} during the last closed window.",
            f"Highest number of {what} during the last closed window, or {SO_FAR}.",
            f"Time-weighted average number of {what} during the last closed window.",
        )


def levels(  # noqa: PLR0913 -- three literal names, and what they have in common
    low: str,
    high: str,
    mean: str,
    what: str | HelpTexts,
    labels: tuple[str, ...],
    *,
    per: str = "origin",
    gauge: str = "",
) -> Levels:
    """Declare the window metrics of a value.

    Args:
        low: Name of the metric of the minimum.
        high: Name of the metric of the maximum.
        mean: Name of the metric of the time-weighted average.
        what: The things that are counted, in the plural; or complete help texts.
        labels: Labels of the value; the label `window` is added after them.
        per: What has one such value: an origin, a queue, a service.
        gauge: The gauge of the value, which the documents compare with the windows.
    """
    helps = HelpTexts.of_number(what) if isinstance(what, str) else what

    def spec(name: str, text: str, beyond: str) -> MetricSpec:
        return MetricSpec(
            name,
            Kind.GAUGE,
            text,
            (*labels, "window"),
            cardinality=f"one per window and {per}",
            beyond_promql=beyond if gauge else "",
            closed_only=name != high,
        )

    scrapes = f"_over_time` of {gauge} uses only the values at scrapes. This metric also includes"
    return Levels(
        spec(low, helps.low, f"`min{scrapes} a drop that begins and ends between two scrapes."),
        spec(high, helps.high, f"`max{scrapes} a peak that begins and ends between two scrapes."),
        spec(
            mean,
            helps.mean,
            f"`avg_over_time` of {gauge} gives every scrape the same weight. "
            "This metric weights every value by how long it lasted.",
        ),
    )
