"""What a user reads after a wrong command line."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.__main__ import WRONG_SETTINGS, main
from exporter.commands.command_line import parse
from exporter.settings import COMMANDS, SettingsError
from exporter.settings.messages import choices

SECRET = "s3cr3t-p4ss"


pytestmark = pytest.mark.usefixtures("no_settings_of_the_developer")


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> "Told":
    return Told(capsys)


class Told:
    """Calls the program with a wrong command line, and returns the lines of its answer."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: str) -> list[str]:
        assert main(arguments) == WRONG_SETTINGS
        shown = self._capsys.readouterr()
        assert shown.out == ""
        assert SECRET not in shown.err
        lines = shown.err.splitlines()
        assert all(line.startswith("xivo-exporter: ") for line in lines)
        return [line.removeprefix("xivo-exporter: ") for line in lines]


WRITE_ONE = f"write {choices([*COMMANDS])}"
HELP = "xivo-exporter --help explains them"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], f"the command is missing: {WRITE_ONE}; {HELP}"),
        (["rum"], f"there is no such command: {WRITE_ONE}; did you mean run?"),
        (["Demo"], f"there is no such command: {WRITE_ONE}; did you mean demo?"),
        (["--demo"], f"the command must come first: {WRITE_ONE}; did you mean demo?"),
        (["fly"], f"there is no such command: {WRITE_ONE}; {HELP}"),
        ([""], f"the command is missing: {WRITE_ONE}; {HELP}"),
        (["\x1b[2J"], f"there is no such command: {WRITE_ONE}; {HELP}"),
        ([f"amqp://u:{SECRET}@h"], f"there is no such command: {WRITE_ONE}; {HELP}"),
        (["--bus-password", SECRET, "run"], f"the command must come first: {WRITE_ONE}; {HELP}"),
    ],
)
def test_without_a_command_the_commands_are_listed(
    told: Told, arguments: list[str], says: str
) -> None:
    assert told(*arguments) == [says]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--bus-uri", SECRET], "--bus-uri: there is no such flag; did you mean --bus-url?"),
        ([f"--bus-uri={SECRET}"], "--bus-uri: there is no such flag; did you mean --bus-url?"),
        (["--bus_url", SECRET], "--bus_url: there is no such flag; did you mean --bus-url?"),
        (["--LISTEN=:1"], "--LISTEN: there is no such flag; did you mean --listen?"),
        (["--bind"], "--bind: there is no such flag; did you mean --bind-all?"),
        (["--confg=x"], "--confg: there is no such flag; did you mean --config?"),
        (["--exch", "x"], "--exch: there is no such flag; did you mean --exchange?"),
        (["--nonsense"], "--nonsense: there is no such flag"),
        (["--agents", "5"], "--agents: this is a flag of the command demo"),
        (["-listen", ":1"], "flags begin with two dashes; did you mean --listen?"),
        ([f"-p{SECRET}"], "flags begin with two dashes"),
        ([f"--{SECRET}@\x1b[2J"], "there is a flag that cannot be read"),
        (["--" + "x" * 1000], "there is a flag that cannot be read"),
        ([SECRET], "there is a value without a flag; flags begin with --"),
        ([SECRET, SECRET], "there is a value without a flag; flags begin with --"),
        (["--"], "there is a flag that cannot be read"),
        (["--listen"], "--listen: needs a value"),
        (["--listen", "--bind-all"], "--listen: needs a value"),
        ([f"--bind-all={SECRET}"], "--bind-all: takes no value; write --bind-all or --no-bind-all"),
    ],
)
def test_a_wrong_flag_is_named_and_the_nearest_suggested(
    told: Told, arguments: list[str], says: str
) -> None:
    assert told("run", *arguments) == [says]


def test_a_flag_of_run_is_not_one_of_demo(told: Told) -> None:
    assert told("demo", "--bus-url", SECRET) == ["--bus-url: this is a flag of the command run"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--bus-password", SECRET],
        [f"--bus-password={SECRET}"],
        ["--bus-password"],
        ["--bus-password", "--max-series", "5"],
        ["--bus-password", f"-{SECRET}"],
        ["--bus-password", f"--{SECRET}"],
        [f"--bus-password{SECRET}"],
        [f"--bus-password{'x' * 40}"],
    ],
)
@pytest.mark.parametrize("command", ["run", "demo"])
def test_there_is_no_flag_for_the_password_and_the_reason_is_given(
    told: Told, command: str, arguments: list[str]
) -> None:
    [line] = told(command, *arguments)
    assert line == (
        "--bus-password: there is no such flag: every user of this machine can read the command "
        "lines of its processes; use --bus-password-file or XIVO_EXPORTER_BUS_PASSWORD"
    )


