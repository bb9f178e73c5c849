"""The picture of a simulated day: events, agents and calls over its hours, as SVG."""

from __future__ import annotations

from collections.abc import Sequence

from tests.picture import PANEL, TOP, frame, panel

Sample = tuple[float, int, int, int]
"""See `tests.windows.day_report.Report`."""

_TITLES = (
    "events in a quarter of an hour",
    "agents logged in",
    "calls of queues that ended in a quarter of an hour",
)


def day_picture(samples: Sequence[Sample]) -> str:
    """Draw the samples of a day, in their order; one at least."""
    parts: list[str] = []
    for row, title in enumerate(_TITLES):
        points = [(sample[0], float(sample[row + 1])) for sample in samples]
        parts += panel(row, title, points, "h")
    hours = samples[-1][0]
    return frame(f"{hours:.3g} hours of simulated telephony", TOP + len(_TITLES) * PANEL, *parts)
