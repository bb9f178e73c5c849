"""Each connection brings the exporter on, however short it is; rules of the broker make no gaps."""

from collections.abc import Iterator
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.consumer import intake
from exporter.consumer.intake import BRIEF_SECONDS
from tests.laws.simulated_broker import PREFETCH, World


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """Return a world whose time the intake uses."""
    world = World(Random(1))  # noqa: S311 -- no secret
    monkeypatch.setattr(intake, "time", world)
    return world


def _worlds(chance: Random) -> Iterator[World]:
    with pytest.MonkeyPatch.context() as patched:
        world = World(chance)
        patched.setattr(intake, "time", world)
        yield world


@settings(deadline=None, max_examples=300)
@given(st.randoms(use_true_random=True), st.lists(st.integers(1, 12), min_size=1, max_size=60))
def test_what_was_received_is_handed_over_at_once(chance: Random, lengths: list[int]) -> None:
    """However short the connections are, and although acknowledgements are lost."""
    for world in _worlds(chance):
        for length in lengths:
            world.publish()
            world.connect()
            for _ in range(length):
                if message := world.broker.deliver():
                    world.intake.receive([message])
                assert set(world.buffer.put_in) == world.broker.received
                assert world.status.held == 0
                if chance.random() < 1 / 4:
                    world.turn()
                    world.end_epoch()
                    world.acknowledge()
            world.cut()
        world.finish()
        assert world.counted == list(range(1, world.broker.published + 1))
        assert world.status.gaps == 0


@settings(deadline=None, max_examples=300)
@given(st.randoms(use_true_random=True), st.integers(1, PREFETCH))
def test_lost_flags_hold_deliveries_back_for_one_connection_only(
    chance: Random, length: int
) -> None:
    for world in _worlds(chance):
        for _ in range(10):
            world.broker.publish()
        world.connect()
        for _ in range(PREFETCH):
            world.intake.receive([m for m in [world.broker.deliver()] if m])
        # Flags of the newest messages are lost.
        world.cut(marks=chance.randint(0, PREFETCH))
        for _ in range(2):
            world.connect()
            for _ in range(length):
                world.intake.receive([m for m in [world.broker.deliver()] if m])
            held = world.status.held
            world.cut()
        assert held == 0
        world.finish()
        assert world.counted == list(range(1, world.broker.published + 1))


@settings(deadline=None, max_examples=200)
@given(
    ttl=st.floats(BRIEF_SECONDS, 40),
    silences=st.lists(st.tuples(st.floats(2.5, 60), st.booleans()), min_size=1, max_size=6),
)
def test_a_rule_that_removes_only_the_bookmark_makes_no_gap(
    ttl: float, silences: list[tuple[float, bool]]
) -> None:
    for world in _worlds(Random(1)):  # noqa: S311 -- no secret
        world.broker.ttl = ttl
        world.connect()
        for silence, has_news in silences:
            if has_news:
                world.broker.publish()
            for _ in range(round(silence / 0.2)):
                world.tick()
            world.cut()
            world.now += BRIEF_SECONDS / 2
            world.broker.remove_expired()
            world.connect()
            # The broker delivers at once what is there.
            world.deliver()
        world.tick()
        world.finish()
        assert world.counted == list(range(1, world.broker.published + 1))
        assert world.status.gaps == 0


def test_the_rule_is_named_when_the_bookmark_is_removed(world: World) -> None:
    world.broker.ttl = 3
    world.connect()
    world.broker.publish()
    for _ in range(100):
        world.tick()
    assert "message-ttl" in world.status.note
    assert world.buffer.memory.is_lost
    # A later process knows it too: it expects nothing.
    world.kill()
    world.now += 100
    world.connect()
    world.tick()
    assert world.status.gaps == 0


def test_a_bookmark_that_returns_late_is_the_bookmark(world: World) -> None:
    world.connect()
    world.broker.publish()
    world.tick()
    while not world.broker.ready:
        world.tick()
    # The network is slow: the bookmark is on its way.
    world.now += 60
    assert world.intake.misses_bookmark()
    world.acknowledge()
    assert not world.buffer.memory.is_lost
    assert not world.status.note
    world.cut()
    world.connect()
    world.tick()
    assert (world.counted, world.status.gaps) == ([1], 0)


def test_an_absence_for_longer_without_the_bookmark_is_a_gap(world: World) -> None:
    world.broker.ttl = 3
    world.connect()
    world.broker.publish()
    for _ in range(20):
        world.tick()
    world.cut()
    world.now += BRIEF_SECONDS + 0.1
    world.connect()
    world.tick()
    assert world.status.gaps == 1


def test_a_process_that_was_suspended_was_not_absent_briefly(world: World) -> None:
    world.connect()
    world.broker.publish()
    for _ in range(20):
        world.tick()
    # Suspended, another process reads the inbox, and the connection breaks at the first read.
    world.now += 60
    world.acknowledge()
    world.broker.unacknowledged.clear()
    world.broker.ready.clear()
    world.cut()
    world.connect()
    world.tick()
    assert world.status.gaps == 1


def test_an_absence_is_not_brief_because_a_connection_in_between_decided_nothing(
    world: World,
) -> None:
    world.connect()
    world.broker.publish()
    for _ in range(20):
        world.tick()
    world.cut()
    # Another process reads the inbox, and the next connection breaks before the first delivery.
    world.broker.ready.clear()
    world.now += 3600
    world.broker.publish()
    world.connect()
    world.now += 1
    world.acknowledge()
    world.cut()
    world.now += 0.3
    world.connect()
    world.tick()
    assert world.status.gaps == 1


@settings(deadline=None, max_examples=300)
@given(st.randoms(use_true_random=True), st.integers(1, 3))
def test_equal_messages_count_as_often_as_they_were_published(chance: Random, period: int) -> None:
    """If no acknowledgement and no flag is lost, and nothing is lost on its way to us."""
    for world in _worlds(chance):
        world.broker.period = period
        world.connect()
        for _ in range(chance.randint(1, 60)):
            actions = ("publish", "deliver", "rest", "turn", "end_epoch", "acknowledge", "cut")
            action = chance.choice(actions)
            if action == "cut" and world.is_connected:
                # All that was sent has arrived.
                while message := world.broker.deliver():
                    world.intake.receive([message])
                world.broker.disconnect(0)
                world.intake.close()
                world.is_connected = False
                for _ in range(chance.randint(0, 3)):
                    world.turn()
                    world.end_epoch()
                world.connect()
            elif action != "cut":
                getattr(world, action)()
        for _ in range(40):
            world.tick()
        assert world.total == world.broker.published
        assert world.status.gaps == 0
