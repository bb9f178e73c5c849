"""A simulated day of ten call centres: all windows agree with the oracle."""

from __future__ import annotations

from tests.windows.day import simulate


def test_a_simulated_day_agrees_with_the_oracle_at_every_window() -> None:
    report = simulate(servers=10, agents=10, hours=24)
    assert report.minutes == 24 * 60
    assert report.late > 0
    # Per server: 3 of agents, 7 of endpoints, 3 of users, chat, call forms, 5 services and
    # 3 queues of 3 each; in two lengths.
    assert report.series == 10 * 2 * (3 + 7 + 3 + 1 + 1 + 3 * 5 + 3 * 3)
