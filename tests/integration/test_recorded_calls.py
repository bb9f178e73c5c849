"""Recorded calls go through a broker and the real program, and count as in Asterisk's log."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from random import Random

from dataflows.options import Options
from exporter.clock import wall_clock
from exporter.recording.player import Player
from exporter.recording.stamps import Shift
from tests.integration.bus import INBOX, Wire, connected, is_bound, own, processed, publish, send
from tests.integration.conftest import RunExporter
from tests.pipeline import series_of
from tests.program import Exporter
from tests.recordings.calls import (
    COMPARED,
    IN_CALL,
    REFUSED,
    WAITING,
    Numbers,
    arrived_by,
    missed_by,
    numbers,
    quiet_snapshots,
    refused,
    wanted,
)
from tests.recordings.replay import Recorded, messages
from tests.recordings.truth import CALL_CENTRE, Waiting, expected, totals, visits
from tests.servers import Broker
from tests.support import eventually

LAST = "random at 150 s"
"""The last snapshot; a caller waits, and members talk."""

BEFORE_SECONDS, AFTER_SECONDS = 14.0, 6.0
"""Around the last snapshot, messages are published at their times."""

KILLS = 4


def shown(program: Exporter, metrics: Iterable[str] = COMPARED) -> Numbers:
    """Return the numbers of calls that are not 0."""
    found: Numbers = {}
    for (metric, pairs), value in program.samples().items():
        if metric in metrics and value:
            labels = dict(pairs)
            last = [labels[each] for each in ("outcome", "by", "result") if each in labels]
            found[metric, labels["queue"], *last] = value
    return found


def true(until: float) -> Numbers:
    """Return the numbers at a time of the recording, Unix seconds."""
    known = arrived_by(until)
    return wanted(totals(known, missed_by(until)), known)


def gauges(at: Waiting) -> Numbers:
    """Return who waits at a snapshot by Asterisk's answer, and who talks by its log."""
    callers: Numbers = {(WAITING, queue): count for queue, count in at.callers.items()}
    return callers | {key: value for key, value in true(at.time).items() if key[0] == IN_CALL}


def published(recorded: Iterable[Recorded], shift: Shift) -> list[Wire]:
    wires = []
    for message, _, _ in recorded:
        shifted = shift(message)
        wires.append(Wire(shifted.body, message.routing_key, shifted.headers, message.properties))
    return wires


def reaches(program: Exporter, wanted: Numbers, metrics: Iterable[str] = COMPARED) -> None:
    """Wait until the program shows some numbers."""
    eventually(
        lambda: shown(program, metrics) == wanted,
        timeout=30,
        what=lambda: f"{wanted}, but it is {shown(program, metrics)}",
    )


def test_calls_are_counted_in_real_time_as_in_the_log(
    broker: Broker, exporter: RunExporter
) -> None:
    broker.declare_exchange("xivo")
    program = connected(exporter(broker.url()))
    recorded = [each for each in messages(CALL_CENTRE) if is_bound(each.message.routing_key)]
    labels = [each.label for each in quiet_snapshots()]
    *earlier, last = quiet_snapshots()[: labels.index(LAST) + 1]
    assert gauges(last)
    end = last.time + AFTER_SECONDS
    part = [each for each in recorded if each.message.time <= end]
    live = last.time - BEFORE_SECONDS
    # What was published before is in the past.
    shift = Shift(live, wall_clock() - 1)
    sent = 0
    for snapshot in earlier:
        until = sum(each.message.time <= snapshot.time for each in part)
        publish(broker, "xivo", published(part[sent:until], shift))
        sent = until
        processed(program, sent)
        assert shown(program, {WAITING, IN_CALL}) == gauges(snapshot), snapshot.label
    was_last = False
    with broker.channel() as channel:
        for number, each in enumerate(part[sent:], sent):
            if each.message.time > last.time and not was_last:
                processed(program, number)
                assert shown(program, {WAITING, IN_CALL}) == gauges(last)
                was_last = True
            if each.message.time > live:
                _wait_until(shift.at(each.message.time))
            for wire in published([each], shift):
                send(channel, wire)
    assert was_last
    processed(program, len(part))
    reaches(program, true(end))
    player = Player(Options())
    player.play((each.message for each in part), "default")
    assert numbers(series_of(player.store.view())) == true(end)


def test_calls_are_counted_as_in_the_log_if_it_is_killed_again_and_again(
    broker: Broker, exporter: RunExporter, tmp_path: Path
) -> None:
    broker.declare_exchange("xivo")
    state = ("--instance", "i", "--state-dir", str(tmp_path / "state"))
    program = connected(exporter(broker.url(), *state))
    recorded = [each for each in messages(CALL_CENTRE) if is_bound(each.message.routing_key)]
    wires = published(recorded, Shift(recorded[-1].message.time, wall_clock() - 1))
    chance = Random(11)  # noqa: S311 -- any moments will do
    cuts = sorted(chance.sample(range(500, len(wires) - 500), KILLS))
    done = 0
    for begin, end in zip([0, *cuts], [*cuts, len(wires)], strict=True):
        publish(broker, "xivo", wires[begin:end])
        if end == len(wires):
            break
        moment = begin + chance.random() * (end - begin)
        eventually(
            lambda moment=moment: own(program.samples(), "deliveries_total") >= moment,  # type: ignore[misc]  # mypy infers no default of a lambda
            interval=0.01,
            what="it is at work",
        )
        program.kill()
        done += 1
        connected(program.start())
    assert done == KILLS
    eventually(lambda: broker.queues()[INBOX]["messages"] == 1, timeout=30, what="all is read")
    logged = wanted(expected(CALL_CENTRE), visits(CALL_CENTRE))
    reaches(program, logged | refused(CALL_CENTRE), COMPARED | {REFUSED})
    samples = program.samples()
    assert own(samples, "bus_gaps_total") == 0
    assert own(samples, "deliveries_total") >= len(wires)


def _wait_until(at: float) -> None:
    left = max(0.0, at - wall_clock())
    eventually(lambda: wall_clock() >= at, timeout=left + 5, what="time passes", interval=0.01)
