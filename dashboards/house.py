"""The common style: colours and names of values, styles of lines, queries and legends."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import common as style
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.models import common, dashboard

from dashboards.display_names import named
from dashboards.palette import BAD, BLUE, GOOD, GREY, NEUTRAL, ORANGE, VERMILION, WARNING
from dashboards.promql import Signal

DATA_SOURCE = dashboard.DataSourceRef(type_val="prometheus", uid="${datasource}")

Steps = Sequence[tuple[float, str]]
"""Thresholds: the colour from each value upwards, the first one from 0. No data is grey."""

PLAIN: Steps = ((0, NEUTRAL),)
NONE_IS_GOOD: Steps = ((0, GOOD), (1, BAD))
NONE_IS_BAD: Steps = ((0, BAD), (1, GOOD))
ANY_IS_ODD: Steps = ((0, GOOD), (1, WARNING))
# 0.5, because increase() extrapolates and its results are rarely whole numbers.
SOME_IS_ODD: Steps = ((0, GOOD), (0.5, WARNING))
SOME_STANDS_OUT: Steps = ((0, NEUTRAL), (0.5, WARNING))
SHARE_IS_BAD: Steps = ((0, GOOD), (0.1, WARNING), (0.3, BAD))
SILENCE_IS_BAD: Steps = ((0, GOOD), (300, WARNING), (900, BAD))
# Many call centres promise to answer 80 % of their calls in time.
LOW_IS_BAD: Steps = ((0, BAD), (0.6, WARNING), (0.8, GOOD))
FEW_IS_BAD: Steps = ((0, BAD), (1, WARNING), (2, GOOD))

Words = Mapping[int, tuple[str, str]]
"""Text and colour to show instead of a value."""

TRANSPARENT = "transparent"

NO_DATA = "-"
"""Text of an empty cell."""

NO_QUEUES = "No events about queues from the selected servers yet"
"""Text of a table of queues, whose first column can be about calls."""

NONE: Words = {0: ("none", GOOD)}
NOBODY: Words = {0: ("nobody", GOOD)}
NEVER: Words = {0: ("never", GOOD)}
IS_UP: Words = {0: ("down", BAD), 1: ("up", GOOD)}


@dataclass(frozen=True, slots=True)
class Look:
    """How a line is drawn. Lines of one panel differ in more than their colour."""

    colour: str
    dash: tuple[int, ...] = ()
    width: int = 2


EXTREMES: Mapping[str, Look] = {
    "maximum": Look(ORANGE, (2, 4)),
    "average": Look(BLUE),
    "minimum": Look(GREY, (10, 6)),
    "today": Look(GREY, (2, 8), width=1),
}
"""Styles, by the first word of the legend."""

USERS: Mapping[str, Look] = {
    "connected": Look(BLUE),
    "do-not-disturb": Look(VERMILION, (10, 6)),
}

LENGTHS: Mapping[str, Look] = {"median": Look(BLUE), "nine": Look(ORANGE, (10, 6))}

COUNTS: Mapping[str, Look] = {"users": Look(BLUE), "today": EXTREMES["today"]}


def instant(signal: Signal) -> Dataquery:
    """Query the value at the end of the selected time range."""
    return _query(signal).instant()


def ranged(signal: Signal) -> Dataquery:
    """Query all values of the selected time range."""
    return _query(signal).range()


def _query(signal: Signal) -> Dataquery:
    expr = named(signal.expr, set(re.findall(r"{{(\w+)}}", signal.legend)))
    return Dataquery().ref_id("A").expr(expr).legend_format(signal.legend)


def steps_of(steps: Steps) -> build.ThresholdsConfig:
    """Return the thresholds as Grafana represents them."""
    # Grafana shows missing data in the colour of the lowest step, which would be red or green.
    each = [dashboard.Threshold(value=None, color=GREY)]
    each += [dashboard.Threshold(value=value, color=colour) for value, colour in steps]
    return build.ThresholdsConfig().mode(dashboard.ThresholdsMode.ABSOLUTE).steps(each)


def no_colour() -> build.ThresholdsConfig:
    """Return thresholds that give no colour to any value."""
    each = [dashboard.Threshold(value=None, color=TRANSPARENT)]
    return build.ThresholdsConfig().mode(dashboard.ThresholdsMode.ABSOLUTE).steps(each)


def legend() -> style.VizLegendOptions:
    """Return a legend below the panel, with every series."""
    return (
        style.VizLegendOptions()
        .show_legend(show_legend=True)
        .display_mode(common.LegendDisplayMode.LIST)
        .placement(common.LegendPlacement.BOTTOM)
    )


def no_events(signal: Signal) -> str | None:
    """Return the text of a panel without data, or None for Grafana's own text."""
    if not signal.about:
        return None
    return f"No events about {signal.about} from the selected servers yet"


def last_value() -> style.ReduceDataOptions:
    """Return options that show only the last value."""
    return style.ReduceDataOptions().values(values=False).calcs(["lastNotNull"]).fields("")


def fixed(colour: str) -> list[dashboard.DynamicConfigValue]:
    """Return the property that fixes the colour of a series."""
    return [setting("color", {"mode": "fixed", "fixedColor": colour})]


def setting(name: str, value: object) -> dashboard.DynamicConfigValue:
    """Return one property of a series."""
    return dashboard.DynamicConfigValue(id_val=name, value=value)


def mappings(words: Words) -> list[dashboard.ValueMapping]:
    """Return value mappings, which show texts instead of values."""
    if not words:
        return []
    return [
        dashboard.ValueMap(
            options={
                str(value): dashboard.ValueMappingResult(text=text, color=colour, index=index)
                for index, (value, (text, colour)) in enumerate(words.items())
            }
        )
    ]


def texts(words: Mapping[str, str]) -> list[dashboard.ValueMapping]:
    """Return value mappings, which show words for people instead of the values of a label."""
    return [
        dashboard.ValueMap(
            options={
                value: dashboard.ValueMappingResult(text=text, index=index)
                for index, (value, text) in enumerate(words.items())
            }
        )
    ]


def shown_as(word: str) -> dashboard.DynamicConfigValue:
    """Return the property that gives a series another name."""
    return setting("displayName", word)


ZERO_ONLY = dashboard.MatcherConfig(
    id_val="byValue", options={"reducer": "allIsZero", "op": "gte", "value": 0}
)
"""Matches series that are 0 in the whole time range."""

NOT_LISTED = setting("custom.hideFrom", {"legend": True, "tooltip": True, "viz": False})


def details(uid: str) -> build.DashboardLink:
    """Return a link to another dashboard."""
    # The link keeps the variables and the time range.
    url = f"/d/{uid}?${{__url_time_range}}&${{__all_variables}}"
    return build.DashboardLink("Details").type(dashboard.DashboardLinkType.LINK).url(url)


def only(uid: str, variable: str) -> dict[str, object]:
    """Return a link of the cells of a column to a dashboard, with only their value selected.

    Args:
        uid: Of the dashboard.
        variable: Its variable: `queue`, of the selected servers, or `origin_uuid`.
    """
    of = {"queue": ("Only this queue", "&${origin_uuid:queryparam}")}
    title, servers = of.get(variable, ("Only this server", ""))
    kept = f"${{__url_time_range}}&${{datasource:queryparam}}{servers}"
    value = "${__value.raw:percentencode}"
    return {"title": title, "url": f"/d/{uid}?{kept}&var-{variable}={value}"}
