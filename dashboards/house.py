"""The house style: what numbers are coloured by and called, how lines look, and the like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import common as style
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.models import common, dashboard

from dashboards.palette import BAD, BLUE, GOOD, GREY, NEUTRAL, ORANGE, WARNING
from dashboards.promql import Signal

DATA_SOURCE = dashboard.DataSourceRef(type_val="prometheus", uid="${datasource}")

Steps = Sequence[tuple[float, str]]
"""Colours from a value upwards; the first holds for everything below the second."""

PLAIN: Steps = ((0, NEUTRAL),)
NONE_IS_GOOD: Steps = ((0, GOOD), (1, BAD))
NONE_IS_BAD: Steps = ((0, BAD), (1, GOOD))
ANY_IS_ODD: Steps = ((0, GOOD), (1, WARNING))
# Of what is extrapolated or rounded, and never quite whole.
SOME_IS_ODD: Steps = ((0, GOOD), (0.5, WARNING))
SOME_STANDS_OUT: Steps = ((0, NEUTRAL), (0.5, WARNING))
SHARE_IS_BAD: Steps = ((0, GOOD), (0.1, WARNING), (0.3, BAD))
SILENCE_IS_BAD: Steps = ((0, GOOD), (300, WARNING), (900, BAD))
FEW_IS_BAD: Steps = ((0, BAD), (1, WARNING), (2, GOOD))

Words = Mapping[int, tuple[str, str]]
"""What a value is called, and its colour."""

NONE: Words = {0: ("none", GOOD)}
NEVER: Words = {0: ("never", GOOD)}
IS_UP: Words = {0: ("down", BAD), 1: ("up", GOOD)}


@dataclass(frozen=True, slots=True)
class Look:
    """How a line is drawn. Those that share a picture differ in more than colour."""

    colour: str
    dash: tuple[int, ...] = ()
    width: int = 2


EXTREMES: Mapping[str, Look] = {
    "greatest": Look(ORANGE, (2, 4)),
    "mean": Look(BLUE),
    "least": Look(GREY, (10, 6)),
}
"""By the first word of the legend."""


def instant(signal: Signal) -> Dataquery:
    """Ask for the value at the end of the time that is shown."""
    return _asked(signal).instant()


def ranged(signal: Signal) -> Dataquery:
    """Ask for all values of the time that is shown."""
    return _asked(signal).range()


def _asked(signal: Signal) -> Dataquery:
    return Dataquery().ref_id("A").expr(signal.expr).legend_format(signal.legend)


def steps_of(steps: Steps) -> build.ThresholdsConfig:
    """Say from which value on which colour holds."""
    (_, lowest), *rest = steps
    each = [dashboard.Threshold(value=None, color=lowest)]
    each += [dashboard.Threshold(value=value, color=colour) for value, colour in rest]
    return build.ThresholdsConfig().mode(dashboard.ThresholdsMode.ABSOLUTE).steps(each)


def legend() -> style.VizLegendOptions:
    """Name every series below the picture."""
    return (
        style.VizLegendOptions()
        .show_legend(show_legend=True)
        .display_mode(common.LegendDisplayMode.LIST)
        .placement(common.LegendPlacement.BOTTOM)
    )


def short_origins() -> dashboard.DataTransformerConfig:
    """Shorten the UUIDs of servers in legends."""
    # A whole UUID takes half of a legend; its first eight digits tell servers apart.
    uuid = "(.*)([0-9a-f]{8})-[0-9a-f]{4}-[0-9a-f-]{22}(.*)"
    return dashboard.DataTransformerConfig(
        id_val="renameByRegex", options={"regex": uuid, "renamePattern": "$1$2$3"}
    )


def last_value() -> style.ReduceDataOptions:
    """Show the newest value."""
    return style.ReduceDataOptions().values(values=False).calcs(["lastNotNull"]).fields("")


def fixed(colour: str) -> list[dashboard.DynamicConfigValue]:
    """Fix the colour of a series."""
    return [setting("color", {"mode": "fixed", "fixedColor": colour})]


def setting(name: str, value: object) -> dashboard.DynamicConfigValue:
    """Set one option of a series."""
    return dashboard.DynamicConfigValue(id_val=name, value=value)


def mappings(words: Words) -> list[dashboard.ValueMapping]:
    """Call values by words."""
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


def details(uid: str) -> build.DashboardLink:
    """Link to another dashboard."""
    # The choices at the top and the time go along.
    url = f"/d/{uid}?${{__url_time_range}}&${{__all_variables}}"
    return build.DashboardLink("Details").type(dashboard.DashboardLinkType.LINK).url(url)
