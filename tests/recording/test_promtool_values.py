"""The values of a series in promtool's notation: read again, they are the same."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.recording.promtool_values import Values

NUMBERS = st.integers(-3, 12).map(float) | st.sampled_from([0.5, -1.25, 1e-7, 2.0**60, 1e300])


def written(values: Sequence[float | None]) -> str:
    series = Values()
    for sample, value in enumerate(values):
        if value is not None:
            series.add(sample, value)
    return series.written(len(values))


def expanded(text: str) -> Iterator[float | str]:
    """Yield the values that promtool makes of a text, as its documentation describes it."""
    number = r"\d+(?:\.\d+)?(?:e[+-]?\d+)?"
    for part in text.split():
        if part == "stale":
            yield part
        elif part.startswith("_"):
            yield from ["_"] * int(part[2:])
        else:
            found = re.fullmatch(rf"(-?{number})(?:([+-]{number}))?(?:x(\d+))?", part)
            assert found, part
            first, step, more = float(found[1]), float(found[2] or 0), int(found[3] or 0)
            yield from (first + step * each for each in range(more + 1))


def scraped(values: Sequence[float | None]) -> Iterator[float | str]:
    """Yield what Prometheus stores: a series that ended is stale once, and then absent."""
    before: float | None = None
    last = max((sample for sample, value in enumerate(values) if value is not None), default=-1)
    for value in values[: last + 2]:
        yield value if value is not None else "_" if before is None else "stale"
        before = value


@given(st.lists(st.none() | NUMBERS, max_size=30))
def test_the_values_that_promtool_reads_are_those_that_were_added(
    values: list[float | None],
) -> None:
    if any(value is not None for value in values):
        assert [*expanded(written(values))] == [*scraped(values)]


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([1.0] * 5, "1x4"),
        ([0.0, 1.0, 2.0, 3.0], "0+1x3"),
        ([6.0, 4.0, 2.0, 0.0], "6-2x3"),
        ([5.0, 7.0, 7.0, 7.0], "5 7x2"),
        ([5.0, 5.0, 6.0, 7.0, 8.0], "5x1 6+1x2"),
        ([None, None, 3.0, 3.0], "_x2 3x1"),
        ([1.0, None, None, 2.0], "1 stale _x1 2"),
        ([1.0, 1.0, None], "1x1 stale"),
        ([0.5, 1.0, 1.5], "0.5 1 1.5"),
        ([-1.0, -2.0, -3.0], "-1-1x2"),
    ],
)
def test_a_series_is_written_with_few_characters(values: list[float | None], text: str) -> None:
    assert written(values) == text
