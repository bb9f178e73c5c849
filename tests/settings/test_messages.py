"""What a user reads when a setting is wrong: plain words, and never the words of a library."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.subsystems import OPTIONAL
from exporter.settings import (
    COMMANDS,
    SINGLE_BUS,
    Demo,
    Logging,
    Settings,
    SettingsError,
    load,
    settings_of,
)
from exporter.settings.messages import choices, nearest, shown

SECRET = "s3cr3t-p4ss"
JARGON = (
    *("Input should", "Extra inputs", "String should", "valid integer", "unable to parse"),
    *("valid string", "valid boolean", "valid tuple", "valid frozenset", "pathlib", "Errno"),
)

pytestmark = pytest.mark.usefixtures("no_settings_of_the_developer")


def problems(
    model: type[Logging], flags: dict[str, Any], file: dict[str, Any], path: str | None = None
) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load(model, flags, file, path)
    for text in (*JARGON, SECRET):
        assert text not in f"{caught.value} {caught.value!r}"
    return caught.value.problems


def problem(model: type[Logging] = Settings, **flags: Any) -> str:  # noqa: ANN401 -- anything
    [line] = problems(model, flags, {})
    return line.partition(": ")[2]


@pytest.mark.parametrize(
    ("model", "name", "value", "says"),
    [
        (Settings, "max_series", "0", "must be at least 1, not 0"),
        (Settings, "max_series", -7, "must be at least 1, not -7"),
        (Settings, "max_series", "many", "must be a number, not 'many'"),
        (Settings, "max_series", "", "must be a number, not ''"),
        (Settings, "max_series", "1.5", "must be a whole number, not 1.5"),
        (Settings, "max_series", 1.5, "must be a whole number, not 1.5"),
        (Settings, "max_series", float("nan"), "must be a whole number, not nan"),
        (Settings, "max_series", {"a": SECRET}, "must be a number, not a table"),
        (Settings, "max_series", [SECRET], "must be a number, not a list"),
        (Settings, "max_series", "\x1b[31m", r"must be a number, not '\x1b[31m'"),
        (Settings, "max_series", "9" * 5000, f"must be a smaller number, not {'9' * 40}…"),
        (Settings, "max_series", "x" * 5000, f"must be a number, not '{'x' * 40}…'"),
        (Settings, "max_series", f"amqp://u:{SECRET}@h", "must be a number, not a URL"),
        (
            Settings,
            "details",
            f"amqp://u:{SECRET}@h",
            "must be agents, endpoints or lines, not a URL",
        ),
        (
            Settings,
            "log_level",
            f"amqp://u:{SECRET}@h",
            "must be debug, info, warning or error, not a URL",
        ),
        (Settings, "stall_after", "1e9", "must be at most 86400, not 1e9"),
        (Settings, "stall_after", "soon", "must be a number, not 'soon'"),
        (Settings, "inbox_max_length", "1", "must be at least 1000, not 1"),
        (Settings, "inbox_max_length", "1" * 12, f"must be at most 1000000000, not {'1' * 12}"),
        (Demo, "speed", "0", "must be more than 0, not 0"),
        (Settings, "bind_all", "perhaps", "must be true or false, not 'perhaps'"),
        (Settings, "bind_all", 5, "must be true or false, not 5"),
        (Settings, "exit_on_stall", [True], "must be true or false, not a list"),
        (Settings, "log_level", "loud", "must be debug, info, warning or error, not 'loud'"),
        (
            Settings,
            "log_level",
            "WARN",
            "must be debug, info, warning or error, not 'WARN'; did you mean warning?",
        ),
        (Settings, "exchange_type", "fanout", "must be topic or headers, not 'fanout'"),
        (
            Settings,
            "exchange_type",
            "header",
            "must be topic or headers, not 'header'; did you mean headers?",
        ),
        (Settings, "details", "phones", "must be agents, endpoints or lines, not 'phones'"),
        (
            Settings,
            "details",
            "agent",
            "must be agents, endpoints or lines, not 'agent'; did you mean agents?",
        ),
        (
            Settings,
            "subsystems",
            "agents,queue-call",
            f"must be {choices(OPTIONAL)}, not 'queue-call'; did you mean queue_calls?",
        ),
        (Settings, "subsystems", "agents,bus", "bus is always kept: remove it here"),
        (
            Settings,
            "subsystems",
            [],
            "must not be empty: name at least one subsystem, or remove this setting",
        ),
        (Settings, "subsystems", 5, "must be text or a list"),
        (Settings, "subsystems", [5], "must be text: write it in quotes"),
        (Settings, "instance", "", "must not be empty"),
        (Settings, "instance", 5, "must be text: write it in quotes"),
        (Settings, "instance", "x" * 101, "must be at most 100 bytes long"),
        (Settings, "instance", "a\nb", "must not contain characters that cannot be printed"),
        (Settings, "bus_password", 5, "must be text: write it in quotes"),
        (Settings, "windows", 5, "must be text or a list"),
        (Settings, "listen", "10495", "must be HOST:PORT, for example 127.0.0.1:10495"),
        (Settings, "listen", "host:x", "the port must be a number from 0 to 65535"),
        (Settings, "listen", ":" + "9" * 5000, "the port must be a number from 0 to 65535"),
        (Settings, "listen", "a..b:80", "the host is not a valid name or address"),
        (Settings, "listen", "a" * 300 + ":80", "the host is not a valid name or address"),
        (Settings, "listen", "a\0b:80", "the host is not a valid name or address"),
        (Settings, "addresses", "a..b:80", "the host is not a valid name or address"),
        (Settings, "bus_timezone", "europe/pari", "there is no such time zone; did you mean Euro"),
        (Settings, "bus_ca_file", "/nowhere", "cannot read /nowhere: No such file or directory"),
        (Settings, "bus_ca_file", "a\0b", r"cannot read 'a\x00b': it is not a path"),
        (Settings, "state_dir", "a\0b", "it is not a path"),
    ],
)
def test_a_message_says_what_is_right_and_what_was_given(
    model: type[Logging], name: str, value: object, says: str
) -> None:
    told = problem(model, **{name: value})
    assert told == says or (says.endswith("Euro") and told.startswith(says))


def test_a_password_in_place_of_its_file_is_not_shown() -> None:
    assert problem(bus_password_file=SECRET).startswith("cannot read the file: No such file")


WRONG: tuple[Any, ...] = (
    *(None, -1, 10**30, 0.5, float("nan"), True, "", "x", "-", "\x1b", "9" * 5000),
    *(["x"], [5], [[]], {"a": SECRET}, {}),
)


@pytest.mark.parametrize(
    ("model", "name"),
    [(model, name) for model in COMMANDS.values() for name in settings_of(model)]
    + [(Settings, "buses")],
)
@pytest.mark.parametrize("value", WRONG, ids=range(len(WRONG)))
def test_no_setting_lets_the_words_of_a_library_through(
    model: type[Logging], name: str, value: object
) -> None:
    files: list[dict[str, Any]] = [{name: value}]
    if name in SINGLE_BUS:
        files.append({"buses": [{SINGLE_BUS[name]: value}]})
    for file in files:
        try:
            load(model, {}, file)
        except SettingsError as error:
            for told in error.problems:
                assert not any(text in told for text in (*JARGON, SECRET)), told
                assert told.isprintable()
                assert len(told) < 450


def test_every_setting_was_wrong_at_least_once() -> None:
    for model in COMMANDS.values():
        for name in settings_of(model):
            assert problems(model, {}, {name: {"a": [SECRET]}}), name


# Unknown keys


@pytest.mark.parametrize(
    ("key", "says"),
    [
        ("bus-url", "bus-url in f.toml: there is no such setting; did you mean bus_url?"),
        ("busurl", "busurl in f.toml: there is no such setting; did you mean bus_url?"),
        ("LISTEN", "LISTEN in f.toml: there is no such setting; did you mean listen?"),
        ("bus", "bus in f.toml: there is no such setting; did you mean buses?"),
        ("colour", "colour in f.toml: there is no such setting"),
        ("agents", "agents in f.toml: this is a setting of the command demo"),
        ("a\n\x1b[2J b", r"'a\n\x1b[2J b' in f.toml: there is no such setting"),
        ("", "'' in f.toml: there is no such setting"),
    ],
)
def test_an_unknown_key_names_its_file_and_suggests_the_nearest(key: str, says: str) -> None:
    assert problems(Settings, {}, {key: SECRET}, "f.toml") == [says]


@pytest.mark.parametrize("key", ["bus_url", "buses", "exchange"])
def test_the_bus_is_a_matter_of_run_alone(key: str) -> None:
    [told] = problems(Demo, {}, {key: SECRET})
    assert told == f"{key}: this is a setting of the command run"


def test_a_long_key_is_cut() -> None:
    [told] = problems(Settings, {}, {"x" * 10_000: 1}, "f.toml")
    assert len(told) < 120


@pytest.mark.parametrize(
    ("key", "says"),
    [
        ("urls", "there is no such setting of a bus; did you mean url?"),
        ("bus_url", "there is no such setting of a bus; did you mean url?"),
        ("bus_password_file", "there is no such setting of a bus; did you mean password_file?"),
        ("colour", "there is no such setting of a bus"),
        ("listen", "this is not a setting of a bus: write it above the first [[buses]]"),
    ],
)
def test_an_unknown_key_of_a_bus_is_named_with_its_place(key: str, says: str) -> None:
    tables = {"buses": [{"name": "a"}, {"name": "b", key: SECRET}]}
    assert problems(Settings, {}, tables, "f.toml") == [f"buses[1].{key} in f.toml: {says}"]


def test_a_password_that_is_wrong_is_not_called_a_flag() -> None:
    [told] = problems(Settings, {}, {"bus_password": 5})
    assert told.startswith("bus_password (XIVO_EXPORTER_BUS_PASSWORD): ")


# Parts of messages


@given(st.text())
def test_what_is_shown_is_short_and_printable(text: str) -> None:
    assert shown(text).isprintable()
    assert len(shown(text)) <= 450


@given(st.text(), st.lists(st.text(min_size=1)))
def test_the_nearest_is_one_of_the_known(word: str, known: list[str]) -> None:
    assert nearest(word, known) in {None, *known}


def test_what_is_very_long_resembles_nothing() -> None:
    assert nearest("bus_url" * 100_000, ["bus_url"]) is None
