"""Tables, as HTML."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from tests.dashboards.grafana import Json, Panel
from tests.dashboards.pictures import formats


def table(panel: Panel, rows: Sequence[Json], now: float) -> str:
    """Draw rows of texts and numbers, which have the same columns in the same order."""
    heads = "".join(f"<th>{escape(head)}</th>" for head in rows[0])
    body = "".join(f"<tr>{_cells(panel, row, now)}</tr>" for row in rows)
    return f"<table><tr>{heads}</tr>{body}</table>"


def _cells(panel: Panel, row: Json, now: float) -> str:
    cells = []
    for head, value in row.items():
        if value is None:
            cells.append(f"<td>{escape(options(panel, head)['noValue'])}</td>")
        elif isinstance(value, str):
            cells.append(f"<td>{escape(formats.word(value, options(panel, head)))}</td>")
        else:
            cells.append(_number(value, options(panel, head), now))
    return "".join(cells)


def _number(value: float, shown: Json, now: float) -> str:
    style = ""
    if "custom.cellOptions" in shown:
        fill = formats.colour(value, shown)
        style = f"background:{fill};color:{formats.ink(fill)}"
    return f'<td style="{style}">{escape(formats.text(value, shown, now))}</td>'


def options(panel: Panel, head: str) -> Json:
    """Return the options of a column, or of a series."""
    return {
        each["id"]: each["value"]
        for override in panel.json["fieldConfig"]["overrides"]
        if override["matcher"]["options"] == head
        for each in override["properties"]
    }
