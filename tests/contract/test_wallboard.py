"""People read the wallboard from afar, and a supervisor need not scroll for the first numbers."""

from __future__ import annotations

import re

import pytest

from tests.dashboards.grafana import STEMS, Json, Panel, all_panels, load, panels

ROW = 38
"""Height of a row of the grid with its gap, in pixels of Grafana."""
SCREEN = 1080
MENUS = 100
"""What Grafana shows above and below the panels, at most, in kiosk mode."""
ABOVE = 160
"""The same with its menus."""
COLUMN = 80
"""Width of a column of the grid on a screen of 1,920 pixels."""
PADDING = 16
LETTER = 0.55
"""Width of a letter of Grafana's font, as a share of its size."""
LARGE = [panel for panel in panels("wallboard") if not panel.json["title"]]


def bottom(rows: list[Json]) -> int:
    lowest: int = max(each["gridPos"]["y"] + each["gridPos"]["h"] for each in rows)
    return lowest


def test_the_wallboard_fits_a_screen() -> None:
    assert bottom(load("wallboard")["panels"]) * ROW + MENUS <= SCREEN


def test_the_wallboard_is_up_to_date_and_about_now() -> None:
    page = load("wallboard")
    assert page["refresh"] == "5s"
    assert page["time"] == {"from": "now-1h", "to": "now"}


@pytest.mark.parametrize("panel", LARGE, ids=str)
def test_numbers_of_the_wallboard_are_large_and_named(panel: Panel) -> None:
    assert panel.kind == "stat"
    options = panel.json["options"]
    assert options["textMode"] == "value_and_name"
    assert options["colorMode"] == "background_solid"
    assert options["text"]["titleSize"] >= 22
    assert options["text"]["valueSize"] >= 40
    assert panel.defaults["noValue"].endswith(": not known yet")


@pytest.mark.parametrize("stem", ["wallboard", "fr/wallboard"])
def test_names_and_words_of_the_wallboard_fit_their_tiles(stem: str) -> None:
    # Grafana does not make texts of a chosen size smaller, but cuts them.
    for panel in (each for each in panels(stem) if not each.json["title"]):
        options, defaults = panel.json["options"], panel.defaults
        across = 1 if options["orientation"] == "horizontal" else len(panel.queries)
        room = panel.json["gridPos"]["w"] * COLUMN // across - PADDING
        for query in panel.queries:
            name = query["legendFormat"].replace("{{within}}", "20")
            if "{{" not in name:
                assert len(name) * LETTER * options["text"]["titleSize"] <= room, name
        for mapping in defaults.get("mappings", ()):
            for shown in mapping["options"].values():
                assert len(shown["text"]) * LETTER * options["text"]["valueSize"] <= room


def test_the_call_centre_begins_with_who_waits_and_its_first_section_fits_a_screen() -> None:
    head, first, *others = load("call_centre")["panels"]
    assert first["title"] == "Callers waiting"
    after = next(index for index, each in enumerate(others) if each["type"] == "row")
    assert bottom([head, first, *others[:after]]) * ROW + ABOVE <= SCREEN


@pytest.mark.parametrize("panel", [p for p in all_panels() if p.kind == "table"], ids=str)
def test_links_of_cells_keep_the_time_range_and_the_servers(panel: Panel) -> None:
    uids = {load(stem)["uid"] for stem in STEMS}
    for override in panel.json["fieldConfig"]["overrides"]:
        for each in override["properties"]:
            for link in each["value"] if each["id"] == "links" else ():
                found = re.match(r"/d/([\w-]+)\?\$\{__url_time_range\}&", link["url"])
                assert found is not None
                assert found[1] in uids
                # Exactly one of both: Grafana would select the old servers too.
                servers = ("&${origin_uuid:queryparam}", "&var-origin_uuid=")
                assert sum(each in link["url"] for each in servers) == 1


def test_a_queue_of_a_table_opens_its_details() -> None:
    (shown,) = (each for each in panels("call_centre") if each.title == "Queues now")
    assert "&var-queue=${__value.raw:percentencode}" in str(shown.json["fieldConfig"])
