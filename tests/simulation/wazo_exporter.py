"""A simulated Wazo, and an exporter that hears its messages."""

from __future__ import annotations

from dataflows.envelope import Delivery
from dataflows.items import Opened
from exporter.simulation.simulator import CallCentre, Era
from exporter.simulation.wazo.server import Wazo
from tests.pipeline import Pipeline
from tests.simulation.wazo_truth import shown, true_series

START = 1_772_418_000.0
BUS = "demo"


def opened(*, agents: int = 40, seed: int = 1, noise: bool = False) -> CallCentre:
    return CallCentre(agents=agents, seed=seed, start=START, era=Era.WAZO_26_04, noise=noise)


def state(centre: CallCentre) -> Wazo:
    assert centre.wazo is not None
    return centre.wazo


class Exporter:
    """An exporter that hears all messages of a call centre, and asks no API."""

    def __init__(self, centre: CallCentre) -> None:
        self.centre = centre
        self.pipeline = Pipeline()
        self.pipeline.now = START
        self.pipeline.take([Opened(BUS, START)])

    def hears(self) -> bool:
        """Return whether the next message arrives."""
        return True

    def listen(self, until: float) -> None:
        """Hear all messages up to a time after the opening, in seconds."""
        for message in self.centre.until(START + until):
            self.pipeline.wait(message.at - self.pipeline.now)
            if self.hears():
                self.pipeline.take([Delivery(BUS, message.body, message.at)])
        self.pipeline.wait(START + until - self.pipeline.now)

    def listen_on(self, seconds: float) -> None:
        """Hear all messages of the next seconds."""
        self.listen(self.pipeline.now - START + seconds)

    def assert_true(self) -> None:
        """Compare all series with the truth."""
        truth = true_series(self.centre, has_apis=False)
        names = {name for name, _ in truth}
        assert shown(self.pipeline.series(), self.centre.origin_uuid, names) == truth
