"""Panels of the wallboard: few words and large numbers, to be read from five metres.

Grafana cannot enlarge the title of a panel. So these panels have no title: each number has its
name beside it, in large letters.
"""

from __future__ import annotations

from dataclasses import replace

from grafana_foundation_sdk.builders import common as style
from grafana_foundation_sdk.builders import stat
from grafana_foundation_sdk.models import common

from dashboards import house
from dashboards.house import Steps, Words
from dashboards.palette import Colours
from dashboards.panels import Panel
from dashboards.promql import Signal

# A letter can be read from about 250 times its height. On a screen of 55 inches with 1,920 pixels
# to the line, capital letters of size 40 are 18 mm high, and those of size 90 are 40 mm high.
_NAME, _NUMBER = 30, 90
_TILE_NAME, _TILE_NUMBER = 22, 72
_ROW_NAME, _ROW_NUMBER = 30, 40


def number(  # noqa: PLR0913 -- all that differs between panels
    name: str,
    description: str,
    signal: Signal,
    *,
    steps: Steps = house.PLAIN,
    words: Words | None = None,
    link: str = "",
    decimals: int | None = None,
    span: int = 6,
    height: int = 6,
) -> Panel:
    """Build a panel of one number, with its name, or a legend that has labels in it."""
    panel = (
        _stat(description, span, height, _NAME, _NUMBER)
        .with_target(
            house.instant(signal if "{{" in signal.legend else replace(signal, legend=name))
        )
        .unit(signal.unit)
        .thresholds(house.steps_of(steps))
        .mappings(house.mappings(words or {}))
        # Without a number, Grafana does not show its name.
        .no_value(f"{name}: not known yet")
    )
    if decimals is not None:
        panel.decimals(decimals)
    if link:
        panel.links([house.details(link)])
    return panel


def tiles(
    description: str, *signals: Signal, colours: Colours, span: int = 12, height: int = 5
) -> Panel:
    """Build a panel of numbers side by side, in a fixed order, each with its own colour."""
    panel = (
        _stat(description, span, height, _TILE_NAME, _TILE_NUMBER)
        .unit(signals[0].unit)
        .thresholds(house.steps_of(house.PLAIN))
        .orientation(common.VizOrientation.VERTICAL)
        .no_value(f"{signals[0].about}: not known yet")
    )
    for name, signal in zip("ABCDEFGH", signals, strict=False):
        panel.with_target(house.instant(signal).ref_id(name))
        panel.override_by_name(signal.legend, house.fixed(colours[signal.legend]))
    return panel


def ranking(  # noqa: PLR0913 -- as above
    description: str,
    signal: Signal,
    *,
    steps: Steps,
    words: Words | None = None,
    span: int = 8,
    height: int = 11,
) -> Panel:
    """Build a list, a large row for each series in the order of the query."""
    return (
        _stat(description, span, height, _ROW_NAME, _ROW_NUMBER)
        .with_target(house.instant(signal))
        .unit(signal.unit)
        .thresholds(house.steps_of(steps))
        .mappings(house.mappings(words or {}))
        .orientation(common.VizOrientation.HORIZONTAL)
        .wide_layout(wide_layout=True)
        .no_value(f"{signal.about}: not known yet")
    )


def _stat(
    description: str, span: int, height: int, name_size: float, number_size: float
) -> stat.Panel:
    return (
        stat.Panel()
        .title("")
        .description(description)
        .datasource(house.DATA_SOURCE)
        .color_mode(common.BigValueColorMode.BACKGROUND_SOLID)
        .graph_mode(common.BigValueGraphMode.NONE)
        .text_mode(common.BigValueTextMode.VALUE_AND_NAME)
        .text(style.VizTextDisplayOptions().title_size(name_size).value_size(number_size))
        .reduce_options(house.last_value())
        .height(height)
        .span(span)
    )
