"""A simulated Wazo of which messages are lost: after the next answers, all gauges are true."""

from __future__ import annotations

from random import Random

import pytest

from tests.simulation.wazo_asking import ASKED, Asking
from tests.simulation.wazo_exporter import opened
from tests.simulation.wazo_gauges import GAUGES, true_gauges
from tests.simulation.wazo_truth import shown

MINUTE = 60.0


class Losing(Asking):
    """An exporter that loses messages, and does not know it."""

    def __init__(self, *, seed: int, share: float, agents: int = 12) -> None:
        super().__init__(opened(agents=agents, seed=seed))
        self._rng = Random(seed)  # noqa: S311 -- for losses
        self._share = share
        self._is_asking = False

    def hears(self) -> bool:
        return self._is_asking or self._rng.random() >= self._share

    def repair(self, seconds: float) -> None:
        """Ask all APIs; meanwhile, nothing is lost."""
        self._is_asking = True
        self.ask(*ASKED, seconds=seconds)
        self._is_asking = False

    def assert_gauges(self) -> None:
        found = shown(self.pipeline.series(), self.centre.origin_uuid, GAUGES)
        # An empty list shows nothing of a server of whose parked calls nothing was heard.
        found.setdefault(("xivo_parked_calls", ()), 0)
        assert found == true_gauges(self.centre)


@pytest.mark.parametrize("seconds", [0, 0.3, 4], ids=["at once", "quick", "slow"])
@pytest.mark.parametrize("share", [0.02, 0.2, 0.9])
@pytest.mark.parametrize("seed", range(2))
def test_the_next_answers_repair_what_was_lost(seed: int, share: float, seconds: float) -> None:
    exporter = Losing(seed=seed, share=share)
    rng = Random(seed)  # noqa: S311 -- for times
    exporter.listen(10 * MINUTE)
    for _ in range(12):
        exporter.listen_on(rng.choice((0.5, 7, 70, 400)))
        exporter.repair(seconds)
        exporter.assert_gauges()
    assert not exporter.pipeline.rejected
    assert exporter.drift()
