"""The picture of the windows page: a value, its scrapes and its windows.

The code of the exporter computes the windows, from some invented minutes of agents who log in and
out. So the picture always shows what the code does.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

from dataflows.agent_metrics import LEVELS
from dataflows.lengths import Length
from dataflows.metric import Samples
from dataflows.windows import Level

_LENGTH = Length("1m", 60)
_START = 10 * 3600
"""Ten o'clock of any day, where windows begin."""
_MINUTES = 4
_CHANGES = ((0, 4), (22, 9), (33, 5), (52, 6), (75, 7), (105, 5), (158, 1), (167, 5))
"""Changes: seconds after the start, and the agents who are logged in from then on."""
_SCRAPES = range(5, _MINUTES * 60, 15)
_TOP = 10
"""Number of agents at the upper end of the axis."""

_WIDTH, _HEIGHT = 960, 476
_LEFT, _RIGHT = 96, 936
_UPPER, _LOWER = 104, 304
_SCRAPE_ROW = 352
_WINDOW_ROW = 392
_ROW = 28

_STYLE = """\
text { font: 13px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; fill: #1f2328; }
.title { font-size: 18px; font-weight: 600; }
.figure { font-size: 15px; font-weight: 600; }
.muted { fill: #59636e; }
.paper { fill: #ffffff; stroke: #d1d9e0; }
.grid { stroke: #e6eaef; }
.edge { stroke: #8b949e; stroke-dasharray: 2 3; }
.band { fill: #1a7f37; fill-opacity: .16; stroke: #1a7f37; stroke-opacity: .55; }
.mean { stroke: #1a7f37; stroke-width: 2; stroke-dasharray: 7 4; }
.value { fill: none; stroke: #0550ae; stroke-width: 2.5; stroke-linejoin: round; }
.scrape { fill: #bc4c00; stroke: #ffffff; stroke-width: 1.5; }
text.seen { fill: #a04100; }
text.window { fill: #116329; }
.note { paint-order: stroke; stroke: #ffffff; stroke-width: 4px; stroke-linejoin: round; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; }
  .muted { fill: #9198a1; }
  .paper { fill: #0d1117; stroke: #3d444d; }
  .grid { stroke: #21262d; }
  .edge { stroke: #6e7681; }
  .band { fill: #3fb950; fill-opacity: .18; stroke: #3fb950; }
  .mean { stroke: #3fb950; }
  .value { stroke: #58a6ff; }
  .scrape { fill: #ff9b52; stroke: #0d1117; }
  text.seen { fill: #ffa657; }
  text.window { fill: #56d364; }
  .note { stroke: #0d1117; }
}"""


class _Summary(NamedTuple):
    """Maximum, average and minimum of a minute."""

    high: float
    mean: float
    low: float


def window_picture() -> str:
    """Return the picture as SVG."""
    windows = _windows()
    scraped = [_scraped(minute) for minute in range(_MINUTES)]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}"',
        f'     width="{_WIDTH}" height="{_HEIGHT}" role="img" aria-labelledby="title desc">',
        '<title id="title">A value, its scrapes and its windows</title>',
        f'<desc id="desc">{_description(windows, scraped)}</desc>',
        f"<style>\n{_STYLE}\n</style>",
        f'<rect class="paper" x=".5" y=".5" width="{_WIDTH - 1}" height="{_HEIGHT - 1}" rx="8"/>',
        _text(24, 36, "Agents logged in, over four minutes", "title"),
        *_legend(),
        *_axes(),
        *(part for minute, window in enumerate(windows) for part in _band(minute, window)),
        f'<path class="value" d="{_line()}"/>',
        *(_dot(_x(at), _y(_value(at))) for at in _SCRAPES),
        *_notes(),
        *_figures(windows, scraped),
        "</svg>\n",
    ]
    return "\n".join(parts)


def _windows() -> list[_Summary]:
    """Compute the windows of the value with the code of the exporter."""
    samples = Samples()
    level = Level(samples, LEVELS, ("pbx",), (_LENGTH,), at=_START, value=_value(0))
    summaries = []
    for end in range(60, _MINUTES * 60 + 1, 60):
        for at, value in _CHANGES:
            if end - 60 <= at < end:
                level.follow(_START + at, value)
        level.tick(_START + end)
        low, high, mean = (samples.get(spec, ("pbx", _LENGTH.name)) for spec in LEVELS)
        summaries.append(_Summary(high, mean, low))
    return summaries


