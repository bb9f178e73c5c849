"""The command `replay`: what it prints, and what it says of a wrong file."""

from __future__ import annotations

import contextlib
import gzip
import os
import pty
import re
import subprocess
import sys
import threading
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import NoReturn

import pytest
import yaml
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as parse_openmetrics,
)
from prometheus_client.parser import text_string_to_metric_families as parse_text

from dataflows.subsystems import METRICS
from exporter.__main__ import FAILED, WRONG_SETTINGS, main
from exporter.commands.command_line import parse
from exporter.recording.player import Player
from exporter.settings import Replay
from tests.program import OPENMETRICS, PROGRAM, Exporter
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
        (
            [],
            (
                "--recording (XIVO_EXPORTER_RECORDING): is missing; "
                "write a file: xivo-exporter replay FILE"
            ),
        ),
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


def test_openmetrics_is_printed_as_it_is_served(capfd: pytest.CaptureFixture[str]) -> None:
    text = printed(capfd, SCENARIO)
    openmetrics = printed(capfd, SCENARIO, "--format", "openmetrics")
    assert openmetrics.endswith("\n# EOF\n")
    # The suffix of a counter belongs to the sample, and not to the family.
    assert samples(parse_openmetrics(openmetrics)) == samples(parse_text(text))


def samples(families: Iterable[Metric]) -> set[tuple[str, frozenset[tuple[str, str]], float]]:
    return {
        (sample.name, frozenset(sample.labels.items()), sample.value)
        for family in families
        for sample in family.samples
    }


def test_what_would_be_printed_is_served(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    arguments = ("replay", SCENARIO, "--serve", "--listen", "127.0.0.1:0")
    with Exporter(tmp_path, *arguments, program=PROGRAM) as exporter:
        assert exporter.get("/metrics").text == printed(capfd, SCENARIO)
        accept = {"Accept": OPENMETRICS}
        served = exporter.get("/metrics", headers=accept).text
        assert served == printed(capfd, SCENARIO, "--format", "openmetrics")
        assert exporter.get("/-/ready").status == 200
        # A queue of the recording.
        assert "grp-acme-1" in exporter.get("/").text
        assert exporter.terminate() == 0


def test_a_port_in_use_is_told_before_the_recording_is_played(
    capsys: pytest.CaptureFixture[str], port_in_use: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Player, "play", None)
    assert main(["replay", SCENARIO, "--serve", "--listen", port_in_use]) == FAILED
    assert "--listen" in capsys.readouterr().err


@pytest.fixture(scope="module")
def some_messages() -> bytes:
    with gzip.open(CALL_CENTRE) as recording:
        return b"".join(islice(recording, 6000))


def test_a_bar_on_a_terminal_shows_how_much_of_the_file_is_played(
    some_messages: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "some.jsonl"
    path.write_bytes(some_messages)
    shown = on_a_terminal("replay", str(path))
    shares = [int(share) for share in re.findall(rb"(\d+) %", shown)]
    assert shares == sorted(shares)
    assert len({*shares}) > 1
    assert shown.endswith(b"\x1b[K")


def test_of_the_standard_input_only_the_messages_are_counted(some_messages: bytes) -> None:
    shown = on_a_terminal("replay", "-", stdin=some_messages)
    assert b"%" not in shown
    assert re.search(rb"\d,\d{3} messages", shown)


def on_a_terminal(*arguments: str, stdin: bytes = b"") -> bytes:
    """Run a command whose stderr is a terminal; return what it shows there."""
    terminal, stderr = pty.openpty()
    shown = bytearray()

    def watch() -> None:
        # The end of a terminal is an error.
        with contextlib.suppress(OSError):
            while piece := os.read(terminal, 4096):
                shown.extend(piece)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        subprocess.run(
            [*PROGRAM, *arguments],
            input=stdin,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            env={**os.environ, "TERM": "xterm"},
            cwd=REPOSITORY,
            check=True,
        )
    finally:
        os.close(stderr)
        watcher.join()
        os.close(terminal)
    return bytes(shown)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            ["--every", "0s"],
            "--every (XIVO_EXPORTER_EVERY): must be a length of time from 1s to 1h, such as 15s",
        ),
        (["--rules", "/no/*.yaml"], "--rules (XIVO_EXPORTER_RULES): there is no file /no/*.yaml"),
        (
            ["--format", "json"],
            "--format (XIVO_EXPORTER_FORMAT): must be text, openmetrics or promtool, not 'json'",
        ),
    ],
)
def test_what_is_wrong_with_the_format_is_told(
    capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    assert main(["replay", SCENARIO, *arguments]) == WRONG_SETTINGS
    assert capsys.readouterr().err == f"xivo-exporter: {says}\n"


def test_series_for_promtool_name_the_rules_and_only_their_metrics(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for name, metric in (("a", "xivo_queue_members"), ("b", "xivo_bus_events_total")):
        (tmp_path / f"{name}.yaml").write_text(f"expr: {metric} > 1")
    pattern = str(tmp_path / "*.yaml")
    settings = ("--format", "promtool", "--every", "5s", "--rules", pattern)
    test = yaml.safe_load(printed(capfd, SCENARIO, *settings))
    assert test["rule_files"] == [pattern]
    assert test["evaluation_interval"] == test["tests"][0]["interval"] == "5s"
    names = {each["series"].partition("{")[0] for each in test["tests"][0]["input_series"]}
    assert names == {"xivo_queue_members", "xivo_bus_events_total"}
