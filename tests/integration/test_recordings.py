"""A recording of a real Asterisk goes through a broker and the real program."""

from __future__ import annotations

from pathlib import Path

from dataflows.options import Options
from exporter.clock import wall_clock
from exporter.recording.format import read
from exporter.recording.player import Player
from exporter.recording.stamps import Shift
from tests.integration.bus import Wire, connected, is_bound, processed, publish
from tests.integration.conftest import RunExporter
from tests.program import PROGRAM, Exporter
from tests.recordings.replay import (
    FOLDER,
    GAUGES,
    Gauges,
    Settings,
    gauges_of,
    messages,
    snapshots,
)
from tests.servers import Broker
from tests.support import eventually

REPLAY = (*PROGRAM, "replay", "--listen", "127.0.0.1:0")
AT_ITS_END = "the recording is at its end; its last state is still served"
LAST_DELIVERY = "xivo_exporter_last_delivery_timestamp_seconds"

LAST = "random at 721 s"
"""A snapshot in which a member is in wrap-up for 2.9 s more."""

LIVE_SECONDS = 3.0
"""Before the last snapshot, messages are published at their times."""

HEAD_START_SECONDS = 20
"""The time to publish all messages before, on a busy machine."""


def shown(program: Exporter) -> Gauges:
    """Return the gauges of queues that are not 0."""
    found: dict[tuple[str, ...], float] = {}
    for (metric, pairs), value in program.samples().items():
        if metric in GAUGES and value:
            labels = dict(pairs)
            last = [labels[each] for each in ("membership", "status") if each in labels]
            found[metric, labels["queue"], *last] = value
    return found


def test_every_gauge_of_queues_is_as_in_asterisk(broker: Broker, exporter: RunExporter) -> None:
    broker.declare_exchange("xivo")
    program = connected(exporter(broker.url()))
    recorded = [*messages("call_centre")]
    # All members are known ten seconds after the call centre has opened.
    wanted = [each for each in snapshots() if each.time > recorded[0].message.time + 10]
    last = [each.label for each in wanted].index(LAST)
    shift = Shift(wanted[last].time, wall_clock() + HEAD_START_SECONDS)
    settings = Settings()
    count = sent = 0
    for number, snapshot in enumerate(wanted[: last + 1]):
        batch: list[Wire] = []
        while recorded[sent].message.time <= snapshot.time:
            message = recorded[sent].message
            settings.follow(recorded[sent])
            count += is_bound(message.routing_key)
            sent += 1
            if number == last and message.time > snapshot.time - LIVE_SECONDS:
                publish(broker, "xivo", batch)
                batch = []
                _wait_until(shift.at(message.time))
            shifted = shift(message)
            wire = Wire(shifted.body, message.routing_key, shifted.headers, message.properties)
            batch.append(wire)
        publish(broker, "xivo", batch)
        processed(program, count)
        if number < last and number % 3:
            continue
        if number == last:
            _wait_until(shift.at(snapshot.time))
        now = wall_clock() - shift.at(0.0)
        members = snapshot.members
        assert shown(program) == gauges_of(members, settings, now), snapshot.label
    # In the last one, the wrap-up counts, and it ends without an event.
    in_wrap_up = gauges_of(wanted[last].members, settings, wanted[last].time)
    later = gauges_of(wanted[last].members, settings, wanted[last].time + 10)
    assert in_wrap_up != later
    eventually(lambda: shown(program) == later, timeout=10, what="the wrap-up ends")


def test_what_is_served_at_the_end_is_what_a_virtual_clock_shows(tmp_path: Path) -> None:
    recording = FOLDER / "scenarios" / "ringall_three_agents.jsonl.gz"
    player = Player(Options())
    player.play(read(recording), "default")
    wanted = {
        (metric, *labels[1:]): value
        for metric in GAUGES
        for labels, value in player.store.view().series[metric].items()
        if value
    }
    assert wanted
    arguments = (str(recording), "--speed", "20")
    with Exporter(tmp_path, *arguments, program=REPLAY) as program:
        eventually(lambda: program.logged(AT_ITS_END), what="all is published")
        eventually(lambda: shown(program) == wanted, what="the queues are as in the recording")
        now = wall_clock()
        times = [value for (name, _), value in program.samples().items() if name == LAST_DELIVERY]
        assert [now - 60 < time <= now for time in times] == [True]
        assert program.terminate() == 0


def test_a_wrong_line_ends_the_serving(tmp_path: Path) -> None:
    recording = tmp_path / "r.jsonl"
    recording.write_text('{"time": 1, "body": {}}\n{"time": 1}\n')
    with Exporter(tmp_path, str(recording), "--speed", "1", program=REPLAY) as program:
        assert program.wait() == 1
        assert f"xivo-exporter: {recording}, line 2: not a message" in program.log()


def _wait_until(at: float) -> None:
    left = max(0.0, at - wall_clock())
    eventually(lambda: wall_clock() >= at, timeout=left + 5, what="time passes", interval=0.01)