def _scraped(minute: int) -> _Summary:
    """Return what the scrapes of a minute show."""
    seen = [_value(at) for at in _SCRAPES if at // 60 == minute]
    return _Summary(max(seen), sum(seen) / len(seen), min(seen))


def _value(at: float) -> int:
    return [value for since, value in _CHANGES if since <= at][-1]


def _x(at: float) -> float:
    return round(_LEFT + at / (_MINUTES * 60) * (_RIGHT - _LEFT), 1)


def _y(value: float) -> float:
    return round(_LOWER - value / _TOP * (_LOWER - _UPPER), 1)


def _text(x: float, y: float, text: str, style: str = "", anchor: str = "start") -> str:
    return f'<text x="{x}" y="{y}" class="{style}" text-anchor="{anchor}">{text}</text>'


def _rule(x: float, y: float, to_x: float, to_y: float, style: str) -> str:
    return f'<line class="{style}" x1="{x}" y1="{y}" x2="{to_x}" y2="{to_y}"/>'


def _dot(x: float, y: float) -> str:
    return f'<circle class="scrape" cx="{x}" cy="{y}" r="5"/>'


def _legend() -> list[str]:
    y = 68
    return [
        f'<path class="value" d="M24 {y}H52"/>',
        _text(60, y + 4, "the real value"),
        _dot(190, y),
        _text(202, y + 4, "what a scrape every 15 s sees"),
        f'<rect class="band" x="420" y="{y - 8}" width="28" height="16" rx="2"/>',
        _text(456, y + 4, "a window of 1 min, from min to max"),
        _rule(748, y, 776, y, "mean"),
        _text(784, y + 4, "its avg"),
    ]


def _axes() -> list[str]:
    parts = []
    for value in range(0, _TOP + 1, 2):
        parts.append(_rule(_LEFT, _y(value), _RIGHT, _y(value), "grid"))
        parts.append(_text(_LEFT - 12, _y(value) + 4, str(value), "muted", "end"))
    for minute in range(_MINUTES + 1):
        x = _x(minute * 60)
        parts.append(_rule(x, _UPPER, x, _WINDOW_ROW + 2 * _ROW + 8, "edge"))
        anchor = "middle" if minute < _MINUTES else "end"
        parts.append(_text(x, _LOWER + 20, f"10:{minute:02}", "muted note", anchor))
    return parts


def _band(minute: int, window: _Summary) -> list[str]:
    x, width = _x(minute * 60), _x(60) - _x(0)
    # A band without height would be invisible where the value did not change.
    top, bottom = _y(window.high) - 3, _y(window.low) + 3
    height = round(bottom - top, 1)
    return [
        f'<rect class="band" x="{x + 2}" y="{top}" width="{width - 4}" height="{height}" rx="3"/>',
        _rule(x + 2, _y(window.mean), x + width - 2, _y(window.mean), "mean"),
    ]


def _line() -> str:
    steps = [f"M{_x(0)} {_y(_value(0))}"]
    steps += [f"H{_x(at)}V{_y(value)}" for at, value in _CHANGES[1:]]
    return "".join(steps) + f"H{_x(_MINUTES * 60)}"


def _notes() -> list[str]:
    notes = []
    for (at, value), (until, after) in pairwise(_CHANGES):
        if not any(at <= scrape < until for scrape in _SCRAPES):
            # Outside the band: above a peak, below a drop.
            y = _y(value) + (17 if value < after else -8)
            note = f"{value} for {until - at} s: no scrape sees it"
            notes.append(_text(_x(at), y, note, "note"))
    quiet = (_MINUTES - 1) * 60 + 30
    note = "no event: the value stays"
    return [*notes, _text(_x(quiet), _y(_value(quiet)) - 14, note, "note", "middle")]


def _figures(windows: list[_Summary], scraped: list[_Summary]) -> list[str]:
    parts = [_text(24, _SCRAPE_ROW, "scrapes", "seen")]
    parts += [_text(_x(at), _SCRAPE_ROW, str(_value(at)), "seen", "middle") for at in _SCRAPES]
    parts.append(_rule(24, _SCRAPE_ROW + 13, _RIGHT, _SCRAPE_ROW + 13, "grid"))
    for row, name in enumerate(("max", "avg", "min")):
        y = _WINDOW_ROW + row * _ROW
        parts.append(_text(24, y, name, "window"))
        for minute, (window, seen) in enumerate(zip(windows, scraped, strict=True)):
            x = _x(minute * 60 + 30)
            parts.append(_text(x - 14, y, f"{window[row]:g}", "figure window", "end"))
            parts.append(_text(x, y, f"scrapes: {seen[row]:g}", "seen"))
    return parts


def _description(windows: list[_Summary], scraped: list[_Summary]) -> str:
    return " ".join(
        f"From 10:{minute:02} to 10:{minute + 1:02} the window has max {window.high:g}, "
        f"avg {window.mean:g} and min {window.low:g}, while its scrapes saw max {seen.high:g}, "
        f"avg {seen.mean:g} and min {seen.low:g}."
        for minute, (window, seen) in enumerate(zip(windows, scraped, strict=True))
    )
