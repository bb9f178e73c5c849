"""A simulated Wazo of which messages are lost: after the next answers, all gauges are true."""

from __future__ import annotations

from random import Random

import pytest

from tests.simulation.wazo_asking import ASKED, Asking
from tests.simulation.wazo_exporter import opened
from tests.simulation.wazo_gauges import GAUGES_OF, true_gauges
from tests.simulation.wazo_truth import shown

MINUTE = 60.0
NOBODY = ("xivo_parked_calls", ())


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
        """Ask all APIs, and compare what they tell; meanwhile, nothing is lost.

        Args:
            seconds: How long each request and each answer is on its way, while messages arrive.
        """
        self._is_asking = True
        for module in ASKED:
            self.ask(module, seconds=seconds)
            names = {*GAUGES_OF[module.source]}
            if seconds:
                # Asterisk lists whether a member talks, but not to whom. If an event ends a talk
                # meanwhile, another one whose end was lost stays until the next answer.
                names.discard("xivo_queue_members_in_call")
            truth = {
                each: value for each, value in true_gauges(self.centre).items() if each[0] in names
            }
            found = shown(self.pipeline.series(), self.centre.origin_uuid, names)
            if truth.get(NOBODY) == 0:
                # Of a server of whose parked calls nothing was heard, an empty list shows nothing.
                found.setdefault(NOBODY, 0)
            assert found == truth
        self._is_asking = False


@pytest.mark.parametrize(
    ("seed", "share", "seconds"),
    [(1, 0.02, 4), (2, 0.2, 0), (3, 0.2, 0.3), (4, 0.2, 4), (5, 0.9, 0.3), (6, 0.9, 4)],
)
def test_the_next_answers_repair_what_was_lost(seed: int, share: float, seconds: float) -> None:
    exporter = Losing(seed=seed, share=share)
    rng = Random(seed)  # noqa: S311 -- for times
    exporter.listen(10 * MINUTE)
    for _ in range(6):
        exporter.listen_on(rng.choice((0.5, 7, 70, 400)))
        exporter.repair(seconds)
    assert not exporter.pipeline.rejected
    assert exporter.drift()
