"""The form of a dashboard that grafana.com accepts. Its import asks for the data source.

Grafana writes this form with *Export → Export for sharing externally*. The files of this repository
have another form, because provisioning does not ask.
"""

from __future__ import annotations

from dashboards.languages import Json

GRAFANA = "11.6.0"
"""The version for which the dashboards are made."""

_INPUT = "DS_PROMETHEUS"

_NAMES = {
    "bargauge": "Bar gauge",
    "heatmap": "Heatmap",
    "stat": "Stat",
    "state-timeline": "State timeline",
    "table": "Table",
    "timeseries": "Time series",
}
"""Names of the kinds of panels, by their ids."""


def shared(page: Json) -> Json:
    """Copy a dashboard in this form."""
    kinds = sorted({panel["type"] for panel in _panels(page)})
    asked = {
        "name": _INPUT,
        "label": "Prometheus",
        "description": "",
        "type": "datasource",
        "pluginId": "prometheus",
        "pluginName": "Prometheus",
    }
    required = [
        {"type": "grafana", "id": "grafana", "name": "Grafana", "version": GRAFANA},
        {"type": "datasource", "id": "prometheus", "name": "Prometheus", "version": "1.0.0"},
        *({"type": "panel", "id": kind, "name": _NAMES[kind], "version": ""} for kind in kinds),
    ]
    variables = [_preset(variable) for variable in page["templating"]["list"]]
    return {
        "__inputs": [asked],
        "__elements": {},
        "__requires": required,
        "id": None,
        **page,
        "templating": {"list": variables},
    }


def _panels(page: Json) -> list[Json]:
    """Return all panels, those of folded rows too, without the rows."""
    found = [each for panel in page["panels"] for each in (panel, *panel.get("panels", ()))]
    return [panel for panel in found if panel["type"] != "row"]


def _preset(variable: Json) -> Json:
    """Let the variable of the data source begin with what was chosen at the import."""
    if variable["type"] != "datasource":
        return variable
    chosen = f"${{{_INPUT}}}"
    return variable | {"current": {"selected": True, "text": chosen, "value": chosen}}
