"""Numbers with names, side by side or one below the other, as Grafana's stat panel shows them."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from tests.dashboards.grafana import Json, Panel
from tests.dashboards.pictures import formats

_GAP = 4
_LINE = 1.15
_LETTER = 0.6
"""Width of a letter, as a share of the size of the text."""


def tiles(panel: Panel, values: Sequence[tuple[str, float]], width: int, height: int) -> str:
    """Draw a tile for each value."""
    options = panel.json["options"]
    are_rows = options["orientation"] == "horizontal"
    across, down = (1, len(values)) if are_rows else (len(values), 1)
    tile_width = (width - _GAP * (across - 1)) // across
    tile_height = (height - _GAP * (down - 1)) // down
    drawn = []
    for number, (name, value) in enumerate(values):
        fill = _colour(panel, name) or formats.colour(value, panel.defaults)
        said = formats.text(value, panel.defaults, 0)
        left = 0 if are_rows else number * (tile_width + _GAP)
        top = number * (tile_height + _GAP) if are_rows else 0
        size = options.get("text", {})
        # Grafana makes texts smaller that do not fit.
        room = tile_width - 24
        value_size = min(size.get("valueSize", 32), room / max(1, len(said) * _LETTER))
        name_size = min(size.get("titleSize", 14), room / max(1, len(name) * _LETTER))
        place = f"left:{left}px;top:{top}px;width:{tile_width}px;height:{tile_height}px"
        kind = "tile row" if are_rows else "tile"
        drawn.append(
            f'<div class="{kind}" style="{place};background:{fill};color:{formats.ink(fill)}">'
            f'<span style="font-size:{name_size:.0f}px">{escape(name)}</span>'
            f'<b style="font-size:{value_size:.0f}px;line-height:{_LINE}">{escape(said)}</b></div>'
        )
    return "".join(drawn)


def _colour(panel: Panel, name: str) -> str | None:
    for override in panel.json["fieldConfig"].get("overrides", ()):
        if override["matcher"]["options"] == name:
            fixed: list[Json] = [e["value"] for e in override["properties"] if e["id"] == "color"]
            if fixed:
                return str(fixed[0]["fixedColor"])
    return None
