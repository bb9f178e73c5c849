"""Heat maps: how the lengths of waits and talks are distributed over time."""

from __future__ import annotations

from grafana_foundation_sdk.builders import common as style
from grafana_foundation_sdk.builders import heatmap
from grafana_foundation_sdk.models import common, prometheus
from grafana_foundation_sdk.models import heatmap as options

from dashboards import house
from dashboards.documents import explained
from dashboards.palette import BLUE
from dashboards.panels import Panel
from dashboards.promql import Signal

_COLUMNS = 60
_SHORTEST = "1m"
"""Few waits end in less time, so that narrower columns would be empty."""


def distribution(
    title: str, description: str, signal: Signal, *, span: int = 8, height: int = 9
) -> Panel:
    """Build a heat map of the buckets of a histogram.

    Each row is a bucket, named by its upper bound in seconds. The darker a cell, the more calls.
    A cell that is wide enough also shows its number, so that colour is not the only sign.
    """
    panel = (
        heatmap.Panel()
        .title(title)
        .description(description)
        .datasource(house.DATA_SOURCE)
        .with_target(house.ranged(signal).format(prometheus.PromQueryFormat.HEATMAP))
        .interval(_SHORTEST)
        .max_data_points(_COLUMNS)
        .unit(signal.unit)
        .calculate(calculate=False)
        .color(
            # One hue, more or less opaque: readable on light and dark pages, and in grey.
            heatmap.HeatmapColorOptions()
            .mode(options.HeatmapColorMode.OPACITY)
            .fill(BLUE)
            .scale(options.HeatmapColorScale.EXPONENTIAL)
            .exponent(0.5)
        )
        .y_axis(heatmap.YAxisConfig().unit("s").axis_placement(common.AxisPlacement.LEFT))
        .cell_values(heatmap.CellValues().unit(signal.unit).decimals(1))
        .scale_distribution(style.ScaleDistributionConfig().type(common.ScaleDistribution.LINEAR))
        .show_value(common.VisibilityMode.AUTO)
        .show_legend()
        .show_color_scale(show_color_scale=True)
        .height(height)
        .span(span)
    )
    panel.links([explained("calls.md#one-call-from-arrival-to-end")])
    if text := house.no_events(signal):
        panel.no_value(text)
    return panel
