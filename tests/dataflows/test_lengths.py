"""Parsing of window lengths."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.lengths import Length, parse_lengths


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("5s", 5),
        ("30s", 30),
        ("1m", 60),
        ("90s", 90),
        ("5m", 300),
        ("1h", 3600),
        ("24h", 86_400),
        ("1440m", 86_400),
        ("86400s", 86_400),
        ("1d", 86_400),
    ],
)
def test_a_length_is_a_number_and_a_unit_and_keeps_its_spelling(text: str, seconds: int) -> None:
    assert Length.parse(text) == (text, seconds)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5",
        "s",
        "m",
        "0s",
        "4s",
        "86401s",
        "1441m",
        "25h",
        "2d",
        "999999d",
        "9" * 5000 + "s",
        "-5m",
        "+5m",
        "1.5m",
        "5 m",
        "1e2s",
        "5M",
        "5ms",
        "1w",
        "5min",
        "1m30s",
        "0x5m",
        "1_0s",
        "\N{ARABIC-INDIC DIGIT FIVE}m",
        "\N{SUPERSCRIPT FIVE}m",
        "five",
        "Today",
        "today ",
        "1today",
        "5\N{LATIN SMALL LETTER LONG S}",
    ],
)
def test_any_other_text_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"from 5s to 1d, or today, such as 1m,4h,today"):
        Length.parse(text)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("1m,5m", ["1m", "5m"]),
        ("5m,1m", ["1m", "5m"]),
        ("1d,90s,1m,2h", ["1m", "90s", "2h", "1d"]),
        (" 1m , 5m ", ["1m", "5m"]),
        ("1m", ["1m"]),
        ("today,1m", ["1m", "today"]),
        ("today,1d, 5s", ["5s", "1d", "today"]),
        (" today ", ["today"]),
    ],
)
def test_a_list_comes_back_shortest_first(text: str, names: list[str]) -> None:
    assert [length.name for length in parse_lengths(text)] == names


@pytest.mark.parametrize(
    "text", ["1m,1m", "60s,1m", "1m,5m,60s", "1d,24h", "5s,05s", "today,1m,today"]
)
def test_the_same_length_twice_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="twice"):
        parse_lengths(text)


@pytest.mark.parametrize("text", ["", ",", "1m,", ",1m", "1m,,5m", "1m;5m", "1m 5m", "1m,4s"])
def test_a_list_with_anything_else_in_it_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be lengths"):
        parse_lengths(text)


@given(st.integers(0, 100_000), st.sampled_from("smhd"))
def test_a_length_is_accepted_if_and_only_if_it_is_in_range(number: int, unit: str) -> None:
    seconds = number * {"s": 1, "m": 60, "h": 3600, "d": 86_400}[unit]
    text = f"{number}{unit}"
    if 5 <= seconds <= 86_400:
        assert Length.parse(text).seconds == seconds
    else:
        with pytest.raises(ValueError, match="must be lengths"):
            Length.parse(text)


@given(st.text(max_size=8))
def test_any_text_is_a_length_or_a_value_error(text: str) -> None:
    try:
        length = Length.parse(text)
    except ValueError:
        return
    assert length.name == text
    assert 5 <= length.seconds <= 86_400
