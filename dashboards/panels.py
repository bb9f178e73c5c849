"""The kinds of panels, with a common look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from grafana_foundation_sdk.builders import bargauge, statetimeline, timeseries
from grafana_foundation_sdk.builders import common as style
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders import stat as stat_panel
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common, dashboard

from dashboards import house
from dashboards import words as vocabulary
from dashboards.house import Look, Steps, Words, instant, ranged, setting, steps_of
from dashboards.palette import BLUE, DARK_GREY, Colours
from dashboards.promql import Signal

Panel = Builder[dashboard.Panel]

_REFS = "ABCDEFGH"


def stat(  # noqa: PLR0913 -- all that differs between panels
    title: str,
    description: str,
    signal: Signal,
    *,
    steps: Steps = house.PLAIN,
    words: Words | None = None,
    link: str = "",
    is_named: bool = False,
    span: int = 4,
    decimals: int | None = None,
) -> Panel:
    """Build a stat panel: one large number, with a colour as background.

    With `is_named`, the legend of the signal is beside the number.
    """
    panel = (
        stat_panel.Panel()
        .title(title)
        .description(description)
        .datasource(house.DATA_SOURCE)
        .with_target(instant(signal))
        .unit(signal.unit)
        .thresholds(steps_of(steps))
        .color_mode(common.BigValueColorMode.BACKGROUND_SOLID)
        .graph_mode(common.BigValueGraphMode.NONE)
        .reduce_options(house.last_value())
        .mappings(house.mappings(words or {}))
        .no_value(f"no {signal.about} known" if signal.about else "unknown")
        .height(3)
        .span(span)
    )
    if is_named:
        panel.text_mode(common.BigValueTextMode.VALUE_AND_NAME)
    if decimals is not None:
        panel.decimals(decimals)
    if link:
        panel.links([house.details(link)])
    return panel


def lines(  # noqa: PLR0913 -- as above
    title: str,
    description: str,
    *signals: Signal,
    looks: Mapping[str, Look],
    is_shaded: bool = False,
    hides_zeros: bool = False,
    span: int = 12,
    height: int = 8,
) -> Panel:
    """Build a time series panel.

    The first word of a legend selects the look of the series, or if the legend is a label, its
    value. All others are grey, or shades of blue. With `hides_zeros`, the legend lists only series
    that were not always 0.
    """
    panel = _over_time(title, description, signals, span, height).fill_opacity(0)
    if is_shaded:
        shades = build.FieldColor().mode(dashboard.FieldColorModeId.SHADES).fixed_color(BLUE)
        panel.color_scheme(shades).line_width(2)
    # A value is valid until the next one: gauges change in steps, windows last to their end.
    panel.line_interpolation(common.LineInterpolation.STEP_AFTER)
    for ref, signal in zip(_REFS, signals, strict=False):
        first, *_ = signal.legend.split() or [""]
        if look := looks.get(first):
            panel.override_by_query(ref, _drawn(look))
        for name, word in vocabulary.of_legend(signal).items():
            if look := looks.get(name):
                panel.override_by_name(name, [*_drawn(look), house.shown_as(word)])
    if hides_zeros:
        panel.with_override(house.ZERO_ONLY, [house.NOT_LISTED])
    return panel


def _drawn(look: Look) -> list[dashboard.DynamicConfigValue]:
    properties = [*house.fixed(look.colour), setting("custom.lineWidth", look.width)]
    if look.dash:
        dash = {"fill": "dash", "dash": list(look.dash)}
        properties.append(setting("custom.lineStyle", dash))
    return properties


def stacked(  # noqa: PLR0913 -- as above
    title: str,
    description: str,
    signal: Signal,
    *,
    colours: Colours,
    link: str = "",
    span: int = 12,
    height: int = 8,
) -> Panel:
    """Build a stacked time series panel, with a colour for each name of a series.

    The legend lists only series that were not always 0.
    """
    panel = _over_time(title, description, [signal], span, height).line_interpolation(
        common.LineInterpolation.STEP_AFTER
    )
    _led(panel, link)
    return _piled(panel, signal, colours)


def _piled(panel: timeseries.Panel, signal: Signal, colours: Colours) -> Panel:
    panel.fill_opacity(75).line_width(1).stacking(
        style.StackingConfig().mode(common.StackingMode.NORMAL).group("A")
    )
    meant = vocabulary.of_legend(signal)
    for name, colour in colours.items():
        shown = [house.shown_as(meant[name])] if name in meant else []
        panel.override_by_name(name, [*house.fixed(colour), *shown])
    return panel.with_override(house.ZERO_ONLY, [house.NOT_LISTED])


def columns(  # noqa: PLR0913 -- as above
    title: str,
    description: str,
    signal: Signal,
    *,
    colours: Colours,
    interval: str,
    time_from: str,
    span: int = 12,
    height: int = 8,
) -> Panel:
    """Build stacked columns, one for each interval of a time range of its own.

    A value is about the interval that begins at its time.

    Args:
        title: Title of the panel.
        description: Description of the panel.
        signal: The query.
        colours: Of the names of the series.
        interval: Length of the interval, as Grafana writes it.
        time_from: Length of the time range up to now, as Grafana writes it.
        span: Width of the panel, in columns of the grid.
        height: Height of the panel, in rows of the grid.
    """
    panel = (
        _over_time(title, description, [signal], span, height)
        .interval(interval)
        .time_from(time_from)
        .draw_style(common.GraphDrawStyle.BARS)
        .bar_alignment(common.BarAlignment.AFTER)
    )
    return _piled(panel, signal, colours)


def bars(  # noqa: PLR0913 -- as above
    title: str,
    description: str,
    signal: Signal,
    *,
    steps: Steps = house.PLAIN,
    top: float | None = None,
    decimals: int | None = None,
    link: str = "",
    span: int = 8,
    height: int = 8,
) -> Panel:
    """Build a bar gauge: current values, each with its name and number."""
    panel = (
        bargauge.Panel()
        .title(title)
        .description(description)
        .datasource(house.DATA_SOURCE)
        .with_target(instant(signal))
        .unit(signal.unit)
        .min(0)
        .thresholds(steps_of(steps))
        .orientation(common.VizOrientation.HORIZONTAL)
        .display_mode(common.BarGaugeDisplayMode.BASIC)
        .value_mode(common.BarGaugeValueMode.TEXT)
        .name_placement(common.BarGaugeNamePlacement.LEFT)
        .show_unfilled(show_unfilled=True)
        .reduce_options(house.last_value())
        .no_value(house.no_events(signal) or "none")
        .height(height)
        .span(span)
    )
    _led(panel, link)
    for name, word in vocabulary.of_legend(signal).items():
        panel.override_by_name(name, [house.shown_as(word)])
    if top is not None:
        panel.max(top)
    if decimals is not None:
        panel.decimals(decimals)
    return panel


def timeline(  # noqa: PLR0913 -- as above
    title: str,
    description: str,
    signal: Signal,
    *,
    words: Words | None = None,
    steps: Steps = house.PLAIN,
    no_data: str = "",
    link: str = "",
    span: int = 12,
    height: int = 8,
) -> Panel:
    """Build a state timeline: states over time, as texts or numbers in bands.

    Without `no_data`, the text of a panel without data is that of its signal.
    """
    panel = (
        statetimeline.Panel()
        .title(title)
        .description(description)
        .datasource(house.DATA_SOURCE)
        .with_target(ranged(signal))
        .unit(signal.unit)
        .mappings(house.mappings(words or {}))
        .thresholds(steps_of(steps))
        .color_scheme(build.FieldColor().mode(dashboard.FieldColorModeId.THRESHOLDS))
        .show_value(common.VisibilityMode.ALWAYS)
        .merge_values(merge_values=True)
        .row_height(0.8)
        .fill_opacity(80)
        .legend(house.legend())
        .height(height)
        .span(span)
    )
    _led(panel, link)
    return panel.no_value(no_data) if no_data else _explained(panel, signal)


def _led(panel: statetimeline.Panel | timeseries.Panel | bargauge.Panel, uid: str) -> None:
    """Add a link to the dashboard with the details, if there is one."""
    if uid:
        panel.links([house.details(uid)])


def _over_time(
    title: str, description: str, signals: Sequence[Signal], span: int, height: int
) -> timeseries.Panel:
    panel = (
        timeseries.Panel()
        .title(title)
        .description(description)
        .datasource(house.DATA_SOURCE)
        .unit(signals[0].unit)
        .min(0)
        .show_points(common.VisibilityMode.NEVER)
        .color_scheme(
            build.FieldColor().mode(dashboard.FieldColorModeId.FIXED).fixed_color(DARK_GREY)
        )
        .legend(house.legend())
        .tooltip(
            style.VizTooltipOptions()
            .mode(common.TooltipDisplayMode.MULTI)
            .sort(common.SortOrder.DESCENDING)
        )
        .height(height)
        .span(span)
    )
    for ref, signal in zip(_REFS, signals, strict=False):
        panel.with_target(ranged(signal).ref_id(ref))
    return _explained(panel, signals[0])


P = TypeVar("P", statetimeline.Panel, timeseries.Panel)


def _explained(panel: P, signal: Signal) -> P:
    text = house.no_events(signal)
    return panel.no_value(text) if text else panel
