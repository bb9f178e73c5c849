"""The plan of the calls."""

from __future__ import annotations

from tests.asterisk.plan import Planner
from tests.asterisk.steps import Call, Deed


def test_the_same_seed_plans_the_same_calls() -> None:
    plans = [Planner(seed, 5, 18).steps() for seed in (1, 1, 2)]
    assert plans[0] == plans[1] != plans[2]


def test_a_plan_has_everything_in_its_order() -> None:
    steps = Planner(1, 5, 18).steps()
    assert [at for at, _ in steps] == sorted(at for at, _ in steps)
    ends = {step.ends for _, step in steps if isinstance(step, Call)}
    assert ends == {"stay", "bye", "cancel", "key", "vanish"}
    deeds = {step.what for _, step in steps if isinstance(step, Deed)}
    assert deeds >= {"restart", "kill", "reload", "redirect", "hangup", "login", "pause"}
    numbers = [step.number for _, step in steps if isinstance(step, Call)]
    assert len(numbers) == len({*numbers})
