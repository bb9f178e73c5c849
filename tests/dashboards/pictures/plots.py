"""Drawings of values over time, as SVG."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from itertools import groupby, pairwise
from math import ceil, floor, log10
from zlib import crc32

from dashboards.palette import BAD
from tests.dashboards.grafana import Json, Panel
from tests.dashboards.pictures import formats
from tests.dashboards.prometheus import Point

Lines = Sequence[tuple[str, Sequence[Point]]]
"""Name and points."""

_LEFT, _BOTTOM, _TOP, _ROW = 56, 22, 8, 20
_TICKS = 5
_ROUND_SECONDS = (4, 8, 20, 40, 80, 120, 240, 480, 1200, 2400, 4800, 7200)
_ROUND_COUNTS = (4, 8, 12, 16, 20, 24, 32, 40, 60, 80)
_SHADES = ("#003a5c", "#0072b2", "#4aa8dc")


class Area:
    """Where to draw, and how times become places."""

    def __init__(  # noqa: PLR0913, PLR0917 -- as it says
        self,
        width: int,
        height: int,
        start: float,
        end: float,
        left: int,
        marks: Sequence[float],
    ) -> None:
        self.width, self.height, self.left = width, height, left
        self.start, self.end = start, end
        self._marks = [at for at in marks if at >= start]

    @property
    def bottom(self) -> int:
        """Where the axis is."""
        return self.height - _BOTTOM

    def x(self, at: float) -> float:
        """Place a time."""
        share = (at - self.start) / (self.end - self.start)
        return self.left + share * (self.width - self.left - 6)

    def times(self) -> str:
        """Draw the axis of time, and the annotations."""
        drawn = []
        ticks = max(2, (self.width - self.left) // 110)
        length = self.end - self.start
        for tick in range(1, ticks):
            at = self.start + length * tick / ticks
            # A day has ticks at whole hours.
            at, form = (at // 3600 * 3600, "%H:%M") if length > 86_400 else (at, "%H:%M:%S")
            label = datetime.fromtimestamp(at, UTC).strftime(form)
            drawn.append(_text(self.x(at), self.height - 6, label, "middle"))
        for at in self._marks:
            x, foot = self.x(at), self.bottom
            drawn.append(
                f'<path d="M{x:.1f} {_TOP}V{foot}" stroke="{BAD}" stroke-dasharray="3 3"/>'
                f'<path d="M{x - 4:.1f} {foot + 6}h8l-4 -6z" fill="{BAD}"/>'
            )
        return "".join(drawn)

    def svg(self, body: str) -> str:
        """Put it together."""
        return f'<svg width="{self.width}" height="{self.height}">{body}</svg>'


def time_series(panel: Panel, lines: Lines, area: Area, now: float) -> str:
    """Draw lines, one upon the other if the panel stacks them."""
    is_stacked = panel.defaults["custom"].get("stacking", {}).get("mode") == "normal"
    drawn = _stacked(lines) if is_stacked else [(name, points, None) for name, points in lines]
    highest = max((value for _, points, _ in drawn for _, value in points), default=0)
    top = _round_up(highest, panel.defaults.get("unit", "short"))
    height = area.bottom - _TOP

    def y(value: float) -> float:
        return area.bottom - height * value / top

    body = []
    for tick in range(_TICKS):
        value = top * tick / (_TICKS - 1)
        body.append(
            f'<line x1="{area.left}" x2="{area.width}" y1="{y(value)}" y2="{y(value)}" '
            f'stroke="#ddd"/>{_text(area.left - 5, y(value) + 4, _tick(value, panel, now), "end")}'
        )
    for name, points, base in drawn:
        look = _look(panel, name)
        path = _steps([(area.x(at), y(value)) for at, value in points])
        if base is not None:
            floor_ = _steps([(area.x(at), y(value)) for at, value in base], backwards=True)
            body.append(f'<path d="M{path}L{floor_}Z" fill="{look["colour"]}" opacity=".75"/>')
        dash = " ".join(map(str, look["dash"]))
        body.append(
            f'<path d="M{path}" fill="none" stroke="{look["colour"]}" '
            f'stroke-width="{look["width"]}" stroke-dasharray="{dash}"/>'
        )
    return area.svg("".join(body) + area.times()) + _legend(panel, lines)


def columns(panel: Panel, lines: Lines, area: Area, step: float) -> str:
    """Draw stacked columns, each from its time to the next one."""
    drawn = _stacked(lines)
    highest = max((value for _, points, _ in drawn for _, value in points), default=0)
    top = _round_up(highest, panel.defaults.get("unit", "short"))
    scale = (area.bottom - _TOP) / top
    body = []
    for tick in range(_TICKS):
        value = top * tick / (_TICKS - 1)
        y = area.bottom - scale * value
        body.append(
            f'<line x1="{area.left}" x2="{area.width}" y1="{y}" y2="{y}" stroke="#ddd"/>'
            f"{_text(area.left - 5, y + 4, _tick(value, panel, 0), 'end')}"
        )
    for name, points, base in drawn:
        fill = _look(panel, name)["colour"]
        for (at, value), (_, below) in zip(points, base or (), strict=True):
            x, end = area.x(at), area.x(at + step)
            body.append(
                f'<rect x="{x + 1:.1f}" width="{end - x - 2:.1f}" '
                f'y="{area.bottom - scale * value:.1f}" '
                f'height="{scale * (value - below):.1f}" fill="{fill}"/>'
            )
    return area.svg("".join(body) + area.times()) + _legend(panel, lines)


def state_timeline(panel: Panel, lines: Lines, area: Area, now: float) -> str:
    """Draw a band for each series, with the values in it."""
    body = []
    height = (area.bottom - _TOP) / max(1, len(lines))
    for row, (name, points) in enumerate(lines):
        top, middle = _TOP + row * height, _TOP + (row + 0.5) * height + 4
        body.append(_text(area.left - 6, middle, name, "end"))
        runs = [list(run) for _, run in groupby(points, key=lambda point: point[1])]
        for run, after in zip(runs, [*runs[1:], None], strict=True):
            begin = area.x(run[0][0])
            end = area.x(after[0][0]) if after else area.x(area.end)
            fill = formats.colour(run[0][1], panel.defaults)
            said = formats.text(run[0][1], panel.defaults, now)
            body.append(
                f'<rect x="{begin:.1f}" width="{max(1, end - begin):.1f}" y="{top + height * 0.1}" '
                f'height="{height * 0.8}" fill="{fill}"/>'
            )
            if end - begin > 7 * len(said) + 2:
                text = _text(begin + 4, middle, said, "start", formats.ink(fill))
                body.append(text)
    return area.svg("".join(body) + area.times())


def left_of(panel: Panel, lines: Lines) -> int:
    """Tell how much room the names beside a drawing need."""
    if panel.kind != "state-timeline":
        return _LEFT
    return min(260, 12 + 7 * max((len(name) for name, _ in lines), default=0))


def legend_height(lines: Lines, width: int) -> int:
    """Tell how much room the legend below a drawing needs."""
    return _ROW * ceil(sum(len(name) * 7 + 34 for name, _ in lines) / width)


def _legend(panel: Panel, lines: Lines) -> str:
    items = []
    hides_zeros = "allIsZero" in str(panel.json["fieldConfig"])
    for name, points in lines:
        if hides_zeros and not any(value for _, value in points):
            continue
        look = _look(panel, name)
        dash = " ".join(map(str, look["dash"]))
        key = (
            f'<svg width="22" height="8"><path d="M0 4H22" stroke="{look["colour"]}" '
            f'stroke-width="{max(3, look["width"])}" stroke-dasharray="{dash}"/></svg>'
        )
        items.append(f"<span>{key} {escape(look['name'])}</span>")
    return f'<div class="legend">{"".join(items)}</div>'


def _look(panel: Panel, name: str) -> Json:
    width = panel.defaults["custom"].get("lineWidth", 1)
    look: Json = {"name": name, "colour": _own_colour(panel, name), "dash": (), "width": width}
    for override in panel.json["fieldConfig"].get("overrides", ()):
        if _fits(panel, override["matcher"], name):
            for each in override["properties"]:
                match each["id"]:
                    case "displayName":
                        look["name"] = each["value"]
                    case "color":
                        look["colour"] = each["value"]["fixedColor"]
                    case "custom.lineStyle":
                        look["dash"] = each["value"]["dash"]
                    case "custom.lineWidth":
                        look["width"] = each["value"]
    return look


def _fits(panel: Panel, matcher: Json, name: str) -> bool:
    if matcher["id"] == "byFrameRefID":
        of = (each for each in panel.queries if each["refId"] == matcher["options"])
        return any(_can_be(query["legendFormat"], name) for query in of)
    return bool(matcher["id"] == "byName" and matcher["options"] == name)


def _can_be(legend: str, name: str) -> bool:
    """Say whether a series with this legend can have this name."""
    pattern = "(.+)".join(map(re.escape, re.split(r"{{\w+}}", legend)))
    return re.fullmatch(pattern, name) is not None


def _own_colour(panel: Panel, name: str) -> str:
    """Return the colour of a series for which the panel has no override."""
    colour: Json = panel.defaults["color"]
    if colour["mode"] == "shades":
        # Those of Grafana are others.
        return _SHADES[crc32(name.encode()) % len(_SHADES)]
    return str(colour["fixedColor"])


def _stacked(lines: Lines) -> list[tuple[str, Sequence[Point], Sequence[Point] | None]]:
    below: dict[float, float] = {}
    drawn: list[tuple[str, Sequence[Point], Sequence[Point] | None]] = []
    for name, points in lines:
        base = [(at, below.get(at, 0.0)) for at, _ in points]
        upper = [(at, below.get(at, 0.0) + value) for at, value in points]
        below |= dict(upper)
        drawn.append((name, upper, base))
    return drawn


def _steps(places: Sequence[tuple[float, float]], *, backwards: bool = False) -> str:
    corners = [f"{places[0][0]:.1f},{places[0][1]:.1f}"] if places else ["0,0"]
    for (_, before), (x, y) in pairwise(places):
        corners += [f"{x:.1f},{before:.1f}", f"{x:.1f},{y:.1f}"]
    return "L".join(reversed(corners) if backwards else corners)


def _round_up(value: float, unit: str) -> float:
    if value <= 0:
        return 1
    # So that ticks are whole seconds or minutes, and whole numbers.
    if unit == "s" and value <= _ROUND_SECONDS[-1]:
        return next(top for top in _ROUND_SECONDS if value <= top)
    if unit == "short" and 1 <= value <= _ROUND_COUNTS[-1]:
        return next(top for top in _ROUND_COUNTS if value <= top)
    size = 10 ** floor(log10(value))
    return float(next(size * step for step in (1, 2, 4, 6, 8, 10) if size * step >= value))


def _tick(value: float, panel: Panel, now: float) -> str:
    return formats.text(value, {"unit": panel.defaults.get("unit", "short")}, now)


def _text(x: float, y: float, text: str, anchor: str, fill: str = "#444") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{fill}">{escape(text)}</text>'
    )
