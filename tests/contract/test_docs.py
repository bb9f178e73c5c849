"""Check what the documents say about settings, metrics, bounds and each other."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import re
from datetime import timedelta
from pathlib import Path
from types import ModuleType

import pytest

from dataflows.lengths import Length
from dataflows.metric import MetricSpec
from dataflows.subsystems import METRICS, OPTIONAL, deliveries
from exporter.commands.command_line import parse
from exporter.exposition import telemetry
from exporter.settings import DETAILS, PREFIX, SINGLE_BUS, Settings, settings_of
from scripts import catalogue

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
SETTINGS = ROOT / "docs" / "settings.md"
RUNNING = ROOT / "docs" / "running.md"
TROUBLE = ROOT / "docs" / "trouble.md"
TOURS = [ROOT / "docs" / "tour.md", ROOT / "docs" / "tour.fr.md"]
INSTALL = ROOT / "docs" / "install.md"
ARCHITECTURE = ROOT / "docs" / "architecture.md"
INDEX = ROOT / "docs" / "README.md"
ADRS = sorted((ROOT / "docs" / "adr").glob("*.md"))
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "helm" / "README.md"]

# Not settings: the file of settings itself, and what argparse adds.
NO_SETTING = {"--config", "--help"}
HOST = "the host name"
# What somebody reads in ten minutes, also in a foreign language.
MAX_WORDS = 1800
# Five minutes.
MAX_TOUR_WORDS = 900
# What a browser or a terminal shows before somebody scrolls.
FIRST_SCREEN = 25


def text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def rows(page: Path, *head: str) -> list[list[str]]:
    """Return the cells of the table that has this head."""
    lines = iter(text(page).splitlines())
    next(line for line in lines if cells(line) == list(head))
    next(lines)  # The line of dashes.
    table = []
    for line in lines:
        if not line.startswith("|"):
            break
        table.append(cells(line))
    return table


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def code(cell: str) -> str:
    return cell.removeprefix("`").removesuffix("`")


# Settings


SETTINGS_HEAD = ("flag", "environment", "default", "meaning")


@dataclasses.dataclass(frozen=True)
class Row:
    """A row of the table of settings."""

    flag: str
    variable: str
    default: str


def settings_table() -> dict[str, Row]:
    table = rows(SETTINGS, *SETTINGS_HEAD)
    found = [Row(code(flag), code(variable), code(default)) for flag, variable, default, _ in table]
    named = {row.variable.removeprefix(PREFIX).lower(): row for row in found}
    assert len(named) == len(found), "a setting is there twice"
    return named


def documented_default(name: str) -> str:
    field = settings_of(Settings)[name]
    if field.default_factory is not None:
        return HOST
    if field.default is False:
        return "off"
    if name == "windows":
        return ",".join(length.name for length in field.default)
    return "" if field.default in (None, frozenset(), (), {}) else str(field.default)


def test_the_table_has_every_setting_with_its_variable_and_default() -> None:
    table = settings_table()
    assert table.keys() == {*settings_of(Settings), "config"}
    for name in settings_of(Settings):
        assert table[name].variable == PREFIX + name.upper()
        assert table[name].default == documented_default(name), name


def test_the_table_has_the_flags_of_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["run", "--help"])
    flags = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", capsys.readouterr().out))
    flags = {flag for flag in flags if not flag.startswith("--no-")} | {"--config"}
    table = settings_table()
    assert {row.flag for row in table.values()} - {"none"} == flags - {"--help"}
    for name, row in table.items():
        assert row.flag in ("none", "--" + name.replace("_", "-"))


@pytest.mark.parametrize(
    "name",
    [name for name in settings_of(Settings) if documented_default(name) not in ("", HOST)],
)
def test_a_default_can_be_written_into_the_environment(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    default = settings_of(Settings)[name].default
    monkeypatch.setenv(settings_table()[name].variable, documented_default(name))
    settings = parse(["run"])
    assert isinstance(settings, Settings)
    owner = settings.buses[0] if name in SINGLE_BUS else settings
    assert getattr(owner, SINGLE_BUS.get(name, name)) == default


def test_the_subsystems_to_choose_from_are_all_named() -> None:
    table = {code(flag): meaning for flag, _, _, meaning in rows(SETTINGS, *SETTINGS_HEAD)}
    for name, words in (("subsystems", OPTIONAL), ("details", DETAILS)):
        named = re.findall(r"`([a-z_]+)`", table[f"--{name}"])
        assert named == [*words]


def test_flags_named_in_the_documents_exist() -> None:
    known = {row.flag for row in settings_table().values()} | NO_SETTING
    pages = (README, SETTINGS, RUNNING, TROUBLE, INSTALL, ARCHITECTURE)
    inline = re.findall(r"`(--[a-z-]+)[^`]*`", "".join(map(text, pages)))
    assert set(inline) <= known


# Metrics and events


def test_the_generated_pages_are_up_to_date() -> None:
    assert catalogue.main(["--check"]) == 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_metrics_named_in_the_documents_exist(page: Path) -> None:
    specs = [*telemetry.SPECS, *METRICS]
    names = {spec.name for spec in specs}
    names |= {f"{name}_{part}" for name in names for part in ("bucket", "count", "sum")}
    for name in re.findall(r"(?<![\w/.-])xivo_[a-z][a-z_]+\*?", text(page)):
        if name.endswith("*"):
            assert any(each.startswith(name[:-1]) for each in names), name
        else:
            # Alone it is not a metric but the name of this program.
            assert name in {*names, "xivo_exporter"}, name


@pytest.mark.parametrize("spec", telemetry.SPECS, ids=lambda spec: spec.name)
def test_the_page_of_trouble_explains_each_self_metric(spec: MetricSpec) -> None:
    assert spec.name in {code(row[0]) for row in rows(TROUBLE, "metric", "normal", "problem")}


def test_the_page_of_trouble_explains_each_reason_of_a_rejection() -> None:
    rejected = deliveries.REJECTED
    table = rows(TROUBLE, "reason", "meaning")
    assert sorted(re.findall(r"`(\w+)`", " ".join(row[0] for row in table))) == sorted(
        rejected.vocabulary["reason"]
    )


# Bounds

UNITS = {
    "": 1.0,
    "ms": 0.001,
    "s": 1.0,
    "min": 60.0,
    "h": 3600.0,
    "days": 86400.0,
    "KiB": 1024.0,
    "MiB": 1024.0**2,
}
BOUNDS = rows(ARCHITECTURE, "what", "bound", "module", "declared as")


def declared(module: ModuleType, name: str) -> float:
    """Return the value of a constant, or the default of a field or argument."""
    owner, _, field = name.rpartition(".")
    if not owner:
        value = getattr(module, name)
    elif (kind := getattr(module, owner)) is Settings:
        value = Settings.model_fields[field].default
    else:
        value = inspect.signature(kind).parameters[field].default
    if isinstance(value, Length):
        return value.seconds
    return value.total_seconds() if isinstance(value, timedelta) else float(value)


@pytest.mark.parametrize(("bound", "module", "name"), [tuple(row[1:]) for row in BOUNDS])
def test_the_bounds_are_those_of_the_code(bound: str, module: str, name: str) -> None:
    number, _, unit = bound.partition(" ")
    value = declared(importlib.import_module(code(module)), code(name))
    assert float(number.replace(",", "")) * UNITS[unit] == pytest.approx(value)


def test_no_bound_of_the_code_is_missing() -> None:
    documented = {(code(module), code(name)) for _, _, module, name in BOUNDS}
    for package in ("dataflows", "exporter"):
        for source in (ROOT / package).rglob("*.py"):
            module = ".".join(source.relative_to(ROOT).with_suffix("").parts)
            for name in re.findall(r"^(_?(?:MAX|MANY)_\w+) =", text(source), re.MULTILINE):
                # What limits the form of one value is not a bound on memory or time.
                if not name.endswith(("_PORT", "_NUMBER")):
                    assert (module, name) in documented


# Readers


@pytest.mark.parametrize("page", [SETTINGS, RUNNING, TROUBLE], ids=lambda page: page.stem)
def test_a_page_for_administrators_is_short(page: Path) -> None:
    assert len(text(page).split()) <= MAX_WORDS


@pytest.mark.parametrize("page", TOURS, ids=lambda page: page.stem)
def test_a_tour_is_short(page: Path) -> None:
    assert len(text(page).split()) <= MAX_TOUR_WORDS


def test_the_readme_begins_with_a_picture_of_the_call_centre() -> None:
    first_screen = "\n".join(text(README).splitlines()[:FIRST_SCREEN])
    # With a text for those who do not see it.
    assert re.search(r"!\[[^\]]{40,}\]\(docs/dashboards/call_centre\.png\)", first_screen)


# Decisions and links


def test_the_index_has_every_decision_once() -> None:
    linked = re.findall(r"\(adr/([^)]+)\)", text(INDEX))
    assert linked == [adr.name for adr in ADRS]


@pytest.mark.parametrize("adr", ADRS, ids=lambda adr: adr.stem)
def test_a_decision_has_its_number_its_title_and_its_four_parts(adr: Path) -> None:
    page = text(adr)
    heading = re.match(r"# (\d+)\. (.+)\n", page)
    assert heading is not None
    number, title = heading.groups()
    assert adr.name.startswith(f"{int(number):04d}-")
    assert f"| {number} | [{title}](adr/{adr.name}) |" in text(INDEX)
    assert re.findall(r"^## (.+)$", page, re.MULTILINE) == [
        "Context",
        "Decision",
        "Consequences",
        "Alternatives",
    ]


def test_the_numbers_of_the_decisions_are_unique() -> None:
    numbers = [adr.name.split("-")[0] for adr in ADRS]
    assert len(set(numbers)) == len(numbers)


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    return {anchor(heading) for heading in re.findall(r"^#+ (.+)$", text(page), re.MULTILINE)}


def anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_resolve(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", text(page)):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        assert found.is_file(), target
        assert not anchor or anchor in anchors(found), target
