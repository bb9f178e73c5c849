"""The stack in containers: the exporter with its settings, and a broker with its definitions."""

from __future__ import annotations

from pathlib import Path
from tempfile import NamedTemporaryFile

import yaml

from tests.integration.bus import Wire, chat, connected, count_of, processed, publish
from tests.integration.conftest import RunExporter
from tests.servers import Broker
from tests.support import REPOSITORY

EXPORTER = yaml.safe_load((REPOSITORY / "compose.yaml").read_text())["services"]["exporter"]
DEFINITIONS = (REPOSITORY / "stack" / "definitions.json").read_text()


def test_the_exporter_connects_to_a_broker_with_these_definitions(
    broker: Broker, exporter: RunExporter
) -> None:
    # In a place that the broker's user can read.
    with NamedTemporaryFile("w", suffix=".json") as file:
        file.write(DEFINITIONS)
        file.flush()
        Path(file.name).chmod(0o644)
        broker.ctl("import_definitions", file.name)
    url = EXPORTER["environment"]["XIVO_EXPORTER_BUS_URL"]
    host = broker.url().rpartition("@")[2]
    program = connected(exporter(url.replace("rabbitmq", host)))
    publish(broker, "xivo", [Wire(chat())])
    assert count_of(processed(program, 1), "xivo_chat_messages_total") == 1
