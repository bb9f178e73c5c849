"""The picture of a simulated day: events, agents and calls over its hours, as SVG."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tests.picture import LEFT, RIGHT, frame, label, round_up, scale

_TOP, _PANEL, _AXIS = 72, 150, 96

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
        parts += _panel(row, title, [(sample[0], float(sample[row + 1])) for sample in samples])
    hours = samples[-1][0]
    return frame(f"{hours:.3g} hours of simulated telephony", _TOP + 3 * _PANEL, *parts)


def _panel(row: int, title: str, points: Sequence[tuple[float, float]]) -> Iterator[str]:
    top = _TOP + row * _PANEL
    bottom, end = top + _AXIS, points[-1][0]
    limit = round_up(max(value for _, value in points)) or 1
    yield f'<text x="{LEFT}" y="{top - 8}">{title}</text>'
    yield from scale(top, bottom, limit)
    for quarter in range(5):
        x = LEFT + quarter / 4 * (RIGHT - LEFT)
        yield label(x, bottom + 18, f"{end * quarter / 4:.3g} h", "middle")
    line = " ".join(
        f"{LEFT + at / end * (RIGHT - LEFT):.1f},{bottom - value / limit * _AXIS:.1f}"
        for at, value in points
    )
    yield f'<polyline class="value" points="{line}"/>'
