"""How the windows of a value are declared: three metrics at once."""

from __future__ import annotations

from typing import NamedTuple

from dataflows.metric import Kind, MetricSpec


class Levels(NamedTuple):
    """The three metrics of a value's windows."""

    low: MetricSpec
    high: MetricSpec
    mean: MetricSpec


class Helps(NamedTuple):
    """What the three metrics tell, each with "the last closed window" in it."""

    low: str
    high: str
    mean: str

    @classmethod
    def of_number(cls, what: str) -> Helps:
        """Word them for a number of things."""
        return cls(
            f"Least number of {what} over the last closed window.",
            f"Greatest number of {what} over the last closed window.",
            f"Time-weighted mean number of {what} over the last closed window.",
        )


def levels(  # noqa: PLR0913 -- three names, and what they are of
    low: str, high: str, mean: str, what: str | Helps, labels: tuple[str, ...], *, gauge: str = ""
) -> Levels:
    """Declare the windows of a value.

    Args:
        low: Name of the metric of the least value.
        high: Name of the metric of the greatest value.
        mean: Name of the metric of the time-weighted mean.
        what: What there is a number of, or the helps of a value that is no number of things.
        labels: Of the value; the window comes behind them.
        gauge: What shows the value itself, for the documents to compare with.
    """
    helps = Helps.of_number(what) if isinstance(what, str) else what

    def spec(name: str, text: str, beyond: str) -> MetricSpec:
        return MetricSpec(
            name,
            Kind.GAUGE,
            text,
            (*labels, "window"),
            cardinality="one per window for each series of the value",
            beyond_promql=beyond if gauge else "",
        )

    seen = f"_over_time` of {gauge} knows what scrapes saw. This also knows"
    return Levels(
        spec(low, helps.low, f"`min{seen} a drop that came and went between two of them."),
        spec(high, helps.high, f"`max{seen} a peak that came and went between two of them."),
        spec(
            mean,
            helps.mean,
            f"`avg_over_time` of {gauge} lets every scrape count alike. "
            "This lets every value count for as long as it lasted.",
        ),
    )
