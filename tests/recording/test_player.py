"""A recording is played by its own clock: the same messages give the same series."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from msgspec import Raw

from dataflows.lengths import parse_lengths
from dataflows.options import Options
from dataflows.subsystems import METRICS
from exporter.exposition.render import text
from exporter.recording.format import LATEST, Message
from exporter.recording.player import SETTLE_SECONDS, Player
from tests.corpus import ORIGIN

BUS = "default"
OPTIONS = Options(windows=parse_lengths("5s,1m"))
ARRIVED = datetime(2026, 7, 25, 15, 42, tzinfo=UTC).timestamp()


def login(time: float, agent_id: int = 1, stamp: str | None = None) -> Message:
    body = {
        "name": "agent_status_update",
        "origin_uuid": ORIGIN,
        "data": {"agent_id": agent_id, "status": "logged_in"},
    }
    if stamp is not None:
        body["timestamp"] = stamp
    return Message(time, Raw(json.dumps(body)))


def played(*messages: Message) -> Player:
    player = Player(OPTIONS)
    player.play(messages, BUS)
    return player


def value(player: Player, metric: str, *labels: str) -> object:
    return dict(player.store.view().series[metric].items()).get((ORIGIN, *labels))


def test_windows_close_by_the_clock_of_the_recording() -> None:
    player = Player(OPTIONS)

    def messages() -> Iterator[Message]:
        yield login(ARRIVED + 1)
        yield login(ARRIVED + 9.5, agent_id=2)
        # The window of 5 s that ended last is the one from 5 to 10 s.
        assert value(player, "xivo_agents_logged_in_max", "5s") == 1
        yield login(ARRIVED + 10.0, agent_id=3)
        assert value(player, "xivo_agents_logged_in_max", "5s") == 2

    player.play(messages(), BUS)


def test_the_clock_goes_on_a_little_after_the_last_message() -> None:
    assert played(login(ARRIVED)).now == ARRIVED + SETTLE_SECONDS


def test_without_a_message_there_is_neither_a_clock_nor_a_series() -> None:
    player = played()
    assert (player.now, text(METRICS, player.store.view())) == (0.0, "")


def test_the_clock_never_goes_back() -> None:
    player = played(login(ARRIVED), login(ARRIVED - 3600, agent_id=2))
    assert player.now == ARRIVED + SETTLE_SECONDS
    assert value(player, "xivo_agents", "logged_in") == 2


def test_a_silence_of_centuries_costs_no_more_than_one_of_a_day() -> None:
    player = Player(OPTIONS)
    calls = 0
    clock = player._stage.clock  # noqa: SLF001 -- how often states look at the clock

    def counted() -> float:
        nonlocal calls
        calls += 1
        return clock()

    player._stage.clock = counted  # noqa: SLF001 -- see above
    player.play([login(0.0), login(LATEST, agent_id=2)], BUS)
    assert value(player, "xivo_agents", "logged_in") == 2
    # A window of five seconds closes 17,280 times a day.
    assert 17_000 < calls < 40_000


@pytest.mark.parametrize("hours", [-9, 0, 5.75, 14])
def test_the_zone_is_that_of_the_first_time_stamp(hours: float) -> None:
    def stamp(at: float) -> str:
        local = datetime.fromtimestamp(at, UTC) + timedelta(hours=hours)
        return local.replace(tzinfo=None).isoformat()

    player = played(
        login(ARRIVED, stamp=stamp(ARRIVED - 0.02)),
        login(ARRIVED + 100, agent_id=2, stamp=stamp(ARRIVED + 40)),
    )
    assert value(player, "xivo_agents", "logged_in") == 2
    [clamped] = player.store.view().series["xivo_exporter_clamped_timestamps_total"].values
    assert clamped == 0
