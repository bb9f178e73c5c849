"""The settings file of Debian's package, and its schema for editors."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.settings import Settings, SettingsError, load, settings_of
from tests.support import REPOSITORY

FILE = (REPOSITORY / "packaging" / "config.toml").read_text(encoding="utf-8")
SCHEMA = json.loads((REPOSITORY / "packaging" / "config.schema.json").read_text(encoding="utf-8"))
EDITOR = jsonschema.Draft7Validator(SCHEMA)

ALL, TABLES = FILE.split("# --- Several buses ---")
LINES: dict[str, str] = {
    line.split(" = ")[0]: line for line in re.findall(r"^#([a-z_]+ = .*)$", ALL, re.MULTILINE)
}

# Of each pair only one can be set.
OTHERS = ("bus_password", "api_key_file", "api_password")

pytestmark = pytest.mark.usefixtures("no_settings_of_the_developer")


def uncommented(text: str) -> dict[str, Any]:
    return tomllib.loads(re.sub(r"^#(?=[a-z_]+ = |\[\[)", "", text, flags=re.MULTILINE))


def with_files(given: Any, folder: Path) -> Any:  # noqa: ANN401 -- TOML
    """Make the files that settings name, in a folder."""
    if isinstance(given, dict):
        return {name: with_files(each, folder) for name, each in given.items()}
    if isinstance(given, list):
        return [with_files(each, folder) for each in given]
    if isinstance(given, str) and re.match("/(etc|var)/", given):
        file = folder / given.rpartition("/")[2]
        file.write_text("x")
        return f"{file}"
    return given


def is_accepted_by_an_editor(given: dict[str, Any]) -> bool:
    return bool(EDITOR.is_valid(given))


def test_the_schema_is_one() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)


def test_the_file_changes_nothing_until_a_line_is_changed() -> None:
    assert tomllib.loads(FILE) == {}


def test_every_setting_has_one_line() -> None:
    assert [*LINES] == [*settings_of(Settings)]
    assert SCHEMA["properties"].keys() == {*LINES, "buses"}


@pytest.mark.parametrize("name", [name for name, line in LINES.items() if "# for ex" not in line])
def test_a_line_without_a_remark_shows_the_default(name: str) -> None:
    given = tomllib.loads(LINES[name])
    assert load(Settings, {}, given) == load(Settings, {}, {})
    of_schema = SCHEMA["properties"][name]
    assert [given[name]] == [of_schema["default"]]


def test_with_every_line_the_file_can_be_used(tmp_path: Path) -> None:
    given = uncommented(ALL)
    assert is_accepted_by_an_editor(given)
    for other in OTHERS:
        del given[other]
    # Certificates need TLS.
    given["bus_url"] = given["bus_url"].replace("amqp://", "amqps://")
    given = with_files(given, tmp_path)
    assert load(Settings, {}, given).model_fields_set >= given.keys() & Settings.model_fields.keys()


def test_with_its_tables_the_file_reads_several_buses(tmp_path: Path) -> None:
    given = uncommented(TABLES)
    assert is_accepted_by_an_editor(given)
    buses = load(Settings, {}, with_files(given, tmp_path)).buses
    assert [bus.name for bus in buses] == ["paris", "montreal"]


def examples() -> list[Any]:
    """Return all examples of TOML in the documents."""
    pages = [REPOSITORY / "README.md", *(REPOSITORY / "docs").rglob("*.md")]
    blocks = (re.findall(r"```toml\n(.*?)```", page.read_text(), re.DOTALL) for page in pages)
    found = [tomllib.loads(block) for of_page in blocks for block in of_page]
    assert len(found) > 5
    return found


@pytest.mark.parametrize("given", examples())
def test_an_editor_accepts_the_examples_of_the_documents(given: dict[str, Any]) -> None:
    EDITOR.validate(given)


@pytest.mark.parametrize(
    "line",
    [
        'bus_urls = "amqp://h"',
        'bus_url = "http://h"',
        "bus_url = []",
        'bus_name = ""',
        'exchange_type = "fanout"',
        "bind_all = 3",
        "service_level = 3601",
        'service_level = "soon"',
        'api_url = "pbx.example.com"',
        'api_services = { asterisk = "https://h" }',
        "api_interval = 29",
        "inbox_max_length = 999",
        "inbox_max_length = 1000.5",
        "process_id = -1",
        'listen = "10495"',
        'windows = "1week"',
        "windows = []",
        'subsystems = ["phones"]',
        "subsystems = []",
        'details = ["users"]',
        'forget_origin = "today"',
        "state_dir = 1",
        'log_level = "loud"',
        "buses = []",
        'buses = [{ bus_url = "amqp://h" }]',
        'exchange = "xivo"\nbuses = [{ url = "amqp://h" }]',
    ],
)
def test_an_editor_shows_a_mistake(line: str) -> None:
    given = tomllib.loads(line)
    assert not is_accepted_by_an_editor(given)
    with pytest.raises(SettingsError):
        load(Settings, {}, given)


# Each is right for some setting.
WORDS = [
    *(
        "agents",
        "users, agents",
        "5s",
        " 1m,today",
        "1h",
        "1d",
        "30d",
        "20",
        "support=10, sales=30",
    ),
    *("localhost:1", ":1", "[::1]:1", "a:1;b:2", "amqp://h", " AMQPS://u:p@h/v;amqps://i"),
    *("https://h", "HTTP://localhost", "auth=https://h,amid=https://h", "headers", "debug"),
    *("Europe/Paris", "logfmt", "", "-", ".", "10=20", "a,b=5", "é" * 50),
]
ATOMS = st.integers(-1, 10**6) | st.floats() | st.booleans() | st.text(max_size=5)
TABLES_OF_ALL = st.dictionaries(st.sampled_from(["auth", "amid", "name"]), ATOMS, max_size=2)
VALUES = ATOMS | st.lists(ATOMS | st.sampled_from(WORDS), max_size=3) | TABLES_OF_ALL

each_setting = pytest.mark.parametrize("name", sorted(LINES))


def check_an_editor_accepts(name: str, value: object) -> None:
    setting = SCHEMA["properties"][name]
    # The settings also accept numbers and switches in other clothes, which a file does not need.
    if setting.get("type") in ("integer", "number") and isinstance(value, str | bool):
        return
    if setting.get("type") == "boolean" and not isinstance(value, bool):
        return
    try:
        load(Settings, {}, {name: value})
    except SettingsError:
        return
    EDITOR.validate({name: value})


@each_setting
def test_an_editor_accepts_each_word_that_a_setting_accepts(name: str) -> None:
    services = {"auth": "https://h", "amid": "https://h"}
    for value in (*WORDS, *([word] for word in WORDS), WORDS[:2], services):
        check_an_editor_accepts(name, value)


@each_setting
@given(VALUES)
def test_an_editor_accepts_what_a_setting_accepts(name: str, value: object) -> None:
    check_an_editor_accepts(name, value)
