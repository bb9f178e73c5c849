"""The dashboards are up to date, importable anywhere, complete and readable for everybody."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib.metadata import version
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards import catalogue, palette, words
from dashboards.__main__ import main
from dashboards.documents import BASE
from dashboards.languages import LANGUAGES
from dataflows.subsystems import METRICS
from tests.contract.test_docs import anchors
from tests.dashboards import grafana
from tests.dashboards.grafana import STEMS, Json, Panel, all_panels, load
from tests.grafana_types.__main__ import VERSIONS
from tests.promql import spec_of
from tests.support import REPOSITORY

WIDTH = 24
KINDS = {"bargauge", "heatmap", "stat", "state-timeline", "table", "timeseries"}


def test_the_files_are_up_to_date() -> None:
    for folder in (catalogue.FOLDER, *(catalogue.FOLDER / each for each in LANGUAGES)):
        assert {path.name for path in folder.glob("*.json")} == {f"{stem}.json" for stem in STEMS}
    assert main(["--check"]) == 0


def test_files_that_differ_are_found_and_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "FOLDER", tmp_path)
    assert main(["--check"]) == 1
    assert main(["--write"]) == 0
    assert main(["--check"]) == 0
    (tmp_path / "services.json").write_text("{}")
    assert main(["--check"]) == 1


@pytest.mark.parametrize("stem", STEMS)
def test_a_dashboard_is_valid_for_the_models_of_grafana(stem: str) -> None:
    register_default_plugins()
    text = load(stem)
    for annotation in text["annotations"]["list"]:
        # Options of the Prometheus plugin, which the schema of dashboards does not have.
        for name in ("useValueForTime", "titleFormat"):
            del annotation[name]
    read: Json = plain(Dashboard.from_json(text))
    for variable in read["templating"]["list"]:
        for name in catalogue.OF_INTERVALS:
            del variable[name]
    assert read == text


def plain(value: Any) -> Any:  # noqa: ANN401 -- JSON
    """Convert models into values of JSON."""
    to_json = getattr(value, "to_json", None)
    if to_json is not None:
        return plain(to_json())
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize("panel", all_panels(), ids=str)
def test_a_panel_has_a_title_a_description_and_a_unit(panel: Panel) -> None:
    assert panel.json["description"].endswith(".")
    # Grafana cannot enlarge titles. On the wallboard, the name is beside the number.
    assert panel.json["title"] or panel.json["options"]["textMode"] == "value_and_name"
    if panel.kind == "table":
        titles = [
            name
            for key, name in (panel.transformation("organize") or {})["renameByName"].items()
            if key.startswith("Value #")
        ]
        overridden = {
            override["matcher"]["options"]
            for override in panel.json["fieldConfig"]["overrides"]
            if any(each["id"] == "unit" for each in override["properties"])
        }
        assert set(titles) == overridden
    else:
        assert panel.defaults["unit"]


@pytest.mark.parametrize("stem", STEMS)
def test_nothing_is_tied_to_one_installation(stem: str) -> None:
    dashboard = load(stem)
    assert dashboard.get("id") is None
    assert dashboard["uid"] == f"xivo-{stem.replace('_', '-')}"
    for source in every(dashboard, "datasource"):
        assert source == {"type": "prometheus", "uid": "${datasource}"}
    ids = [panel["id"] for panel in dashboard["panels"]]
    ids += [each["id"] for panel in dashboard["panels"] for each in panel.get("panels", ())]
    assert len(set(ids)) == len(ids)


def every(value: object, key: str) -> Iterator[object]:
    """Yield the values of a key at any depth."""
    if isinstance(value, dict):
        for name, each in value.items():
            if name == key:
                yield each
            else:
                yield from every(each, key)
    elif isinstance(value, list):
        for each in value:
            yield from every(each, key)


@pytest.mark.parametrize("stem", STEMS)
def test_panels_fill_their_rows_and_do_not_overlap(stem: str) -> None:
    cells: list[tuple[int, int]] = []
    rows = load(stem)["panels"]
    for each in rows + [panel for row in rows for panel in row.get("panels", ())]:
        grid = each["gridPos"]
        assert grid["x"] + grid["w"] <= WIDTH
        cells += [
            (x, y)
            for x in range(grid["x"], grid["x"] + grid["w"])
            for y in range(grid["y"], grid["y"] + grid["h"])
        ]
    assert len(set(cells)) == len(cells)
    assert len(cells) == WIDTH * (1 + max(y for _, y in cells))


@pytest.mark.parametrize("stem", STEMS)
def test_dashboards_link_to_each_other_and_keep_variables_and_time_range(stem: str) -> None:
    dashboard = load(stem)
    (link,) = dashboard["links"]
    assert link["type"] == "dashboards"
    assert set(link["tags"]) <= set(dashboard["tags"])
    assert link["includeVars"]
    assert link["keepTime"]
    uids = {load(each)["uid"] for each in STEMS}
    for panel in grafana.panels(stem):
        for each in panel.json.get("links", ()):
            if each["url"].startswith(BASE):
                assert_is_a_section(each["url"].removeprefix(BASE))
                continue
            assert re.match(r"/d/([\w-]+)\?", each["url"])[1] in uids  # type: ignore[index]  # without a match the test fails too


def test_the_form_for_grafana_com_asks_for_the_data_source_and_names_what_it_needs() -> None:
    shared = {path: json.loads(text) for path, text in catalogue.exported().items()}
    assert len(shared) == len(STEMS) * (1 + len(LANGUAGES))
    for path, page in shared.items():
        (asked,) = page.pop("__inputs")
        assert (asked["type"], asked["pluginId"]) == ("datasource", "prometheus")
        (source,) = (each for each in page["templating"]["list"] if each["type"] == "datasource")
        assert source["current"].pop("value") == f"${{{asked['name']}}}"
        del source["current"]
        needed = page.pop("__requires")
        (grafana_,) = (each["version"] for each in needed if each["type"] == "grafana")
        assert grafana_ == VERSIONS["@grafana/schema"]
        kinds = {kind for kind in every(page["panels"], "type") if kind in KINDS}
        assert {each["id"] for each in needed if each["type"] == "panel"} == kinds
        assert page.pop("__elements") == {}
        assert page.pop("id") is None
        # All else is as in the file that is imported without a question.
        file = catalogue.FOLDER / path.parent.name.replace("dashboards", "") / path.name
        assert page == json.loads(file.read_text())


def test_the_form_for_grafana_com_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "FOLDER", tmp_path / "dashboards")
    assert main(["--export"]) == 0
    written = tmp_path / "dist" / "dashboards"
    assert {path.stem for path in written.glob("*.json")} == {*STEMS}
    assert {path.stem for path in written.glob("fr/*.json")} == {*STEMS}


def test_all_checks_of_the_dashboards_are_for_the_grafana_that_is_named() -> None:
    checked = VERSIONS["@grafana/schema"]
    assert version("grafana-foundation-sdk").endswith(checked)
    assert f"grafana/grafana:{checked}" in (REPOSITORY / "compose.yaml").read_text()
    assert checked.startswith("11.6.")
    page = (REPOSITORY / "docs" / "dashboards.md").read_text()
    assert "Grafana 11.6 or later" in page


def assert_is_a_section(place: str) -> None:
    page, _, anchor = place.partition("#")
    assert not anchor or anchor in anchors(REPOSITORY / "docs" / page)


def test_every_number_of_the_overview_leads_to_its_details() -> None:
    for panel in grafana.panels("overview"):
        if panel.json["title"] != "Numbers complete since":
            (link,) = panel.json["links"]
            assert link["url"].endswith("?${__url_time_range}&${__all_variables}")


# Words


@pytest.mark.parametrize("panel", all_panels(), ids=str)
def test_no_value_of_a_label_is_shown_as_it_is_if_there_are_words_for_it(panel: Panel) -> None:
    shown = {
        each["matcher"]["options"]: setting["value"]
        for each in overrides(panel)
        for setting in each["properties"]
        if setting["id"] == "displayName"
    }
    assert not any("_" in word for word in shown.values())
    assert len(set(shown.values())) == len(shown)
    for query in panel.queries:
        for label in re.findall(r"{{(\w+)}}", query.get("legendFormat", "")):
            specs = [spec_of(name) for name in re.findall(r"xivo_\w+", query["expr"])]
            values = {value for spec in specs for value in spec.vocabulary.get(label, ())}
            if label in words.WORDS:
                # A series is renamed as a whole.
                assert query["legendFormat"] == f"{{{{{label}}}}}"
                assert values <= shown.keys()
            else:
                assert not values


def test_the_legends_of_stacks_leave_out_what_was_always_zero() -> None:
    for panel in all_panels():
        if panel.defaults.get("custom", {}).get("stacking", {}).get("mode") == "normal":
            (hidden,) = (each for each in overrides(panel) if each["matcher"]["id"] == "byValue")
            assert hidden["matcher"]["options"]["reducer"] == "allIsZero"
            (setting,) = hidden["properties"]
            assert setting["value"] == {"legend": True, "tooltip": True, "viz": False}


# Colours


COLOURS = {value for name, value in vars(palette).items() if re.fullmatch(r"#\w{6}", str(value))}


@pytest.mark.parametrize("stem", STEMS)
def test_colours_are_those_that_colour_blind_people_can_distinguish(stem: str) -> None:
    text = str(load(stem))
    assert set(re.findall(r"#[0-9A-Fa-f]{6}", text)) <= COLOURS
    assert "palette-classic" not in text
    assert "continuous-" not in text


@pytest.mark.parametrize("panel", all_panels(), ids=str)
def test_no_state_is_shown_by_colour_alone(panel: Panel) -> None:
    match panel.kind:
        case "timeseries":
            assert panel.json["options"]["legend"]["showLegend"]
            looks = [str(each["properties"]) for each in overrides(panel)]
            assert all(one != other for one, other in combinations(looks, 2))
        case "state-timeline":
            assert panel.json["options"]["showValue"] == "always"
        case "bargauge":
            assert panel.json["options"]["valueMode"] == "text"
        case "heatmap":
            assert panel.json["options"]["legend"]["show"]
            assert panel.json["options"]["color"]["mode"] == "opacity"
            assert panel.json["options"]["showValue"] == "auto"
        case _:
            assert panel.kind in {"stat", "table"}


@pytest.mark.parametrize("panel", all_panels(), ids=str)
def test_missing_data_is_grey_and_no_alarm(panel: Panel) -> None:
    for thresholds in every(panel.json, "thresholds"):
        lowest, zero, *_ = thresholds["steps"]  # type: ignore[index]  # JSON of a known shape
        assert lowest == {"value": None, "color": palette.GREY}
        assert zero["value"] == 0


def overrides(panel: Panel) -> list[Json]:
    return list(panel.json["fieldConfig"].get("overrides", ()))


@pytest.mark.parametrize(
    ("label", "colours"),
    [
        ("state", palette.ENDPOINT_STATES),
        ("status", palette.DEVICE_STATES),
        ("status", palette.AGENT_STATUSES),
        ("presence", palette.PRESENCES),
        ("line_state", palette.LINE_STATES),
        ("change", palette.MEMBER_CHANGES),
        ("outcome", palette.OUTCOMES),
        ("by", palette.ENDED_BY),
    ],
    ids=["endpoints", "members", "agents", "users", "lines", "changes", "outcomes", "ends"],
)
def test_every_value_of_a_vocabulary_has_its_own_colour(
    label: str, colours: palette.Colours
) -> None:
    assert len(set(colours.values())) == len(colours)
    vocabularies = [spec.vocabulary.get(label, ()) for spec in METRICS]
    assert any(set(values) == colours.keys() for values in vocabularies)
