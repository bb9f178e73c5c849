"""The state directory when the disk does not play along."""

import resource
from pathlib import Path

import pytest

from tests.integration.bus import (
    Wire,
    chat,
    connected,
    own,
    processed,
    publish,
    publish_chats,
)
from tests.integration.conftest import RunExporter
from tests.integration.recovery import assert_counted_once
from tests.servers import Broker

pytestmark = pytest.mark.usefixtures("with_exchange")


def test_a_disk_that_is_full_ends_it_with_one_clear_line_and_nothing_is_lost(
    broker: Broker, exporter: RunExporter, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    program = connected(exporter(broker.url(), "--instance", "i", "--state-dir", str(state)))
    publish_chats(broker, 0, 100)
    processed(program, 100)
    # As root, rights do not stop a process; this does, at the size that the files have.
    largest = max(each.stat().st_size for each in state.rglob("*") if each.is_file())
    resource.prlimit(program.pid, resource.RLIMIT_FSIZE, (largest, largest))
    published = 100
    while program.running:
        publish_chats(broker, published, published + 100)
        published += 100
        assert published < 100_000, "the disk was never full"
    assert program.wait() == 1
    [line] = program.logged("the dataflow failed")
    assert "the state directory cannot be written" in line["problem"]
    assert "Traceback" not in program.log()
    connected(program.start())
    assert_counted_once(broker, program, "i", published)


def test_a_store_that_is_damaged_is_refused_until_it_is_discarded(
    broker: Broker, exporter: RunExporter, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    program = connected(exporter(broker.url(), "--instance", "i", "--state-dir", str(state)))
    publish(broker, "xivo", [Wire(chat(0))])
    processed(program, 1)
    assert program.terminate() == 0
    store = state / "process-0" / "part-0.sqlite3"
    store.write_bytes(b"\xff" * 20_000)
    program.start(wait=False)
    assert program.wait() == 1
    assert f"the store {store} is damaged" in program.log()
    assert "--discard-state" in program.log()
    assert store.read_bytes() == b"\xff" * 20_000
    arguments = ("--instance", "i", "--state-dir", str(state), "--discard-state")
    anew = connected(exporter(broker.url(), *arguments))
    assert own(processed(anew, 1), "used_total") == 1, "the bookmark is new to a new beginning"
