"""What a user reads when the program cannot start, or starts with a warning."""

import pytest

from exporter.__main__ import FAILED, main

SECRET = "s3cr3t-p4ss"

pytestmark = pytest.mark.usefixtures("no_settings_of_the_developer", "restored_logging")


@pytest.mark.parametrize("command", ["run", "demo"])
def test_each_is_a_warning_of_the_log_and_does_not_stop_the_start(
    command: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    port_in_use: str,
) -> None:
    monkeypatch.setenv("XIVO_EXPORTER_BUS_URI", f"amqp://u:{SECRET}@h")
    monkeypatch.setenv("XIVO_EXPORTER_\x1b[2J\n" + "x" * 1000, SECRET)
    monkeypatch.setenv("XIVO_EXPORTER_AGENTS", "5")
    # The start gets as far as to listen.
    assert main([command, "--listen", port_in_use]) == FAILED
    told = capsys.readouterr().err
    assert SECRET not in told
    strange, similar = [line for line in told.splitlines() if "level=warning" in line]
    assert 'msg="unknown environment variable"' in similar
    assert "variable=XIVO_EXPORTER_BUS_URI" in similar
    assert "did_you_mean=XIVO_EXPORTER_BUS_URL" in similar
    assert "did_you_mean" not in strange
    assert len(strange) < 200
    assert "\x1b" not in strange


def test_thousands_of_them_do_not_fill_the_log(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, port_in_use: str
) -> None:
    for number in range(1000):
        monkeypatch.setenv(f"XIVO_EXPORTER_X{number}", SECRET)
    assert main(["demo", "--listen", port_in_use]) == FAILED
    lines = [line for line in capsys.readouterr().err.splitlines() if "level=warning" in line]
    assert len(lines) == 21
    assert "more=980" in lines[-1]
