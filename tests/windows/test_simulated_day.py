"""A simulated day of five call centres: all windows and all calls agree with the oracles."""

from __future__ import annotations

from tests.windows.day import simulate
from tests.windows.day_picture import day_picture


def test_a_simulated_day_agrees_with_the_oracle_at_every_window() -> None:
    report = simulate(servers=5, agents=10, hours=24, windows="1m,5m")
    assert report.minutes == 24 * 60
    assert report.late > 0
    # Per server: 3 of agents, 7 of endpoints, 3 of users, chat, call forms, 5 services and
    # 3 queues of 3 each; in two lengths.
    assert report.series == 5 * 2 * (3 + 7 + 3 + 1 + 1 + 3 * 5 + 3 * 3)
    assert report.visits > 1000
    # A visit that ended some seconds ago may count in the next window.
    assert report.exact > 5 * report.bounded
    # Not those that closed while a caller's event was under way.
    assert report.waiting > 10_000


def test_the_window_today_agrees_with_the_oracles_over_midnight() -> None:
    report = simulate(servers=2, agents=10, hours=3)
    assert report.samples[-1][0] == 3
    # Two lengths as above. Today has the maximum of each level, and the three numbers of ids.
    each = 3 + 7 + 3 + 1 + 1 + 3 * 5 + 3 * 3
    assert report.series == 2 * (2 * each + 1 + 3 + 1 + 1 + 1 + 5 + 3)
    picture = day_picture(report.samples)
    assert picture.count("<polyline") == 3


def test_a_few_minutes_of_a_day_are_enough() -> None:
    assert simulate(servers=1, agents=10, hours=0.1).totals > 0
