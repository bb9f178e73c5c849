"""The sign that says whether the numbers of a dashboard are complete."""

from __future__ import annotations

from grafana_foundation_sdk.builders import common as style
from grafana_foundation_sdk.builders import stat
from grafana_foundation_sdk.models import common

from dashboards import house
from dashboards.palette import GREY
from dashboards.panels import Panel
from dashboards.promql import Signal

_TEXT_SIZE = 14


def completeness(*signals: Signal) -> Panel:
    """Build a low panel across the page: since when each subsystem of the dashboard is complete.

    It has no colours, because partial numbers are normal and no error.
    """
    panel = (
        stat.Panel()
        .title("Numbers complete since")
        .description(
            "Since when the exporter knows the whole state of all selected servers. Partial: it "
            "knows only a part, or may have missed events, so the numbers may be too low or old. "
            "Without an API, partial is normal and no error, and the next events add what is "
            "missing. With an API, the next answer makes the numbers complete."
        )
        .datasource(house.DATA_SOURCE)
        .unit("dateTimeFromNow")
        .color_mode(common.BigValueColorMode.NONE)
        .graph_mode(common.BigValueGraphMode.NONE)
        .text_mode(common.BigValueTextMode.VALUE_AND_NAME)
        .text(style.VizTextDisplayOptions().title_size(_TEXT_SIZE).value_size(_TEXT_SIZE))
        .orientation(common.VizOrientation.VERTICAL)
        .reduce_options(house.last_value())
        .mappings(house.mappings({0: ("partial, may be too low", GREY)}))
        .no_value("nothing known yet")
        .height(2)
        .span(24)
    )
    for name, signal in zip("ABCDEFGH", signals, strict=False):
        panel.with_target(house.instant(signal).ref_id(name))
    return panel
