"""Each message counts exactly once, despite failures of a simulated broker and of the exporter."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.consumer import intake
from tests.laws.simulated_broker import World

ACTIONS = (
    *("publish", "connect", "deliver", "deliver", "deliver", "rest", "rest"),
    *("turn", "turn", "end_epoch", "acknowledge", "acknowledge", "let_time_pass"),
)
FAILURES = ("cut", "kill", "kill_broker")


@settings(deadline=None, max_examples=500)
@given(st.randoms(use_true_random=True))
def test_each_message_is_counted_once_and_in_its_order(chance: Random) -> None:
    with pytest.MonkeyPatch.context() as patched:
        world = World(chance)
        patched.setattr(intake, "time", world)
        for _ in range(chance.randint(1, 300)):
            names = FAILURES if chance.random() < 1 / 15 else ACTIONS
            getattr(world, chance.choice(names))()
        world.finish()
    assert world.counted == list(range(1, world.broker.published + 1))
    assert world.status.gaps == 0
