"""Tables: a row for each entity, a column for each query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import ascii_uppercase

from grafana_foundation_sdk.builders import table as table_panel
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common, dashboard, prometheus

from dashboards import house
from dashboards import words as vocabulary
from dashboards.display_names import SERVER, named
from dashboards.house import DATA_SOURCE, Steps, Words, instant, mappings, setting, steps_of
from dashboards.panels import Panel
from dashboards.promql import Signal

# With only one query, Grafana names the column Value, without a letter.
_NO_COLUMNS = ("Time", "Value", "job", "instance", "window", "origin_uuid")


@dataclass(frozen=True, slots=True)
class Column:
    """One query of a table.

    Attributes:
        title: Head of the column. Empty: only the labels of the query are shown.
        signal: The query.
        steps: Thresholds for the colours of the cells.
        words: Texts to show instead of values.
        decimals: Digits after the decimal point.
    """

    title: str
    signal: Signal
    steps: Steps = ()
    words: Words | None = None
    decimals: int | None = None


def table(  # noqa: PLR0913 -- all that differs between tables
    title: str,
    description: str,
    keys: Mapping[str, str],
    columns: Sequence[Column],
    *,
    details: Mapping[str, str] | None = None,
    links: Sequence[Builder[dashboard.DashboardLink]] = (),
    no_data: str = "",
    span: int = 24,
    height: int = 8,
) -> Panel:
    """Build a table panel. Results of several queries with equal labels share a row.

    Args:
        title: Title of the panel.
        description: Description of the panel.
        keys: Labels to show, in this order, with the heads of their columns.
        columns: The queries.
        details: Labels whose cells open a dashboard with only their value selected in the variable
            of that name, with the uid of the dashboard.
        links: Links of the panel.
        no_data: Text without data, if it is not that of the first query.
        span: Width of the panel, in columns of the grid, which has 24.
        height: Height of the panel, in rows of the grid.
    """
    panel = (
        table_panel.Panel()
        .title(title)
        .description(description)
        .datasource(DATA_SOURCE)
        .align(common.FieldTextAlignment.AUTO)
        .cell_height(common.TableCellHeight.SM)
        .height(height)
        .span(span)
    )
    if links:
        panel.links(list(links))
    if text := no_data or house.no_events(columns[0].signal):
        panel.no_value(text)
    heads: dict[str, str] = dict(keys)
    for label, head in keys.items():
        properties = [setting("noValue", house.NO_DATA)]
        if meant := vocabulary.of_label(label, *(column.signal for column in columns)):
            properties.append(setting("mappings", house.texts(meant)))
        if uid := (details or {}).get(label):
            properties.append(setting("links", [house.only(uid, label)]))
        panel.override_by_name(head, properties)
    hidden = dict.fromkeys((each for each in _NO_COLUMNS if each not in keys), True)
    for letter, column in zip(ascii_uppercase, columns, strict=False):
        target = instant(column.signal).ref_id(letter).format(prometheus.PromQueryFormat.TABLE)
        # All columns get the name, so that they agree on it in each row. A table of UUIDs has names
        # from a query of its own.
        wanted = set() if "origin_uuid" in keys else keys.keys() & {SERVER}
        expr = named(column.signal.expr, wanted)
        panel.with_target(target.expr(expr).legend_format(""))
        if column.title:
            heads[f"Value #{letter}"] = column.title
            panel.override_by_name(column.title, _properties(column))
        else:
            hidden[f"Value #{letter}"] = True
    order = {name: index for index, name in enumerate(heads)}
    organize = {"excludeByName": hidden, "renameByName": heads, "indexByName": order}
    panel.with_transformation(dashboard.DataTransformerConfig(id_val="merge", options={}))
    return panel.with_transformation(
        dashboard.DataTransformerConfig(id_val="organize", options=organize)
    )


def _properties(column: Column) -> list[dashboard.DynamicConfigValue]:
    properties: dict[str, object] = {"unit": column.signal.unit, "noValue": house.NO_DATA}
    if column.decimals is not None:
        properties["decimals"] = column.decimals
    if column.words:
        properties["mappings"] = mappings(column.words)
    if column.steps or column.words:
        # Without steps, only the words have a colour.
        steps = steps_of(column.steps) if column.steps else house.no_colour()
        properties["thresholds"] = steps.build()
        properties["custom.cellOptions"] = {"type": "color-background", "mode": "basic"}
    return [setting(name, value) for name, value in properties.items()]
