"""The windows page, its picture and the generated tables explain windows correctly."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from dataflows import agent_metrics, service_metrics
from dataflows.lengths import Length
from dataflows.levels import Levels
from dataflows.metric import MetricSpec, Samples
from dataflows.subsystems import METRICS, SUBSYSTEMS
from dataflows.windows import Level
from scripts.window_picture import window_picture
from tests.contract.test_docs import cells, code, rows, text

DOCS = Path(__file__).resolve().parents[2] / "docs"
WINDOWS = DOCS / "windows.md"
# The exporter's own metric shows when windows ended, not a value of a window.
WINDOWED = [s for s in METRICS if "window" in s.labels and not s.name.startswith("xivo_exporter_")]
SVG = "{http://www.w3.org/2000/svg}"


def by_name(spec: MetricSpec) -> str:
    return spec.name


@pytest.mark.parametrize("spec", WINDOWED, ids=by_name)
def test_a_window_metric_documents_what_promql_alone_cannot_show(spec: MetricSpec) -> None:
    assert re.match(
        r"`(min_over_time|max_over_time|avg_over_time|increase)` of ", spec.beyond_promql
    )
    assert spec.beyond_promql.endswith(".")
    # It would end the cell of the table.
    assert "|" not in spec.beyond_promql


@pytest.mark.parametrize("spec", WINDOWED, ids=by_name)
def test_it_compares_with_a_metric_of_the_same_subsystem(spec: MetricSpec) -> None:
    (subsystem,) = (each for each in SUBSYSTEMS if spec in each.metrics)
    named = set(re.findall(r"xivo_\w+", spec.beyond_promql))
    assert named
    assert named <= {each.name for each in subsystem.metrics if "window" not in each.labels}


def test_no_other_metric_documents_it() -> None:
    assert [spec for spec in METRICS if spec.beyond_promql] == WINDOWED


def test_the_generated_page_shows_it() -> None:
    table = [cells(line) for line in text(DOCS / "metrics.md").splitlines() if line[:1] == "|"]
    shown = {code(row[0]): row[-1] for row in table}
    assert {spec.name: shown[spec.name] for spec in WINDOWED} == {
        spec.name: spec.beyond_promql for spec in WINDOWED
    }


def test_the_page_shows_the_picture_with_an_alternative_text() -> None:
    assert re.search(r"!\[[^\]]{40,}\]\(windows\.svg\)", text(WINDOWS))


def test_the_picture_is_whole_and_accessible() -> None:
    root = ET.fromstring(window_picture())  # noqa: S314 -- our own text
    parts = {
        each.get("id"): each.text for each in root if each.tag in (SVG + "title", SVG + "desc")
    }
    assert root.get("role") == "img"
    assert (root.get("aria-labelledby") or "").split() == list(parts)
    assert all(parts.values())
    assert "prefers-color-scheme: dark" in (root.findtext(SVG + "style") or "")


def test_the_picture_shows_changes_between_scrapes() -> None:
    (description,) = re.findall(r'<desc id="desc">(.+)</desc>', window_picture())
    minutes = re.findall(r"max (\S+), avg (\S+) and min (\d+)", description)
    windows, scrapes = minutes[::2], minutes[1::2]
    assert windows == [("9", "5.5", "4"), ("7", "6.25", "5"), ("5", "4.4", "1"), ("5", "5", "5")]
    assert [seen[0] for seen in scrapes] == ["5", "7", "5", "5"]
    assert [seen[2] for seen in scrapes] == ["4", "5", "5", "5"]


@pytest.mark.parametrize(
    ("head", "specs", "before", "changes"),
    [
        (
            'series, for `service_name="xivo-ctid"` and `window="1m"`',
            service_metrics.UP_LEVELS,
            1,
            [(4, 0), (7, 1)],
        ),
        ('series, for `window="1m"`', agent_metrics.LEVELS, 12, [(20, 21), (31, 12)]),
    ],
    ids=["a service down for three seconds", "a peak of agents"],
)
def test_the_examples_of_the_page_are_correct(
    head: str, specs: Levels, before: float, changes: list[tuple[float, float]]
) -> None:
    samples = Samples()
    level = Level(samples, specs, (), (Length("1m", 60),), at=0, value=before)
    for at, value in changes:
        level.follow(at, value)
    level.tick(60)
    shown = {code(name): float(value) for name, value, _ in rows(WINDOWS, head, "value", "why")}
    assert shown == pytest.approx({spec.name: samples.get(spec, ("1m",)) for spec in specs})
