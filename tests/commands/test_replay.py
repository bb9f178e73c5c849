"""The command `replay`: what it prints, and what it says of a wrong file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest

from dataflows.subsystems import METRICS
from exporter.__main__ import FAILED, WRONG_SETTINGS, main
from exporter.commands.command_line import parse
from exporter.recording.player import Player
from exporter.settings import Replay
from tests.program import PROGRAM
from tests.support import REPOSITORY

RECORDINGS = REPOSITORY / "tests" / "recordings"
CALL_CENTRE = str(RECORDINGS / "call_centre.jsonl.gz")
SCENARIO = str(RECORDINGS / "scenarios" / "group_call.jsonl.gz")

pytestmark = pytest.mark.usefixtures("no_settings_of_the_developer", "restored_logging")


def printed(capfd: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["replay", *arguments]) == 0
    told = capfd.readouterr()
    assert told.err == ""
    return told.out


def test_the_series_of_the_telephony_are_printed_and_none_of_the_process(
    capfd: pytest.CaptureFixture[str],
) -> None:
    told = printed(capfd, CALL_CENTRE)
    names = {line.split()[2] for line in told.splitlines() if line.startswith("# TYPE ")}
    assert names <= {spec.name for spec in METRICS}
    assert 'xivo_exporter_deliveries_total{bus="default"} 19818.0\n' in told
    assert 'xivo_queue_members{membership="static",origin_uuid=' in told


def test_the_same_file_gives_the_same_bytes_on_every_machine() -> None:
    texts = set()
    for zone, seed in (("Asia/Tokyo", "1"), ("America/New_York", "2")):
        env = {**os.environ, "TZ": zone, "PYTHONHASHSEED": seed}
        command = [*PROGRAM, "replay", CALL_CENTRE, "--windows", "5s,1m", "--details", "agents"]
        done = subprocess.run(command, env=env, cwd=REPOSITORY, check=True, stdout=subprocess.PIPE)
        texts.add(done.stdout)
    [told] = texts
    assert len(told) > 10_000


def test_settings_of_the_dataflow_are_used(capfd: pytest.CaptureFixture[str]) -> None:
    told = printed(capfd, SCENARIO, "--windows", "7s")
    assert 'window="7s"' in told
    assert 'window="1m"' not in told


def test_subsystems_can_be_left_out(capfd: pytest.CaptureFixture[str]) -> None:
    every = printed(capfd, CALL_CENTRE)
    few = printed(capfd, CALL_CENTRE, "--subsystems", "queues")
    members = [line for line in every.splitlines() if "xivo_queue_members_" in line]
    members = [line for line in members if "_in_call" not in line]
    assert len(members) > 20
    assert [line for line in few.splitlines() if "xivo_queue_members_" in line] == members
    assert 'subsystem="queues"' in few
    for left_out in (
        "xivo_queue_calls_total",
        "xivo_queue_wait_seconds",
        'subsystem="queue_calls"',
    ):
        assert left_out in every
        assert left_out not in few


def test_a_zone_that_contradicts_the_time_stamps_is_used(capfd: pytest.CaptureFixture[str]) -> None:
    clamped = 'xivo_exporter_clamped_timestamps_total{bus="default"} '
    assert f"{clamped}0.0\n" in printed(capfd, SCENARIO, "--bus-timezone", "UTC")
    assert f"{clamped}0.0\n" not in printed(capfd, SCENARIO, "--bus-timezone", "America/New_York")


def test_the_file_may_stand_anywhere_and_be_named_by_its_setting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for arguments in (
        [SCENARIO, "--windows", "1m"],
        ["--windows", "1m", SCENARIO],
        ["--windows=1m", "--recording", SCENARIO],
    ):
        settings = parse(["replay", *arguments])
        assert isinstance(settings, Replay)
        assert str(settings.recording) == SCENARIO
    monkeypatch.setenv("XIVO_EXPORTER_RECORDING", SCENARIO)
    assert isinstance(parse(["replay"]), Replay)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "--recording (XIVO_EXPORTER_RECORDING): is missing"),
        (["/"], "--recording (XIVO_EXPORTER_RECORDING): cannot read /: Is a directory"),
        ([SCENARIO, SCENARIO], "there is a value without a flag; flags begin with --"),
        ([SCENARIO, "--speed", "0"], "--speed (XIVO_EXPORTER_SPEED): must be more than 0, not 0"),
        ([SCENARIO, "--bus-url", "amqp://h"], "--bus-url: this is a flag of the command run"),
    ],
)
def test_what_is_wrong_is_told_before_anything_is_played(
    capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    assert main(["replay", *arguments]) == WRONG_SETTINGS
    assert capsys.readouterr() == ("", f"xivo-exporter: {says}\n")


def test_what_follows_an_unknown_flag_is_not_taken_for_the_file(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["replay", "--bus-password", "s3cr3t", SCENARIO]) == WRONG_SETTINGS
    assert "s3cr3t" not in capsys.readouterr().err


def test_a_wrong_line_is_told_with_its_number_and_nothing_is_printed(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text('{"time": 1, "body": {}}\n{"time": 2}\n')
    assert main(["replay", str(path)]) == FAILED
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith(f"xivo-exporter: {path}, line 2: not a message of a recording: ")


def test_a_recording_without_messages_is_a_warning(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "r.jsonl"
    path.touch()
    assert main(["replay", str(path)]) == 0
    told = capfd.readouterr()
    assert told.out == ""
    assert 'level=warning msg="the recording has no messages"' in told.err


def test_a_reader_that_wants_no_more_is_no_error() -> None:
    command = f"{sys.executable} -m exporter replay - | true"
    with Path(CALL_CENTRE).open("rb") as recording:
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            stdin=recording,
            stderr=subprocess.PIPE,
            cwd=REPOSITORY,
            check=True,
        )
    assert done.stderr == b""


def test_ctrl_c_ends_it_without_a_trace(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(Player, "play", interrupted)
    assert main(["replay", SCENARIO]) == FAILED
    assert capsys.readouterr() == ("", "")


def test_a_port_in_use_is_told_if_the_recording_is_served(
    capsys: pytest.CaptureFixture[str], port_in_use: str
) -> None:
    assert main(["replay", SCENARIO, "--speed", "1", "--listen", port_in_use]) == FAILED
    assert "--listen" in capsys.readouterr().err
