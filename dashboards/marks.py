"""Marks on all graphs: what happened to the services, to the exporters and to their knowledge.

Each kind of mark can be switched off at the top of a dashboard. Marks that a large site has many
times a day are off at first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard

from dashboards.display_names import SERVER, named
from dashboards.house import DATA_SOURCE
from dashboards.palette import BAD, BLUE, GREY, NEUTRAL, ORANGE
from dashboards.promql import Signal
from dashboards.signals import exporter, knowledge, services


@dataclass(frozen=True, slots=True)
class _Mark(Builder[dashboard.AnnotationQuery]):
    """A kind of mark.

    Attributes:
        name: The name of its switch.
        text: Its text. `{{label}}` is replaced by the value of a label.
        colour: Its colour.
        signal: The query. While its value is 1, there is a mark.
        has_times: Whether the values are the times of the marks, in milliseconds.
        is_on: Whether it is shown at first.
    """

    name: str
    text: str
    colour: str
    signal: Signal
    has_times: bool = False
    is_on: bool = True

    def build(self) -> dashboard.AnnotationQuery:
        query = _AnnotationQuery(
            name=self.name,
            datasource=DATA_SOURCE,
            enable=self.is_on,
            icon_color=self.colour,
            expr=named(self.signal.expr, {SERVER} if "{{server}}" in self.text else set()),
        )
        query.of_prometheus = {
            "useValueForTime": self.has_times,
            "titleFormat": self.text,
        }
        return query


class _AnnotationQuery(dashboard.AnnotationQuery):
    """With the options of the Prometheus plugin, which are not part of the common schema."""

    of_prometheus: dict[str, object]

    def to_json(self) -> dict[str, object]:
        return super().to_json() | self.of_prometheus


def marks() -> Sequence[Builder[dashboard.AnnotationQuery]]:
    """Return all kinds of marks."""
    return (
        _Mark(
            "Service deregistered",
            "{{service_name}} on {{server}} deregistered",
            BAD,
            services.DEREGISTERED_AT,
            has_times=True,
        ),
        _Mark(
            "Exporter started",
            "The exporter {{instance}} started",
            BLUE,
            exporter.STARTED_AT,
            has_times=True,
        ),
        _Mark(
            "Events missed",
            "The exporter {{instance}} may have missed events of the bus {{bus}}",
            ORANGE,
            exporter.GAP_AT,
            has_times=True,
        ),
        _Mark(
            "Numbers not complete any more",
            "Numbers of {{server}} may be too low or old ({{subsystem}})",
            GREY,
            knowledge.LOST,
        ),
        # A few of them are normal, so they are not shown at first.
        _Mark(
            "Corrected by an API",
            "An API of {{server}} corrected the numbers",
            NEUTRAL,
            knowledge.CORRECTED,
            is_on=False,
        ),
    )
