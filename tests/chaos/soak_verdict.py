"""What a soak has shown: the promises that the exporter broke, and what limited the rate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import mean, median

from tests.chaos.soak_sample import Sample, per_second, warm
from tests.chaos.soak_viewers import VIEWERS

MOST_MEMORY = 1.05
"""Largest resident memory after the warm-up, compared with the smallest."""

_FLAT = 1
"""By so many, the typical number of descriptors or threads may differ at the end: some last for a
moment, as that of a scrape, and so does not each look see them."""

LONGEST_UNASKED = 120
"""Seconds: twice the interval at which each API is asked in a soak."""

_BEHIND = 0.02
"""Part of the schedule by which a publisher may be behind."""

_GROWING = 0.01
"""Part of the rate by which an inbox may grow."""


def broken(samples: Sequence[Sample]) -> list[str]:
    """Return a sentence for each promise that the exporter broke; nothing if it kept all."""
    return [*_of_resources(warm(samples)), *_of_truth(samples), *_of_service(samples[-1])]


def _of_resources(seen: Sequence[Sample]) -> Iterator[str]:
    memory = [sample.memory for sample in seen]
    growth = max(memory) / min(memory)
    if growth > MOST_MEMORY:
        yield f"after the warm-up, the memory changed by {growth - 1:.1%}"
    for what in ("descriptors", "threads"):
        before, after = _typical(seen, what)
        if after > before + _FLAT:
            yield f"the {what} rose from {before:g} to {after:g}"


def _of_truth(samples: Sequence[Sample]) -> Iterator[str]:
    seen, last = warm(samples), samples[-1]
    if last.gaps:
        yield f"the exporter noticed {last.gaps} gaps"
    if any(after.processed == before.processed for before, after in pairwise(seen)):
        yield "the exporter stopped reading for a while, although there were events"
    if last.drift:
        yield f"the APIs showed {last.drift} differences from what events had told"
    if any(sample.incomplete for sample in seen):
        yield "a state was not complete, although its APIs answer"
    if last.unanswered:
        yield f"{last.unanswered} requests to APIs failed"
    if (longest := max(sample.unasked for sample in seen)) > LONGEST_UNASKED:
        yield f"an API had told nothing for {longest} s"


def _of_service(last: Sample) -> Iterator[str]:
    if last.viewers < VIEWERS:
        yield f"{VIEWERS - last.viewers} of {VIEWERS} browsers were sent away"
    if last.unscraped:
        yield f"{last.unscraped} scrapes failed"


def _typical(samples: Sequence[Sample], what: str) -> tuple[float, float]:
    """Return the median of a number in the first third of the samples, and in the last one."""
    values = [getattr(sample, what) for sample in samples]
    third = max(1, len(values) // 3)
    return median(values[:third]), median(values[-third:])


def limits(samples: Sequence[Sample], rate: int) -> list[str]:
    """Say what kept the rate from being higher: the publisher, the exporter, both or neither."""
    seen = warm(samples)
    third = max(1, len(seen) // 3)
    growth = mean(s.depth for s in seen[-third:]) - mean(s.depth for s in seen[:third])
    # Between the middles of the first and the last third.
    seconds = (seen[-1].seconds - seen[0].seconds) * 2 / 3
    found = []
    if per_second(seen, "published") < rate * (1 - _BEHIND):
        found.append("the publisher, which was behind its schedule")
    if growth > rate * _GROWING * seconds:
        found.append("the exporter, whose inbox grew")
    return found


def summary(samples: Sequence[Sample], rate: int) -> str:
    """Say in a few lines what was seen."""
    seen, last = warm(samples), samples[-1]
    slowest = min(per_second(pair, "processed") for pair in pairwise(seen))
    memory = [sample.memory / 1e6 for sample in seen]
    found = " and ".join(limits(samples, rate)) or "neither the publisher nor the exporter"
    return (
        f"{last.processed - samples[0].processed} events in {last.seconds / 60:.0f} min, "
        f"{per_second(seen, 'processed'):.0f}/s (slowest {slowest:.0f}/s), {last.gaps} gaps\n"
        f"after a warm-up of {seen[0].seconds / 60:.0f} min: memory {min(memory):.1f} to "
        f"{max(memory):.1f} MB ({max(memory) / min(memory) - 1:.1%}), "
        f"CPU {mean(sample.cpu for sample in seen):.1f} % of a core, "
        f"store at most {max(sample.store for sample in seen) / 1e6:.1f} MB, "
        f"descriptors {_range(seen, 'descriptors')}, threads {_range(seen, 'threads')}\n"
        f"{last.snapshots} answers of APIs, drift {last.drift}; {last.viewers} browsers; "
        f"{last.unscraped} failed scrapes\n"
        f"published {per_second(seen, 'published'):.0f}/s of {rate}/s; inboxes at most "
        f"{max(sample.depth for sample in samples)} messages, of which "
        f"{max(sample.ready for sample in samples)} ready; the limit: {found}"
    )


def _range(samples: Sequence[Sample], what: str) -> str:
    values = [getattr(sample, what) for sample in samples]
    return f"{min(values)} to {max(values)}"
