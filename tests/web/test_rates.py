"""Events per second on the page."""

from hypothesis import given
from hypothesis import strategies as st

from exporter.web.board import ServerBoard
from exporter.web.rates import Rates


def look(rates: Rates, now: float, events: int, origin: str = "a") -> float | None:
    return rates.observe(now, [ServerBoard(origin, origin, "main", events=events)])[origin]


def test_a_rate_is_unknown_at_first_and_then_an_average_of_ten_seconds() -> None:
    rates = Rates()
    found = [look(rates, 100.0 + second, 7 * second) for second in range(30)]
    assert found[:2] == [None, None]
    assert found[2:] == [7.0] * 28
    # Ten seconds later, nothing is left of it.
    later = [look(rates, 130.0 + second, 7 * 29) for second in range(12)]
    assert later[-1] == 0.0


def test_after_a_reset_or_a_long_pause_it_is_unknown_again() -> None:
    rates = Rates()
    assert [look(rates, now, now * 10) for now in (0, 5)] == [None, 10.0]
    assert [look(rates, now, now - 6) for now in (6, 11)] == [None, 1.0]
    assert look(rates, 100, 1000) is None


def test_servers_that_are_gone_are_forgotten() -> None:
    rates = Rates()
    look(rates, 0, 0, "a")
    look(rates, 5, 10, "b")
    assert look(rates, 10, 1000, "a") is None


@given(st.lists(st.tuples(st.floats(0, 70), st.integers(0, 1000)), max_size=40))
def test_a_rate_is_never_negative(steps: list[tuple[float, int]]) -> None:
    rates, now = Rates(), 0.0
    for pause, events in steps:
        now += pause
        assert (look(rates, now, events) or 0) >= 0
