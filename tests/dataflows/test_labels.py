"""Text from the bus becomes a safe label value."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.labels import MAX_LABEL, label

ANY_TEXT = st.text(st.characters(), max_size=300)


@pytest.mark.parametrize(
    "name",
    [
        "petak",
        "Québec",
        "grp-acme-0b2c9c8e-93a7-4e63-8a0a-6c9ad2f0b3aa",
        'a"\\{}',
        "",
        "x" * 128,
        "電話",
    ],
)
def test_a_real_name_is_unchanged(name: str) -> None:
    assert label(name) == name


@pytest.mark.parametrize(
    "text", ["a\nb", "a\0b", "a\x1b[0m", "a\u202eb", "a\u200bb", "a\ud800b", "\ufeffa", "a\u2028b"]
)
def test_unprintable_characters_are_replaced_and_a_hash_is_appended(text: str) -> None:
    shown = label(text)
    assert shown.isprintable()
    assert "\ufffd" in shown
    assert shown[-9] == "~"
    shown.encode()


def test_a_long_name_is_cut_and_a_hash_is_appended() -> None:
    shown = label("x" * 10_000)
    assert len(shown) == MAX_LABEL
    assert shown.startswith("x" * 100)
    assert shown != label("x" * 9_999)


@given(ANY_TEXT)
def test_a_label_is_bounded_and_printable_and_stays_the_same(text: str) -> None:
    shown = label(text)
    assert len(shown) <= MAX_LABEL
    assert shown.isprintable()
    assert label(shown) == shown
    assert bool(shown) == bool(text)


@given(ANY_TEXT, ANY_TEXT)
def test_different_names_stay_different(one: str, other: str) -> None:
    assert (label(one) == label(other)) == (one == other)
