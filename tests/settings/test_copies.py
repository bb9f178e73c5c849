"""The settings of `record` and `tap`: they share the file of `run`, and are bounded by default."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from exporter.settings import Record, Settings, SettingsError, Tap, load
from exporter.settings.sizes import Size, spelled_size

pytestmark = pytest.mark.usefixtures("no_settings_of_the_developer")

TO = {"recording": "r.jsonl.gz"}
MB = 1024 * 1024


def problems(flags: dict[str, Any], file: dict[str, Any] | None = None) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load(Record, TO | flags, file or {})
    return caught.value.problems


def test_a_recording_is_bounded_and_without_personal_data_by_default() -> None:
    settings = load(Record, TO, {})
    assert settings.max_size.bytes == 1024**3
    assert (settings.keep_files, settings.duration) == (1, None)
    assert not settings.with_personal_data
    assert not load(Tap, {}, {}).with_personal_data


def test_the_file_of_run_is_taken_and_what_belongs_to_other_commands_has_no_effect(
    tmp_path: Path,
) -> None:
    file = {
        "bus_url": "amqp://reader@pbx",
        "exchange": "wazo-headers",
        "instance": "monitor",
        "listen": "nonsense",
        "state_dir": 5,
        "api_url": "https://wazo/api",
        "api_username": "without a password",
        "subsystems": ["queues"],
        "pause_reasons": ["lunch"],
    }
    settings = load(Record, TO, file)
    assert (str(settings.bus.url[0]), settings.bus.exchange) == (
        "amqp://pbx:5672",
        "wazo-headers",
    )
    assert (settings.instance, settings.pause_reasons) == ("monitor", ("lunch",))
    assert [
        each.name for each in load(Tap, {}, file).kept_subsystems if each.name == "agents"
    ] == []


def test_a_misspelt_key_of_the_file_is_still_told() -> None:
    [problem] = problems({}, {"bus_urll": "amqp://h"})
    assert problem.startswith("bus_urll: there is no such setting; did you mean bus_url?")


def test_flags_of_other_parts_are_not_flags_of_record() -> None:
    for name in ("api_url", "bind_all", "service_level", "listen"):
        [problem] = problems({name: "x"})
        assert problem.endswith("this is a setting of the command run"), problem


SEVERAL = {"buses": [{"name": "paris", "url": "amqp://a"}, {"name": "lyon", "url": "amqp://b"}]}


def test_of_several_buses_one_is_named() -> None:
    assert str(load(Record, {**TO, "from_bus": "lyon"}, SEVERAL).bus.url[0]) == "amqp://b:5672"
    assert problems({}, SEVERAL) == [
        "--from-bus (XIVO_EXPORTER_FROM_BUS): there are several buses: write paris or lyon"
    ]
    [problem] = problems({"from_bus": "lion"}, SEVERAL)
    assert problem.endswith("it must be paris or lyon; did you mean lyon?")


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        ({"max_size": "10"}, "must be a size such as 500MB or 2GB"),
        ({"max_size": "0MB"}, "must be a size such as 500MB or 2GB"),
        ({"max_size": "1e3GB"}, "must be a size such as 500MB or 2GB"),
        ({"max_size": "3MB"}, "each file needs 4MB: set max_size to 4MB or more, or keep fewer"),
        ({"max_size": "39MB", "keep_files": "10"}, "each file needs 4MB: set max_size to 40MB"),
        ({"recording": "-", "keep_files": "2"}, "the standard output is only one file"),
        ({"duration": "31d"}, "must be a length of time from 1s to 30d, such as 30m"),
        ({"duration": "soon"}, "must be a length of time from 1s to 30d, such as 30m"),
    ],
)
def test_what_is_wrong_is_told(flags: dict[str, Any], says: str) -> None:
    [problem] = problems(flags)
    assert says in problem


def test_sizes_are_powers_of_1024() -> None:
    assert Size.parse("5MB") == ("5MB", 5 * MB)
    assert Size.parse(" 2 gb ") == ("2GB", 2048 * MB)
    shown = [spelled_size(each) for each in (0, 1023, 1024, 5.25 * MB, 2000 * MB, 1024**4)]
    assert shown == ["0 B", "1023 B", "1.0 kB", "5.2 MB", "2.0 GB", "1.0 TB"]


def test_run_still_refuses_settings_of_record() -> None:
    with pytest.raises(SettingsError, match="this is a setting of the command record"):
        load(Settings, {}, {"max_size": "1GB"})
