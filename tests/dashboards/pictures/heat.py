"""Heat maps of the buckets of a histogram, as SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from tests.dashboards.grafana import Panel
from tests.dashboards.pictures.plots import Area
from tests.dashboards.prometheus import Point, Series

LEFT = 56
"""Room for the names of the buckets, in pixels."""

_TOP = 8


def buckets(answer: Sequence[Series]) -> list[tuple[str, dict[float, float]]]:
    """Return the values of each bucket alone, the lowest first, as Grafana computes them."""
    ordered = sorted(answer, key=lambda each: float(each.labels["le"]))
    below: Mapping[float, float] = {}
    rows = []
    for each in ordered:
        points: Sequence[Point] = each.points
        rows.append(
            (each.labels["le"], {at: max(0, value - below.get(at, 0)) for at, value in points})
        )
        below = dict(points)
    return rows


def heat_map(panel: Panel, answer: Sequence[Series], area: Area, step: float) -> str:
    """Draw a row for each bucket, the lowest at the bottom."""
    rows = buckets(answer)
    color = panel.json["options"]["color"]
    most = max((value for _, values in rows for value in values.values()), default=0) or 1
    height = (area.bottom - _TOP) / max(1, len(rows))
    body = []
    for number, (bound, values) in enumerate(rows):
        top = area.bottom - (number + 1) * height
        label = bound if bound == "+Inf" else f"{float(bound):g} s"
        body.append(
            f'<text x="{area.left - 6}" y="{top + height / 2 + 4:.1f}" text-anchor="end" '
            f'fill="#444">{escape(label)}</text>'
        )
        for at, value in values.items():
            if value <= 0:
                continue
            x, end = area.x(at), area.x(min(area.end, at + step))
            body.append(
                f'<rect x="{x:.1f}" width="{max(1, end - x - 1):.1f}" y="{top:.1f}" '
                f'height="{max(1, height - 1):.1f}" fill="{color["fill"]}" '
                f'opacity="{(value / most) ** color["exponent"]:.2f}"/>'
            )
    return area.svg("".join(body) + area.times())
