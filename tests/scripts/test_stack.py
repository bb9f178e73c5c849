"""The local stack: its configurations are good, and it says what it lacks."""

import http.client
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from scripts import stack_config, webhook
from scripts.stack_config import Addresses, Files
from tests.support import REPOSITORY, amtool, missing, promtool

ADDRESSES = Addresses("127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3", "127.0.0.1:4")
STACK = (sys.executable, "-m", "scripts.stack")


@pytest.fixture(params=[False, True], ids=["as they are", "in a hurry"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> Files:
    return stack_config.write(tmp_path, ADDRESSES, hurry=request.param)


@pytest.mark.promtool
def test_prometheus_accepts_what_is_written_for_it(files: Files) -> None:
    tool = promtool() or missing("promtool", "apt-get install prometheus")
    done = subprocess.run(
        [tool, "check", "config", files.prometheus], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    # As many files of rules as there are.
    assert done.stdout.count("rules found") == len(list(stack_config.RULES.glob("*.yaml")))


@pytest.mark.alertmanager
def test_alertmanager_accepts_what_is_written_for_it(files: Files) -> None:
    tool = amtool() or missing("amtool", "apt-get install prometheus-alertmanager")
    subprocess.run([tool, "check-config", files.alertmanager], check=True, capture_output=True)


def test_everything_is_told_where_the_rest_listens(files: Files) -> None:
    config = yaml.safe_load(files.prometheus.read_text())
    (scrape,) = config["scrape_configs"]
    assert scrape["static_configs"] == [{"targets": [ADDRESSES.exporter]}]
    (alertmanager,) = config["alerting"]["alertmanagers"]
    assert alertmanager["static_configs"] == [{"targets": [ADDRESSES.alertmanager]}]
    (receiver,) = yaml.safe_load(files.alertmanager.read_text())["receivers"]
    assert receiver["webhook_configs"] == [{"url": f"http://{ADDRESSES.webhook}/"}]


@pytest.mark.parametrize(("stem", "keys"), [("services", {"for"}), ("queues", {"for", "interval"})])
def test_only_the_minutes_of_for_and_interval_become_seconds(
    stem: str, keys: set[str], tmp_path: Path
) -> None:
    stack_config.write(tmp_path, ADDRESSES, hurry=True)
    before, after = (
        (folder / f"{stem}.yaml").read_text().splitlines()
        for folder in (stack_config.RULES, tmp_path / "alerts")
    )
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert {old.strip().partition(":")[0] for old, _ in changed} == keys
    assert all(new == old.removesuffix("m") + "s" for old, new in changed)


def test_without_prometheus_it_says_what_to_install(tmp_path: Path) -> None:
    done = subprocess.run(
        STACK,
        cwd=REPOSITORY,
        env={**os.environ, "PATH": f"{tmp_path}"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.endswith("install --no-install-recommends prometheus prometheus-alertmanager")


# The printer


@pytest.fixture
def printer() -> Iterator[http.client.HTTPConnection]:
    with webhook.listen(0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=10)
        yield connection
        connection.close()
        server.shutdown()
        thread.join()


def test_the_printer_writes_one_line_for_each_alert(
    printer: http.client.HTTPConnection, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = {"alertname": "A", "severity": "warning", "queue": "a\nb"}
    alerts = [
        {"status": "firing", "labels": labels, "annotations": {"summary": "It is so"}},
        {"status": "resolved", "labels": {"alertname": "B"}, "annotations": {}},
    ]
    printer.request("POST", "/", json.dumps({"alerts": alerts}))
    assert printer.getresponse().status == 200
    assert capsys.readouterr().out.splitlines() == [
        "firing A queue=a?b severity=warning: It is so",
        "resolved B: ",
    ]
