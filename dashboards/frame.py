"""The frame that all dashboards share: variables, links, annotations and rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard

from dashboards import display_names
from dashboards.house import DATA_SOURCE
from dashboards.marks import marks
from dashboards.panels import Panel
from dataflows.subsystems import deliveries
from exporter.exposition import telemetry

TAG = "xivo-exporter"

Variable = Builder[dashboard.VariableModel]
Variables = Sequence[Variable]


@dataclass(frozen=True, slots=True)
class Section:
    """A row of a dashboard.

    Attributes:
        title: Empty for panels without a row above them.
        panels: Its panels, in order.
        is_folded: Whether people must open the row to see its panels.
    """

    title: str
    panels: Sequence[Panel]
    is_folded: bool = False


def frame(  # noqa: PLR0913 -- all that differs between dashboards
    uid: str,
    title: str,
    description: str,
    variables: Variables,
    sections: Sequence[Section],
    *,
    refresh: str = "30s",
    since: str = "now-3h",
) -> dashboard.Dashboard:
    """Build a dashboard from its sections."""
    page = (
        build.Dashboard(f"XiVO: {title}")
        .uid(uid)
        .description(description)
        .tags([TAG])
        .editable()
        .tooltip(dashboard.DashboardCursorSync.CROSSHAIR)
        .refresh(refresh)
        .time(since, "now")
        .timezone("browser")
        .link(_link())
    )
    for mark in marks():
        page.annotation(mark)
    for variable in (_data_source(), *variables):
        page.with_variable(variable)
    for section in sections:
        _add(page, section)
    built = page.build()
    for number, each in enumerate(_all(built.panels or ()), 1):
        each.id_val = number
    return built


def _add(page: build.Dashboard, section: Section) -> None:
    row = build.Row(section.title)
    if section.is_folded:
        for panel in section.panels:
            row.with_panel(panel)
    if section.title:
        page.with_row(row)
    if not section.is_folded:
        for panel in section.panels:
            page.with_panel(panel)


def _all(
    panels: Iterable[dashboard.Panel | dashboard.RowPanel],
) -> Iterator[dashboard.Panel | dashboard.RowPanel]:
    """Yield panels and rows, and the panels inside of folded rows."""
    for each in panels:
        yield each
        if isinstance(each, dashboard.RowPanel):
            yield from each.panels


def origins() -> Variable:
    """Return the variable that selects servers."""
    return _named("origin_uuid", "Server", display_names.servers(), display_names.SERVER)


def queue_names() -> Variable:
    """Return the variable that selects queues of the selected servers."""
    return _named("queue", "Queue", display_names.queue_names(), display_names.QUEUE_NAME)


def jobs() -> Variable:
    """Return the variable that selects scrape jobs."""
    return _choice("job", "Job", f"label_values({telemetry.BUILD_INFO.name}, job)")


def instances() -> Variable:
    """Return the variable that selects exporters of the selected jobs."""
    of = f'{telemetry.BUILD_INFO.name}{{job=~"$job"}}'
    return _choice("instance", "Exporter", f"label_values({of}, instance)")


def windows() -> Variable:
    """Return the variable that selects one of the window lengths of the exporters."""
    return (
        build.QueryVariable("window")
        .label("Window")
        .description("Length of the windows, one of those in --windows of the exporter")
        .datasource(DATA_SOURCE)
        .query(f"label_values({deliveries.WINDOW_END.name}, window)")
        .refresh(dashboard.VariableRefresh.ON_DASHBOARD_LOAD)
        .sort(dashboard.VariableSort.NATURAL_ASC)
    )


def _named(name: str, label: str, query: str, shown: str) -> Variable:
    """Show the values of one label, and select by those of another one."""
    regex = f'/{name}="(?<value>[^"]+)|{shown}="(?<text>[^"]+)/g'
    return _choice(name, label, f"query_result({query})").regex(regex)


def _choice(name: str, label: str, query: str) -> build.QueryVariable:
    return (
        build.QueryVariable(name)
        .label(label)
        .datasource(DATA_SOURCE)
        .query(query)
        .refresh(dashboard.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(dashboard.VariableSort.NATURAL_ASC)
        .multi(multi=True)
        .include_all(include_all=True)
        # A pattern, so that new values appear while the page is open.
        .all_value(".+")
        .current(dashboard.VariableOption(selected=True, text="All", value="$__all"))
    )


def _data_source() -> Variable:
    return build.DatasourceVariable("datasource").label("Prometheus").type("prometheus")


def _link() -> build.DashboardLink:
    return (
        build.DashboardLink("XiVO dashboards")
        .type(dashboard.DashboardLinkType.DASHBOARDS)
        .tags([TAG])
        .include_vars(include_vars=True)
        .keep_time(keep_time=True)
    )
