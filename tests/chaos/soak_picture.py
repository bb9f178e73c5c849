"""The picture of a soak: memory, rate, CPU and descriptors over time, as SVG."""

from collections.abc import Sequence
from itertools import pairwise

from tests.chaos.soak_sample import Sample
from tests.picture import PANEL, TOP, frame, panel


def soak_picture(samples: Sequence[Sample]) -> str:
    """Draw the samples of a soak, in their order; two at least."""
    minutes = [sample.seconds / 60 for sample in samples]
    rates = [
        (after.processed - before.processed) / (after.seconds - before.seconds)
        for before, after in pairwise(samples)
    ]
    panels: dict[str, Sequence[float]] = {
        "resident memory, MB": [sample.memory / 1e6 for sample in samples],
        # At the first look, these two are not known.
        "events processed a second": rates,
        "CPU, % of a core": [sample.cpu for sample in samples[1:]],
        "open descriptors": [sample.descriptors for sample in samples],
        "messages in the inboxes": [sample.depth for sample in samples],
    }
    parts: list[str] = []
    for row, (title, values) in enumerate(panels.items()):
        parts += panel(row, title, [*zip(minutes[-len(values) :], values, strict=True)], "min")
    title = f"{minutes[-1]:.0f} minutes of events"
    return frame(title, TOP + len(panels) * PANEL, *parts)
