"""The rows of the table, in groups. A new figure is a new entry of its group."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from tests.bench.figure import Figure
from tests.bench.figures import apis, delays, events, pages, states

PEER = events.PEER
"""Is measured if a peer is named."""

_TARGETS = frozenset(
    {
        *("cpu", "null", "firehose", "wazo", "calls", "peer"),
        *("scrape", "memory", "memory-lines", "p50", "p99", "idle-api"),
    }
)

FIGURES = (
    *events.FIGURES,
    *states.FIGURES,
    *apis.FIGURES,
    *pages.FIGURES,
    *delays.FIGURES,
)

GROUPS: Mapping[str, Sequence[Figure]] = {
    "events": events.FIGURES,
    "states": states.FIGURES,
    "apis": apis.FIGURES,
    "pages": pages.FIGURES,
    "delays": delays.FIGURES,
    "targets": tuple(each for each in FIGURES if each.key in _TARGETS),
}
"""The last one has what each release has to reach."""


def chosen(names: Iterable[str], *, with_peer: bool = True) -> list[Figure]:
    """Return the figures with these keys and those of these groups; all of them without a name.

    Args:
        names: Keys and groups.
        with_peer: Whether a peer is named, so that it can be measured.
    """
    keys = {
        each.key
        for name in names
        for each in GROUPS.get(name, [f for f in FIGURES if f.key == name])
    }
    found = [each for each in FIGURES if not keys or each.key in keys]
    return [each for each in found if with_peer or each is not PEER]
