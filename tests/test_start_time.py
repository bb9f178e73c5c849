"""When the process started, by a clock that may have been wrong then."""

import pytest

from exporter.clock import StartTime


@pytest.mark.parametrize("wrong_by", [365 * 86_400, -86_400])
def test_the_start_is_corrected_when_the_clock_is_set(wrong_by: float) -> None:
    now, elapsed = 1e9 + wrong_by, 5.0
    start = StartTime(lambda: now, lambda: elapsed)
    assert start() == 1e9 + wrong_by
    now, elapsed = 1e9 + 60, 65.0
    assert start() == 1e9
    # Small corrections of the clock do not move it.
    now, elapsed = 1e9 + 120.5, 125.0
    assert start() == 1e9
