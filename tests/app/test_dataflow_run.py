"""Runs of the dataflow: the next one begins with all that the one before knew."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from dataflows.envelope import Delivery
from dataflows.items import Duplicates, GapNoticed
from dataflows.snapshot import Snapshot
from exporter.app.dataflow_run import DataflowRun, Process
from exporter.clock import StartTime, wall_clock
from exporter.consumer import Bus, configured_buses
from exporter.engine.resumed import Resumed
from exporter.engine.runtime import ALONE
from exporter.engine.source import HandedOver
from exporter.exposition.reloads import Reloads
from exporter.settings import Settings, load
from exporter.snapshots.source_loop import DEFAULT_PACE
from tests.support import eventually

ORIGIN = "ca7f87e9-c2c8-5fad-ba1b-c3140ebb9be3"
NOBODY = "amqp://127.0.0.1:1"
"""A bus at which no broker listens: what arrives is put into the buffer."""


def _loaded(chosen: Mapping[str, Any]) -> tuple[Settings, list[Bus]]:
    settings = load(Settings, {}, {"instance": "i", "bus_url": NOBODY, **chosen}, "a.toml")
    return settings, configured_buses(settings)


class Rig:
    """The runs of one process."""

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401 -- of any setting
        self.process = Process(
            ALONE,
            DEFAULT_PACE,
            threading.Event(),
            StartTime(),
            lambda: None,
            lambda: None,
            Reloads(),
        )
        self.exchanges: list[str] = []
        self.run = DataflowRun(*_loaded(settings), self.process)

    def play(self, act: Callable[[], object]) -> None:
        """Run the dataflow while another thread acts; then it hands over."""

        def meanwhile() -> None:
            try:
                act()
            finally:
                self.run.hand_over()

        acting = threading.Thread(target=meanwhile)
        acting.start()
        assert self.run.run()
        acting.join(60)

    def follow(self, **chosen: Any) -> None:  # noqa: ANN401 -- of any setting
        """Let a run with these settings follow."""
        settings, buses = _loaded(chosen)
        left = self.run.end(buses)
        self.exchanges = [each.exchange for each in left if isinstance(each, Resumed)]
        handed_over = HandedOver(
            [each for each in left if isinstance(each, Snapshot)],
            {each.bus: each for each in left if isinstance(each, Resumed)},
        )
        self.run = DataflowRun(
            settings, buses, self.process, readers=self.run.readers, handed_over=handed_over
        )

    def chat(self, number: int) -> None:
        """Receive a chat message, and wait until the dataflow has it."""
        data = {"alias": "A", "msg": "m", "to": [ORIGIN, 1], "from": [ORIGIN, 2]}
        body = {"name": "chat_message_event", "origin_uuid": ORIGIN, "data": data}
        delivery = Delivery("default", json.dumps(body).encode(), wall_clock(), None, None)
        buffer = self.run.readers[0].buffer
        buffer.put([(number, delivery)])
        eventually(lambda: buffer.taken == number, what=f"message {number} is taken")

    def chats(self) -> object:
        series = self.run.store.view().series["xivo_chat_messages_total"]
        return dict(series.items()).get((ORIGIN,))


@pytest.fixture
def rig() -> Iterator[Rig]:
    rig = Rig()
    yield rig
    rig.run.end()


def test_a_second_change_before_the_next_run_loses_no_state(rig: Rig) -> None:
    rig.play(lambda: rig.chat(1))
    # It comes while the states of the run that has ended are still to be fetched.
    rig.run.hand_over()
    rig.follow(max_series=7)
    rig.play(lambda: rig.chat(2))
    assert rig.chats() == 2


def test_an_exchange_is_left_even_if_another_change_comes_before_the_connection(rig: Rig) -> None:
    status = rig.run.readers[0].bus.status
    status.connects, status.since = 1, wall_clock()
    rig.play(lambda: rig.chat(1))
    rig.follow(exchange="second")
    assert rig.exchanges == ["xivo"]
    rig.play(lambda: None)
    rig.follow(exchange="third")
    # The inbox is still bound to the first one only.
    assert rig.exchanges == ["xivo"]


def test_a_standby_since_a_reload_knows_when_this_process_last_read_the_bus(rig: Rig) -> None:
    read_at = rig.run.readers[0].bus.status.last_read_at = time.monotonic()
    rig.play(lambda: rig.chat(1))
    rig.follow(bind_all=True)
    # So it shows what it knew for a while, as after a broken connection.
    assert rig.run.readers[0].bus.status.last_read_at == read_at


def test_a_gap_that_no_state_was_told_of_is_told_in_the_next_run(rig: Rig) -> None:
    rig.play(lambda: rig.chat(1))
    # The old consumer connects once more before it is stopped.
    gap = GapNoticed("default", wall_clock())
    rig.run.readers[0].buffer.put([(1, gap), (2, Duplicates("default", 1, wall_clock()))])
    rig.follow(bind_all=True)
    assert rig.run.readers[0].buffer.take(9) == [gap]