@pytest.mark.parametrize("argument", [SECRET, f"--{SECRET}"])
def test_there_is_no_flag_for_the_password_of_the_apis(told: Told, argument: str) -> None:
    for arguments in (["--api-password", argument], [f"--api-password={argument}"]):
        [line] = told("run", *arguments)
        assert line.startswith("--api-password: there is no such flag: every user of this machine")
        assert line.endswith("use --api-password-file or XIVO_EXPORTER_API_PASSWORD")


@pytest.mark.parametrize("flag", ["--bus-passwd", "--password", "--bus_password", "--BusPassword"])
def test_what_resembles_the_flag_of_the_password_gets_the_same_answer(
    told: Told, flag: str
) -> None:
    [line] = told("run", flag, SECRET)
    assert line.startswith(f"{flag}: there is no such flag: every user ")
    [line] = told("run", f"{flag}={SECRET}")
    assert line.startswith(f"{flag}: there is no such flag: every user ")


def test_what_follows_an_unknown_flag_may_be_its_value_and_is_not_shown(told: Told) -> None:
    assert told("run", "--nope", f"--{SECRET}") == ["--nope: there is no such flag"]
    assert told("run", "--nope", f"-{SECRET}") == ["--nope: there is no such flag"]
    assert told("run", "--bus-name", f"--{SECRET}") == ["--bus-name: needs a value"]
    # But what is a flag, or resembles one, is no value.
    assert len(told("run", "--nope", "--max-series", "0")) == 2
    assert len(told("run", "--nope", "--max-serie", "0")) == 2


_CHUNKS = (
    *(("--nope", f"-{SECRET}"), (f"--nope={SECRET}",), ("--bus-uri", f"amqp://u:{SECRET}@h")),
    *(("--bus-password", f"--{SECRET}"), ("--bus-url", f"amqp//u:{SECRET}@h"), (f"-p{SECRET}",)),
    *((f"--bind-all={SECRET}",), ("--bus-name",), ("--listen", ":1"), (SECRET,), ("--", SECRET)),
)


@given(st.lists(st.sampled_from(_CHUNKS)))
def test_no_order_of_arguments_makes_a_secret_visible(chunks: list[tuple[str, ...]]) -> None:
    problems: list[str] = []
    try:
        parse(["run", *(word for chunk in chunks for word in chunk)])
    except SettingsError as error:
        problems = error.problems
    assert SECRET not in "".join(problems)
    assert len(set(problems)) == len(problems)


def test_a_negative_number_is_a_value(told: Told) -> None:
    [line] = told("run", "--max-series", "-1")
    assert line.endswith("must be at least 1, not -1")


def test_all_problems_are_shown_at_once_one_line_each(
    told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "config.toml"
    file.write_text(f'bus-url = "amqp://u:{SECRET}@h"\nbus_pasword = "{SECRET}"\n')
    monkeypatch.setenv("XIVO_EXPORTER_WINDOWS", "1")
    lines = told("run", "--nope", "--config", str(file), "--max-series", "0", "--listen")
    assert lines == [
        "--nope: there is no such flag",
        "--listen: needs a value",
        (
            "--windows (XIVO_EXPORTER_WINDOWS): must be lengths from 5s to 1d, or today, such as "
            "1m,4h,today"
        ),
        "--max-series (XIVO_EXPORTER_MAX_SERIES): must be at least 1, not 0",
        f"bus-url in {file}: there is no such setting; did you mean bus_url?",
        f"bus_pasword in {file}: there is no such setting; did you mean bus_password?",
    ]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"exchange = ", "is not valid TOML: Invalid value (at the end of the file)"),
        (b"bus_url: x\n", "is not valid TOML (at line 1)"),
        (b"a = 1\na = 2\n", "is not valid TOML: Cannot overwrite a value (at line 2)"),
        (b"\xff\xfe", "is not UTF-8 text"),
        (b"max_series = " + b"9" * 5000, "contains a number that is too long"),
        (b"a = " + b"[" * 5000, "is nested too deeply"),
        (f'p = "{SECRET}'.encode(), "is not valid TOML: "),
    ],
)
def test_a_file_that_is_no_toml_is_named_with_the_place(
    told: Told, tmp_path: Path, content: bytes, reason: str
) -> None:
    file = tmp_path / "config.toml"
    file.write_bytes(content)
    [line] = told("run", "--config", str(file))
    assert line.startswith(f"--config (XIVO_EXPORTER_CONFIG): {file} {reason}")


def test_a_file_that_cannot_be_read_is_named_with_the_reason(told: Told, tmp_path: Path) -> None:
    place = "--config (XIVO_EXPORTER_CONFIG): cannot read"
    assert told("run", "--config", "/nowhere/f") == [
        f"{place} /nowhere/f: No such file or directory"
    ]
    assert told("run", "--config", str(tmp_path)) == [f"{place} {tmp_path}: Is a directory"]
    assert told("run", "--config", "a\x1bb") == [rf"{place} 'a\x1bb': No such file or directory"]
