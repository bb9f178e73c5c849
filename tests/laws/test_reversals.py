"""Whatever batches amid reverses, the members are shown as they are in Asterisk.

What leaves no trace of its order is left out, see `tests/laws/asterisk_members.py`.
"""

import json
from collections import Counter

from hypothesis import given, settings

from dataflows.envelope import Delivery
from dataflows.member_order import NEXT_STATUS
from tests.corpus import ARRIVED, ORIGIN
from tests.laws.asterisk_members import Burst, Event, Member, days
from tests.laws.phones import next_states
from tests.pipeline import Pipeline
from tests.queue_oracle import DEVICE_STATES

EXAMPLES = settings().max_examples


def test_the_states_that_can_follow_a_state_are_those_of_a_phone() -> None:
    names = {(DEVICE_STATES[before], DEVICE_STATES[after]) for before, after in next_states()}
    assert {(before, each) for before, after in NEXT_STATUS.items() for each in after} == names


def delivery(event: Event, now: float) -> Delivery:
    name, data = event
    body = {"name": name, "origin_uuid": ORIGIN, "data": data}
    return Delivery("default", json.dumps(body).encode(), now)


def expected(members: list[Member], now: float) -> Counter[tuple[str, ...]]:
    true: Counter[tuple[str, ...]] = Counter()
    for member in members:
        queue = member.queue
        true["xivo_queue_members", queue, "dynamic"] += 1
        true["xivo_queue_member_states", queue, DEVICE_STATES[member.status]] += 1
        true["xivo_queue_members_paused", queue] += member.paused
        true["xivo_queue_members_wrap_up", queue] += member.is_in_wrap_up(now)
        true["xivo_queue_members_available", queue] += member.is_available(now)
    return +true


GAUGES = {
    "xivo_queue_members",
    "xivo_queue_member_states",
    "xivo_queue_members_paused",
    "xivo_queue_members_wrap_up",
    "xivo_queue_members_available",
}


def shown(pipeline: Pipeline) -> dict[tuple[str, ...], object]:
    return {
        (metric, *labels[1:]): value
        for (metric, labels), value in pipeline.series().items()
        if metric in GAUGES and value
    }


@given(days(int(ARRIVED)))
@settings(max_examples=5 * EXAMPLES)
def test_the_members_are_those_of_asterisk_whatever_batches_are_reversed(
    bursts: list[Burst],
) -> None:
    pipeline = Pipeline(windows="")
    for burst in bursts:
        pipeline.wait(burst.seconds)
        pipeline.take([delivery(event, pipeline.now) for event in burst.arrivals])
        assert shown(pipeline) == expected(burst.members, pipeline.now)
        for (queue, change), count in burst.changes.items():
            assert pipeline.value("xivo_queue_member_changes_total", queue, change) == count


@given(days(int(ARRIVED)))
def test_wrap_ups_end_by_the_clock(bursts: list[Burst]) -> None:
    pipeline = Pipeline(windows="")
    for burst in bursts:
        pipeline.wait(burst.seconds)
        pipeline.take([delivery(event, pipeline.now) for event in burst.arrivals])
    for _ in range(6):
        pipeline.wait(1)
        assert shown(pipeline) == expected(bursts[-1].members, pipeline.now)
