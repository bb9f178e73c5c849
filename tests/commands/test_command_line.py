"""The command line: help, errors, files, and that flags follow the settings."""

import os
import re
import threading
from pathlib import Path

import pytest

from exporter import __version__
from exporter.__main__ import FAILED, WRONG_SETTINGS, main
from exporter.commands.command_line import parse
from exporter.settings import (
    COMMANDS,
    PREFIX,
    SECRETS,
    Logging,
    Settings,
    SettingsError,
    settings_of,
)

SECRET = "s3cr3t-p4ss"


pytestmark = pytest.mark.usefixtures("no_settings_of_the_developer")


@pytest.fixture(autouse=True)
def _wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")


def _settings(*arguments: str) -> Settings:
    settings = parse(["run", *arguments])
    assert isinstance(settings, Settings)
    return settings


def _help(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as caught:
        main([*arguments, "--help"])
    assert caught.value.code == 0
    return capsys.readouterr().out


@pytest.mark.parametrize(("command", "model"), COMMANDS.items())
def test_help_tells_of_every_setting(
    capsys: pytest.CaptureFixture[str], command: str, model: type[Logging]
) -> None:
    text = " ".join(_help(capsys, command).split())
    for name, field in settings_of(model).items():
        flag, variable = "--" + name.replace("_", "-"), PREFIX + name.upper()
        assert re.search(rf"{flag}\b|{variable}\b", text), name
        assert field.description, name
        assert name in SECRETS or " ".join(field.description.split()) in text, name
    assert PREFIX in text
    assert "--config" in text


def test_help_shows_defaults_and_no_internals(capsys: pytest.CaptureFixture[str]) -> None:
    text = " ".join(_help(capsys, "run").split())
    assert "(default: amqp://localhost:5672)" in text
    assert "(default: 0.0.0.0:10495)" in text
    assert "(default: 10000)" in text
    assert "(default: info)" in text
    for internal in ("Undefined", "frozenset", "None)", "ZoneInfo", "<", "LogLevel."):
        assert internal not in text, internal


def test_a_password_is_never_a_flag(capsys: pytest.CaptureFixture[str]) -> None:
    text = _help(capsys, "run")
    for name in SECRETS:
        assert f"--{name.replace('_', '-')} " not in text


def test_problems_of_flags_file_and_settings_are_told_together(
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = ["run", "--nope", "--config", "/nonexistent", "--max-series", "0"]
    assert main(arguments) == WRONG_SETTINGS
    told = capsys.readouterr().err
    assert all(part in told for part in ("--nope", "/nonexistent", "--max-series"))


def test_help_lists_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    text = _help(capsys)
    for command in COMMANDS:
        assert re.search(rf"^ +{command}\s+\w", text, re.MULTILINE)


@pytest.mark.parametrize(
    ("command", "description"),
    [
        ("run", "Read events from the message bus of a telephony server, and serve metrics."),
        ("demo", "Serve metrics of a simulated call centre; needs no telephony server."),
        ("replay", "Show the metrics of a recorded message bus; needs no telephony server."),
        ("record", "Write what a message bus carries to a file, for replay."),
        ("tap", "Show the events of a message bus as they come."),
    ],
)
def test_help_begins_with_what_the_command_does_and_ends_with_an_example(
    capsys: pytest.CaptureFixture[str], command: str, description: str
) -> None:
    text = _help(capsys, command)
    usage, _, rest = text.partition("\n\n")
    operand = " FILE" if command in {"replay", "record"} else ""
    assert usage == f"usage: xivo-exporter {command}{operand} [--FLAG VALUE ...]"
    assert rest.startswith(f"{description}\n")
    last = text.rpartition("\n\n")[2].splitlines()
    assert last[0] == "example:"
    assert all(line.startswith(f"  xivo-exporter {command}") for line in last[1:])
    general = " ".join(_help(capsys).split())
    assert description[0].lower() + description[1:-1] in general


def test_examples_of_the_help_can_be_typed(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    files = {
        "/etc/xivo-exporter/bus-password": "password",
        "/etc/xivo-exporter/config.toml": "config",
        "recording.jsonl.gz": "recording",
    }
    for name in files.values():
        (tmp_path / name).write_text("# x")
    for arguments in ([], *([command] for command in COMMANDS)):
        text = _help(capsys, *arguments)
        examples = re.findall("^  xivo-exporter (.*)$", text, re.MULTILINE)
        assert examples
        for example in examples:
            words = example.split()
            for path, name in files.items():
                words = [word.replace(path, str(tmp_path / name)) for word in words]
            parse(words)


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"xivo-exporter {__version__}\n"


def test_all_errors_are_told_at_once_on_stderr_with_status_2(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "config.toml"
    file.write_text(f'details = ["phones"]\nbus_passwort = "{SECRET}"\n')
    monkeypatch.setenv("XIVO_EXPORTER_LISTEN", "nowhere")
    status = main(
        ["run", "--config", f"{file}", "--bus-url", f"amqp//u:{SECRET}@h", "--max-series", "-1"]
    )
    told = capsys.readouterr()
    assert status == WRONG_SETTINGS
    assert told.out == ""
    assert SECRET not in told.err
    assert "Traceback" not in told.err
    lines = told.err.splitlines()
    assert all(line.startswith("xivo-exporter: ") for line in lines)
    for name in ("--bus-url", "--max-series", "LISTEN", "--details", "passwort"):
        assert sum(name in line for line in lines) == 1, name


def test_flags_win_over_the_environment_and_that_over_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "config.toml"
    file.write_text('exchange = "file"\ninstance = "file"\nbus_name = "file"\nbind_all = true\n')
    monkeypatch.setenv("XIVO_EXPORTER_EXCHANGE", "environment")
    monkeypatch.setenv("XIVO_EXPORTER_INSTANCE", "environment")
    settings = _settings("--config", f"{file}", "--exchange", "flag", "--no-bind-all")
    assert (settings.buses[0].exchange, settings.instance, settings.buses[0].name) == (
        "flag",
        "environment",
        "file",
    )
    assert not settings.buses[0].bind_all


def test_the_file_can_be_named_in_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "config.toml"
    file.write_text('exchange = "file"\n')
    monkeypatch.setenv("XIVO_EXPORTER_CONFIG", f"{file}")
    assert _settings().buses[0].exchange == "file"


def test_a_table_in_the_file_is_an_error_and_not_a_crash(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "config.toml"
    file.write_text('[bus]\nurl = "amqp://h"\n[exchange]\nname = "xivo"\n')
    assert main(["run", "--config", f"{file}"]) == WRONG_SETTINGS
    assert len(capsys.readouterr().err.splitlines()) == 2


def test_a_pipe_is_read_at_the_start_and_refused_at_a_reload(tmp_path: Path) -> None:
    # As a shell makes it of <(...): without a writer, a reload would wait for ever.
    pipe = tmp_path / "config.toml"
    os.mkfifo(pipe)
    arguments = ["run", "--config", f"{pipe}"]
    with pytest.raises(SettingsError, match="again: it is no regular file"):
        parse(arguments, is_reload=True)
    writer = threading.Thread(target=pipe.write_text, args=('exchange = "pipe"\n',))
    writer.start()
    assert _settings("--config", f"{pipe}").buses[0].exchange == "pipe"
    writer.join(60)


def test_flags_reach_their_settings() -> None:
    settings = _settings(
        *("--bus-url", "amqp://u:p@h/v", "--details", "agents,endpoints", "--max-series", "5"),
        *("--listen", ":1", "--bind-all", "--inbox-expires", "2", "--log-format", "json"),
    )
    assert settings.buses[0].url[0].vhost == "v"
    assert settings.details == {"agents", "endpoints"}
    assert settings.max_series == 5
    assert settings.listen[1] == 1
    assert settings.buses[0].bind_all
    assert settings.inbox_expires == 2
    assert settings.log_format == "json"


def test_statuses_are_those_of_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    text = " ".join(_help(capsys, "run").split())
    assert f"{WRONG_SETTINGS} if a setting is wrong" in text
    assert f"{FAILED} if the exporter cannot serve" in text
