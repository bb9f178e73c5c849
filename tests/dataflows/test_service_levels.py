"""The notation of the thresholds of the service level."""

from hypothesis import given
from hypothesis import strategies as st

from dataflows.service_levels import DEFAULT, MAX_SECONDS, ServiceLevels

_SECONDS = st.integers(1, MAX_SECONDS)
# Names of queues in Asterisk's configuration contain none of these.
_QUEUES = st.text(st.characters(exclude_characters=",="), min_size=1, max_size=5).filter(
    lambda name: name == name.strip()
)


@given(st.dictionaries(_QUEUES, _SECONDS, max_size=3), _SECONDS)
def test_thresholds_are_read_as_they_are_written(by_queue: dict[str, int], others: int) -> None:
    levels = ServiceLevels(by_queue, others)
    assert ServiceLevels.parse(str(levels)) == levels
    for queue, seconds in by_queue.items():
        assert levels.of(queue) == seconds


def test_queues_without_a_threshold_have_twenty_seconds() -> None:
    assert DEFAULT.of("support") == 20
    assert ServiceLevels.parse("support=10").of("sales") == 20
    assert ServiceLevels.parse(" 30 , support = 10 ") == ServiceLevels({"support": 10}, 30)
