"""A dashboard as a page of HTML."""

from __future__ import annotations

from html import escape
from math import isnan
from string import Template
from typing import NamedTuple

from tests.dashboards import grafana
from tests.dashboards.grafana import Choices, Json, Panel
from tests.dashboards.pictures import formats, heat, plots, tables, tiles
from tests.dashboards.prometheus import Prometheus, Series

WIDTH = 1440
KIOSK = dict.fromkeys(("wallboard", "fr/wallboard"), (1920, 1080))
"""Width and height of the screens that show a dashboard without menus, in pixels."""

_ROW, _GAP, _TITLE, _PADDING = 30, 8, 26, 10
_STEPS = 240
_HOURS = {"1h": 3600, "24h": 86_400}

_PAGE = Template("""<!doctype html><meta charset="utf-8"><style>
body { margin: 0; background: #f1f2f4; font: 12px "DejaVu Sans", sans-serif; color: #222;
       width: ${width}px; }
header { padding: 10px 14px; font-size: 17px; font-weight: bold; }
header small { font-weight: normal; font-size: 12px; color: #666; margin-left: 14px; }
main { position: relative; }
section { position: absolute; background: #fff; border: 1px solid #ddd; box-sizing: border-box;
          overflow: hidden; padding: 0 ${padding}px; }
h2 { font-size: 12px; margin: 6px 0; height: 14px; white-space: nowrap; }
.row { position: absolute; font-weight: bold; font-size: 13px; padding: 8px 10px; }
.stat { position: absolute; inset: 0; text-align: center; }
.stat h2 { margin: 8px; text-align: left; }
.stat b { font-size: 32px; line-height: 42px; }
.bar { display: flex; align-items: center; }
.bar span { width: 46%; text-align: right; padding-right: 8px; white-space: nowrap;
            overflow: hidden; }
.bar div { flex: 1; background: #eee; height: 70%; }
.bar i { display: block; height: 100%; }
.bar b { width: 64px; padding-left: 8px; white-space: nowrap; }
.words { display: flex; font-size: 14px; }
.words div { flex: 1; padding-top: 2px; }
.empty { text-align: center; padding-top: 8px; font-size: 14px; color: #666; }
.legend span { margin-right: 12px; white-space: nowrap; line-height: 20px; }
table { border-collapse: collapse; width: 100%; }
td, th { text-align: left; padding: 4px 8px; border-bottom: 1px solid #eee; white-space: nowrap; }
.tile { position: absolute; display: flex; flex-direction: column; align-items: center;
        justify-content: center; border-radius: 3px; }
.tile.row { flex-direction: row; justify-content: space-between; padding: 0 12px;
            box-sizing: border-box; font-weight: normal; }
.tile span, .tile b { white-space: nowrap; }
.tiles { position: relative; }
.kiosk { background: #111217; color: #ddd; }
.kiosk section { background: #181b1f; border-color: #333; }
.kiosk .empty { color: #ccc; background: #999999; height: 100%; font-size: 30px; color: #000; }
svg text { font: 11px "DejaVu Sans", sans-serif; }
</style><body class="${kind}"><header>${title}<small>${choices}</small></header>
<main>${panels}</main>""")


class Page(NamedTuple):
    """A drawn dashboard: HTML, and its size in pixels."""

    text: str
    width: int
    height: int


