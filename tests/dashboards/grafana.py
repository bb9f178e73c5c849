"""What Grafana does with a dashboard, as far as the tests and the pictures need it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dashboards.catalogue import DASHBOARDS, FOLDER

Json = dict[str, Any]

STEMS = tuple(DASHBOARDS)

# Not the group of a regular expression, such as $1.
_VARIABLE = re.compile(r"\$([a-z_]\w*)")
_LABEL_VALUES = re.compile(r"label_values\((.+), (\w+)\)")
_QUERY_RESULT = re.compile(r"query_result\((.+)\)")


@dataclass(frozen=True)
class Choices:
    """The variables of a dashboard: selected values, and what Grafana derives from them."""

    values: Mapping[str, str] = field(default_factory=dict)
    window: str = "1m"
    seconds: int = 60

    def spell(self, text: str) -> str:
        """Replace variables by their values."""
        known = {
            "origin_uuid": ".+",
            "queue": ".+",
            "job": ".+",
            "instance": ".+",
            "window": self.window,
            "__range": f"{self.seconds}s",
            # Four scrapes of the default interval of Grafana.
            "__rate_interval": "60s",
            **self.values,
        }
        return _VARIABLE.sub(lambda match: known[match[1]], text)


@dataclass(frozen=True)
class Panel:
    """A panel of a dashboard."""

    stem: str
    json: Json

    def __str__(self) -> str:
        return f"{self.stem}-{self.title}".replace(" ", "_")

    @property
    def title(self) -> str:
        """Its title; for a panel without one, the name of its first number, or its unit."""
        legend = self.queries[0]["legendFormat"]
        return str(self.json["title"] or (self.defaults["unit"] if "{{" in legend else legend))

    @property
    def kind(self) -> str:
        """Type of the panel."""
        kind: str = self.json["type"]
        return kind

    @property
    def queries(self) -> list[Json]:
        """The targets of the panel."""
        return list(self.json.get("targets", ()))

    @property
    def defaults(self) -> Json:
        """Default options of all its fields."""
        defaults: Json = self.json["fieldConfig"]["defaults"]
        return defaults

    def transformation(self, name: str) -> Json | None:
        """Return the options of a transformation, or None if the panel does not have it."""
        found = [each for each in self.json.get("transformations", ()) if each["id"] == name]
        return found[0]["options"] if found else None


def load(stem: str) -> Json:
    """Read the JSON of a dashboard, which users import."""
    read: Json = json.loads((FOLDER / f"{stem}.json").read_text())
    return read


def panels(stem: str) -> list[Panel]:
    """Return the panels of a dashboard, without its rows, but with those of folded rows."""
    found: list[Json] = []
    for each in load(stem)["panels"]:
        found += each["panels"] if each["type"] == "row" else [each]
    return [Panel(stem, each) for each in found]


def arranged(rows: Sequence[Json], *, is_open: bool) -> list[Json]:
    """Return the rows and panels that are visible, at their places.

    Grafana moves up what is below a folded row.
    """
    visible: list[Json] = []
    hidden = 0
    for each in rows:
        grid = each["gridPos"] | {"y": each["gridPos"]["y"] - hidden}
        visible.append(each | {"gridPos": grid})
        inner = each.get("panels", [])
        if is_open:
            visible += inner
        elif inner:
            below = [panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in inner]
            hidden += max(below) - each["gridPos"]["y"] - 1
    return visible


def all_panels() -> list[Panel]:
    """Return the panels of all dashboards."""
    return [panel for stem in STEMS for panel in panels(stem)]


def panel(stem: str, title: str) -> Panel:
    """Return the panel with a title."""
    (found,) = (each for each in panels(stem) if each.title == title)
    return found


@dataclass(frozen=True)
class Variable:
    """A variable that queries Prometheus.

    Attributes:
        name: Its name.
        expr: The series of whose labels it is made.
        value: Label with the values.
        text: Label with the texts that people see.
    """

    name: str
    expr: str
    value: str
    text: str


def variables(stem: str) -> Iterator[Variable]:
    """Yield the variables that query Prometheus."""
    for each in load(stem)["templating"]["list"]:
        if each["type"] != "query":
            continue
        if match := _LABEL_VALUES.fullmatch(each["query"]):
            yield Variable(each["name"], match[1], match[2], match[2])
        else:
            match = _QUERY_RESULT.fullmatch(each["query"])
            assert match is not None, each["query"]
            (value,) = re.findall(r'(\w+)="\(\?<value>', each["regex"])
            (text,) = re.findall(r'(\w+)="\(\?<text>', each["regex"])
            yield Variable(each["name"], match[1], value, text)


def expressions(stem: str) -> list[str]:
    """Return all queries of a dashboard: of panels, annotations and variables."""
    found = [query["expr"] for each in panels(stem) for query in each.queries]
    found += [each["expr"] for each in load(stem)["annotations"]["list"]]
    return found + [each.expr for each in variables(stem)]


def name(legend: str, labels: Mapping[str, str]) -> str:
    """Return the name of a series in a legend."""
    return re.sub(r"{{(\w+)}}", lambda match: labels.get(match[1], ""), legend)


def merged(
    panel: Panel, answers: Sequence[Sequence[tuple[Mapping[str, str], float]]]
) -> list[Json]:
    """Return the rows of a table panel: labels and numbers, by the heads of their columns."""
    rows: list[Json] = []
    for query, answer in zip(panel.queries, answers, strict=True):
        column = f"Value #{query['refId']}"
        for labels, value in answer:
            fitting = [row for row in rows if _agree(row, labels) and column not in row]
            for row in fitting or [_new(rows)]:
                row |= {**labels, column: value}
    organize = panel.transformation("organize")
    assert organize is not None
    order, names = organize["indexByName"], organize["renameByName"]
    return [
        {names[key]: row.get(key) for key in sorted(order, key=order.__getitem__)} for row in rows
    ]


def _agree(row: Json, labels: Mapping[str, str]) -> bool:
    return all(row.get(key, value) == value for key, value in labels.items()) and bool(
        row.keys() & labels.keys()
    )


def _new(rows: list[Json]) -> Json:
    rows.append({})
    return rows[-1]
