"""From the bus to a person: RabbitMQ, the exporter, Prometheus, Alertmanager, a webhook."""

import json
import os
import re
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol
from urllib.request import urlopen

import amqp
import pytest

from tests.integration.bus import ORIGIN, event
from tests.servers import Body, Broker
from tests.support import REPOSITORY, ProcessGroup, eventually, listens, missing

pytestmark = [pytest.mark.promtool, pytest.mark.alertmanager]

SERVICES = [
    *("xivo-agentd", "xivo-amid", "xivo-auth", "xivo-confd"),
    *("xivo-ctid", "xivo-ctid-ng", "xivo-dird", "xivo-provd"),
]


class Stack:
    """`make stack` in a hurry: what it prints is what arrives at the webhook."""

    def __init__(self, directory: Path, *arguments: str) -> None:
        self._output = directory / "output"
        self._group = ProcessGroup(REPOSITORY)
        ours = {k: v for k, v in os.environ.items() if not k.startswith("XIVO_EXPORTER_")}
        self._process = self._group.spawn(
            [sys.executable, "-m", "scripts.stack", "--hurry", *arguments],
            env={**ours, "TMPDIR": f"{directory}"},
            stdout=self._output,
        )
        eventually(lambda: "Ctrl-C" in self.output(), timeout=120, what=self.output)
        self.ports = [int(port) for port in re.findall(r"http://127.0.0.1:(\d+)", self.output())]

    def output(self) -> str:
        """Return all that it has printed."""
        return self._output.read_text()

    def alerts(self) -> list[str]:
        """Return the alerts about services that arrived: status and name, in their order."""
        # In office hours there may be others, because in a hurry ten minutes are ten seconds.
        return re.findall(r"^(\w+ XivoService\w+) ", self.output(), re.MULTILINE)

    def prints(self, what: str) -> float:
        """Wait until it prints something, and return when that was seen."""
        eventually(lambda: what in self.output(), timeout=120, what=lambda: what + self.output())
        return time.monotonic()

    def ask(self, what: str) -> Any:  # noqa: ANN401 -- JSON
        """Ask Prometheus."""
        with urlopen(f"http://127.0.0.1:{self.ports[1]}/api/v1/{what}", timeout=60) as answer:
            return json.load(answer)["data"]

    def rules(self) -> list[dict[str, Any]]:
        """Return how it stands with each rule."""
        return [rule for group in self.ask("rules")["groups"] for rule in group["rules"]]

    def interrupt(self) -> int:
        """Press Ctrl-C and return the exit status."""
        self._process.send_signal(signal.SIGINT)
        return self._process.wait(timeout=120)

    def close(self) -> None:
        """Kill all of it."""
        self._group.close()


class RunStack(Protocol):
    """Runs the stack; it is killed when the test ends."""

    def __call__(self, *arguments: str) -> Stack:
        """Start it with these arguments of the exporter, and wait until all of it answers."""
        ...


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[RunStack]:
    """A function that runs the stack, once."""
    for program in ("prometheus", "prometheus-alertmanager"):
        if shutil.which(program) is None:
            missing(program, f"apt-get install {program}")
    running: list[Stack] = []

    def run(*arguments: str) -> Stack:
        running.append(Stack(tmp_path, *arguments))
        return running[-1]

    yield run
    for each in running:
        each.close()


@pytest.fixture
def reading(broker: Broker, stack: RunStack) -> Stack:
    """The stack, as it reads the bus of a server."""
    broker.declare_exchange("xivo")
    running = stack("--bus-url", broker.url())
    eventually(
        lambda: broker.depth("xivo-exporter.stack.default").consumers,
        ignoring=(amqp.NotFound,),
        what="the exporter reads its inbox",
    )
    eventually(
        lambda: running.ask("alertmanagers")["activeAlertmanagers"],
        what="Prometheus has found Alertmanager",
    )
    return running


def gone(service: str) -> tuple[str, Body]:
    data = {"service_name": service, "service_id": "1", "tags": []}
    return f"service.deregistered.{service}", event("service_deregistered_event", data)


def back(service: str) -> tuple[str, Body]:
    data = {"service_name": service, "service_id": "2", "address": "192.0.2.1", "port": 9495}
    return f"service.registered.{service}", event("service_registered_event", data)


def test_a_first_deregistration_becomes_an_alert_that_a_registration_resolves(
    broker: Broker, reading: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    alert = f"XivoServiceDown origin_uuid={ORIGIN} service_name=xivo-ctid severity=critical: xivo"
    begin = time.monotonic()
    broker.publish("xivo", *gone("xivo-ctid"))
    fired = reading.prints(f"firing {alert}") - begin
    begin = time.monotonic()
    broker.publish("xivo", *back("xivo-ctid"))
    resolved = reading.prints(f"resolved {alert}") - begin
    with capsys.disabled():
        sys.stdout.write(f"\nevent to firing {fired:.1f} s, of which `for` is 2 s; ")
        sys.stdout.write(f"event to resolved {resolved:.1f} s\n")
    assert reading.alerts() == ["firing XivoServiceDown", "resolved XivoServiceDown"]
    assert reading.interrupt() == 0
    assert not any(map(listens, reading.ports))


def test_a_server_that_is_stopped_and_started_is_one_alert(broker: Broker, reading: Stack) -> None:
    broker.publish_all("xivo", map(gone, SERVICES))
    reading.prints("firing XivoServicesStopped")
    broker.publish_all("xivo", map(back, SERVICES))
    reading.prints("resolved XivoServicesStopped")
    assert reading.alerts() == ["firing XivoServicesStopped", "resolved XivoServicesStopped"]


def test_prometheus_evaluates_every_rule_on_the_demo(stack: RunStack) -> None:
    running = stack("--speed", "100")
    eventually(
        lambda: {rule["health"] for rule in running.rules()} == {"ok"},
        what=lambda: f"{[rule for rule in running.rules() if rule['health'] != 'ok']}",
    )