class Painter:
    """Draws dashboards as of one moment."""

    def __init__(self, prometheus: Prometheus, choices: Choices, end: float) -> None:
        self._prometheus = prometheus
        self._choices = choices
        self._end = end

    def page(self, stem: str, *, is_open: bool = False) -> Page:
        """Draw a dashboard.

        Args:
            stem: Its name.
            is_open: Whether to open the folded rows.
        """
        dashboard = grafana.load(stem)
        self._width, least = KIOSK.get(stem, (WIDTH, 0))
        shown = grafana.arranged(dashboard["panels"], is_open=is_open)
        drawn = [self._place(each, stem) for each in shown]
        bottom = max(each["gridPos"]["y"] + each["gridPos"]["h"] for each in shown)
        names = [v.get("label", v["name"]) for v in dashboard["templating"]["list"]]
        text = _PAGE.substitute(
            kind="kiosk" if stem in KIOSK else "",
            width=self._width,
            padding=_PADDING,
            title=escape(dashboard["title"]),
            choices=escape(" · ".join(names)),
            panels="".join(drawn),
        )
        return Page(text, self._width, max(least, 50 + bottom * (_ROW + _GAP)))

    def _place(self, json: Json, stem: str) -> str:
        grid = json["gridPos"]
        column = (self._width - _GAP) / 24
        width = int(grid["w"] * column - _GAP)
        height = grid["h"] * (_ROW + _GAP) - _GAP
        place = (
            f"left:{grid['x'] * column + _GAP:.0f}px;top:{grid['y'] * (_ROW + _GAP)}px;"
            f"width:{width}px;height:{height}px"
        )
        title = escape(json["title"])
        if json["type"] == "row":
            return f'<div class="row" style="{place}">{title}</div>'
        panel = Panel(stem, json)
        if not title:
            return (
                f'<section style="{place};padding:0">{self._tiles(panel, width, height)}</section>'
            )
        body = self._body(panel, width - 2 * _PADDING, height - _TITLE - 4)
        return f'<section style="{place}"><h2>{title}</h2>{body}</section>'

    def _stat(self, panel: Panel, width: int, height: int) -> str:
        options = panel.json["options"]
        if options["colorMode"] == "none":
            return self._words(panel)
        if options["textMode"] == "value_and_name":
            return f'<div class="tiles">{self._tiles(panel, width, height)}</div>'
        return self._number(panel)

    def _body(self, panel: Panel, width: int, height: int) -> str:
        match panel.kind:
            case "stat":
                return self._stat(panel, width, height)
            case "heatmap":
                return self._heat_map(panel, width, height)
            case "bargauge":
                return self._bars(panel, height)
            case "table":
                return self._table(panel)
            case _:
                return self._plot(panel, width, height)

    def _columns(self, panel: Panel, width: int, height: int) -> str:
        step, seconds = (_HOURS[panel.json[name]] for name in ("interval", "timeFrom"))
        # Grafana aligns the times of a query with its steps.
        end = self._end // step * step
        lines = self._lines(panel, end, seconds, step)
        if not lines:
            return _empty(panel)
        height -= plots.legend_height(lines, width)
        area = plots.Area(width, height, end - seconds, end + step, 56, [])
        return plots.columns(panel, lines, area, step)

    def _plot(self, panel: Panel, width: int, height: int) -> str:
        if "timeFrom" in panel.json:
            return self._columns(panel, width, height)
        lines = self._lines(panel)
        if not lines:
            return _empty(panel)
        left, marks = plots.left_of(panel, lines), self._marks(panel.stem)
        start = self._end - self._choices.seconds
        if panel.kind == "state-timeline":
            area = plots.Area(width, height, start, self._end, left, marks)
            return plots.state_timeline(panel, lines, area, self._end)
        height -= plots.legend_height(lines, width)
        area = plots.Area(width, height, start, self._end, left, marks)
        return plots.time_series(panel, lines, area, self._end)

    def _heat_map(self, panel: Panel, width: int, height: int) -> str:
        seconds = self._choices.seconds
        step = seconds / panel.json["maxDataPoints"]
        (query,) = panel.queries
        answer = self._range(self._choices.spell(query["expr"]), step=step)
        if not answer:
            return _empty(panel)
        area = plots.Area(width, height, self._end - seconds, self._end, heat.LEFT, [])
        return heat.heat_map(panel, answer, area, step)

    def _tiles(self, panel: Panel, width: int, height: int) -> str:
        values = [each for each in self._now(panel) if not isnan(each[1])]
        return tiles.tiles(panel, values, width, height) if values else _empty(panel)

    def _marks(self, stem: str) -> list[float]:
        found = set()
        for annotation in grafana.load(stem)["annotations"]["list"]:
            if not annotation["useValueForTime"]:
                continue
            expr = self._choices.spell(annotation["expr"])
            for each in self._range(expr):
                found |= {value / 1000 for _, value in each.points}
        return sorted(found)

    def _range(
        self, expr: str, end: float = 0, seconds: float = 0, step: float = 0
    ) -> list[Series]:
        end, seconds = end or self._end, seconds or self._choices.seconds
        return self._prometheus.query_range(expr, end - seconds, end, step or seconds / _STEPS)

    def _now(self, panel: Panel) -> list[tuple[str, float]]:
        return [
            (grafana.name(query.get("legendFormat", ""), each.labels), each.value)
            for query in panel.queries
            for each in self._prometheus.query(self._choices.spell(query["expr"]), self._end)
        ]

    def _lines(
        self, panel: Panel, end: float = 0, seconds: float = 0, step: float = 0
    ) -> plots.Lines:
        return [
            (grafana.name(query["legendFormat"], each.labels), each.points)
            for query in panel.queries
            for each in self._range(self._choices.spell(query["expr"]), end, seconds, step)
        ]

    def _number(self, panel: Panel) -> str:
        values = [value for _, value in self._now(panel) if not isnan(value)]
        fill, said = "#999999", panel.defaults["noValue"]
        if values:
            fill = formats.colour(values[0], panel.defaults)
            said = formats.text(values[0], panel.defaults, self._end)
        # Grafana makes long texts smaller.
        size = 32 if len(said) < 12 else 20
        style = f"background:{fill};color:{formats.ink(fill)}"
        title = escape(panel.json["title"])
        return (
            f'<div class="stat" style="{style}"><h2>{title}</h2>'
            f'<b style="font-size:{size}px">{escape(said)}</b></div>'
        )

    def _words(self, panel: Panel) -> str:
        tiles = [
            f"<div>{escape(name)}: {escape(formats.text(value, panel.defaults, self._end))}</div>"
            for name, value in self._now(panel)
        ]
        if not tiles:
            return _empty(panel)
        return '<div class="words">' + "".join(tiles) + "</div>"

    def _bars(self, panel: Panel, height: int) -> str:
        values = self._now(panel)
        if not values:
            return _empty(panel)
        top = panel.defaults.get("max") or max((value for _, value in values), default=0) or 1
        rows = [
            f'<div class="bar" style="height:{min(44, height // len(values))}px">'
            f"<span>{escape(_shown(panel, name))}</span>"
            f'<div><i style="width:{min(100, 100 * value / top):.1f}%;'
            f'background:{formats.colour(value, panel.defaults)}"></i></div>'
            f"<b>{escape(formats.text(value, panel.defaults, self._end))}</b></div>"
            for name, value in values
        ]
        return "".join(rows)

    def _table(self, panel: Panel) -> str:
        answers = [
            [(each.labels, each.value) for each in self._prometheus.query(expr, self._end)]
            for expr in (self._choices.spell(query["expr"]) for query in panel.queries)
        ]
        rows = grafana.merged(panel, answers)
        return tables.table(panel, rows, self._end) if rows else _empty(panel)


def _empty(panel: Panel) -> str:
    # The text of Grafana, if the panel has none.
    text = panel.defaults.get("noValue", "No data")
    return f'<div class="empty">{escape(text)}</div>'


def _shown(panel: Panel, name: str) -> str:
    return str(tables.options(panel, name).get("displayName", name))
