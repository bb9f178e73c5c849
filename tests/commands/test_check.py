"""The command line of `check`: its own settings, those of `run`, and its exit status."""

import json

import pytest

from exporter.__main__ import main
from exporter.commands.command_line import parse
from exporter.settings import Check, Settings, SettingsError, settings_of
from tests.support import free_port

pytestmark = pytest.mark.usefixtures("no_settings_of_the_developer", "restored_logging")


def checked(*arguments: str) -> Check:
    settings = parse(["check", *arguments])
    assert isinstance(settings, Check)
    return settings


def test_it_has_all_settings_of_run_and_two_of_its_own() -> None:
    assert settings_of(Check).keys() - settings_of(Settings).keys() == {"wait", "json"}
    assert settings_of(Settings).keys() <= settings_of(Check).keys()


def test_its_own_settings_are_read_from_flags_and_variables(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = checked()
    assert (settings.wait.seconds, settings.as_json) == (30, False)
    settings = checked("--wait", "0s", "--json", "--instance", "i")
    assert (settings.wait.seconds, settings.as_json, settings.instance) == (0, True, "i")
    monkeypatch.setenv("XIVO_EXPORTER_WAIT", "5m")
    monkeypatch.setenv("XIVO_EXPORTER_JSON", "yes")
    settings = checked("--no-json")
    assert (settings.wait.seconds, settings.as_json) == (300, False)


@pytest.mark.parametrize("wait", ["", "0", "30", "2h", "1d", "-1s", "1x", "s", "²s"])
def test_a_wrong_wait_is_named(wait: str) -> None:
    with pytest.raises(SettingsError) as caught:
        checked("--wait", wait)
    assert "--wait (XIVO_EXPORTER_WAIT): must be a length of time from 0s to 1h" in str(
        caught.value
    )


def test_run_does_not_have_them() -> None:
    with pytest.raises(SettingsError) as caught:
        parse(["run", "--json"])
    assert "--json: this is a flag of the command check" in str(caught.value)


def test_wrong_settings_are_2_and_a_document_only_if_it_is_asked_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["check", "--wait", "x"]) == 2
    assert capsys.readouterr().out == ""
    monkeypatch.setenv("XIVO_EXPORTER_JSON", "true")
    assert main(["check", "--wait", "x"]) == 2
    shown = capsys.readouterr()
    [finding] = json.loads(shown.out)["findings"]
    assert finding["result"] == "failed"
    assert shown.err == f"xivo-exporter: {finding['detail']}\n"
    assert main(["run", "--inbox-expires", "x"]) == 2
    assert capsys.readouterr().out == ""


def test_a_failure_is_1_and_the_table_is_plain_in_a_pipe(
    capsys: pytest.CaptureFixture[str],
) -> None:
    url = f"amqp://u:s3cr3t-p4ss@127.0.0.1:{free_port()}"
    assert main(["check", "--bus-url", url, "--listen", "127.0.0.1:0"]) == 1
    shown = capsys.readouterr()
    assert "FAILED     TCP" in shown.out
    assert "-> check that the server runs" in shown.out
    assert "\x1b" not in shown.out
    assert "s3cr3t-p4ss" not in shown.out + shown.err
    assert shown.err == ""
