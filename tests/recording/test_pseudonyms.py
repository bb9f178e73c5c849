"""Words and numbers of the same shape, by a secret key."""

from __future__ import annotations

import sys
import unicodedata
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.recording.alphabets import DIGITS, LETTERS, symbol_of
from exporter.recording.pseudonyms import Pseudonyms
from tests.shapes import is_blank, shape

KEY = b"a secret of 32 bytes for a test."
pseudonyms = Pseudonyms(KEY)

UUIDS = st.uuids().map(str)
TEXTS = st.text(max_size=40) | UUIDS | st.from_regex("[0-9]{1,12}", fullmatch=True)
MIXED = st.from_regex("[a-z0-9]*([a-z][0-9]|[0-9][a-z])[a-z0-9]*", fullmatch=True)


@given(TEXTS)
def test_the_shape_stays_and_no_letter_or_digit_alone(text: str) -> None:
    other = pseudonyms.of(text)
    assert shape(other) == shape(text)
    assert len(other.encode(errors="surrogatepass")) == len(text.encode(errors="surrogatepass"))
    assert (other == text) is is_blank(text)


@given(TEXTS, TEXTS)
def test_the_same_text_becomes_the_same_and_another_one_does_not(one: str, other: str) -> None:
    again = Pseudonyms(KEY)
    assert again.of(one) == pseudonyms.of(one)
    assert (pseudonyms.of(one) == pseudonyms.of(other)) is (one == other)


@given(st.from_regex("[A-Za-z0-9]{1,20}", fullmatch=True), st.sampled_from(' /@.;<"-_:é'))
def test_a_word_becomes_the_same_in_a_longer_text(word: str, separator: str) -> None:
    if symbol_of(separator) is None:
        longer = pseudonyms.of(f"a1{separator}{word}{separator}")
        assert longer == f"{pseudonyms.of('a1')}{separator}{pseudonyms.of(word)}{separator}"


@pytest.mark.parametrize("digits", [1, 2, 3])
def test_all_numbers_of_a_length_change_places(digits: int) -> None:
    numbers = {f"{number}" for number in range(10**digits) if len(f"{number}") == digits}
    assert {pseudonyms.of(number) for number in numbers} == numbers
    assert all(pseudonyms.of(number) != number for number in numbers)


def test_all_words_of_two_letters_change_places() -> None:
    words = {"".join(pair) for pair in product(LETTERS, repeat=2)}
    assert {pseudonyms.of(word) for word in words} == words


@given(st.integers(0, 10**18), st.integers(0, 3))
def test_a_number_with_leading_zeros_is_the_same_number(number: int, zeros: int) -> None:
    padded = pseudonyms.of("0" * zeros + str(number))
    assert int(padded) == int(pseudonyms.of(str(number)))


@given(st.text("abcxyzABCXYZ019éÉœŒçÇωΩжЖđĐ -/@", max_size=20))
def test_words_that_differ_in_case_become_words_that_differ_in_case(text: str) -> None:
    upper, lower = pseudonyms.of(text.upper()), pseudonyms.of(text.lower())
    assert upper.casefold() == lower.casefold()
    assert pseudonyms.of(text).casefold() == lower.casefold()


@given(UUIDS)
def test_a_uuid_becomes_a_uuid(uuid: str) -> None:
    other = pseudonyms.of(uuid)
    assert all(char in "0123456789abcdef-" for char in other)
    assert pseudonyms.of(uuid.upper()) == other.upper()
    assert pseudonyms.of(f"Local/{uuid}@x").split("@")[0].endswith(f"/{other}")


@settings(max_examples=10)
@given(MIXED | UUIDS, st.integers(0, 2**64).map(lambda key: b"%020d" % key))
def test_the_places_of_digits_and_letters_do_not_tell_which_word_it_is(
    word: str, key: bytes
) -> None:
    other = Pseudonyms(key).of(word)
    assert shape(other) == shape(word)
    again = [Pseudonyms(key + bytes([more])).of(word) for more in range(60)]
    for place, char in enumerate(word):
        if char != "-":
            assert {each[place].isdecimal() for each in again} == {True, False}


def test_all_words_of_a_letter_and_a_digit_change_places() -> None:
    pairs = {a + b for a, b in product(LETTERS + DIGITS, repeat=2)}
    words = {pair for pair in pairs if not (pair.isalpha() or pair.isdecimal())}
    assert {pseudonyms.of(word) for word in words} == words
    assert {pseudonyms.of(word.upper()) for word in words} == {word.upper() for word in words}


def test_words_that_are_kept_stay_and_nothing_becomes_one() -> None:
    kept = frozenset({"no", "ok"})
    assert pseudonyms.of("OK, no", kept) == "OK, no"
    words = {"".join(pair) for pair in product(LETTERS, repeat=2)} - kept
    assert {pseudonyms.of(word, kept) for word in words} == words


@pytest.mark.parametrize(
    "alike",
    [
        "K\N{KELVIN SIGN}k",
        "ǄǅǆǇǈ",
        "ß\N{LATIN CAPITAL LETTER SHARP S}\N{LATIN SMALL LETTER LONG S}s",
        "İI\N{LATIN SMALL LETTER DOTLESS I}i",
        "µμ",
        "٣3",
    ],
)
def test_characters_that_look_alike_stay_different(alike: str) -> None:
    assert len({pseudonyms.of(char) for char in alike}) == len(alike)


def test_every_letter_digit_mark_and_sign_becomes_another_one() -> None:
    alphabets: dict[tuple[str, bool], set[int]] = {}
    for number in [*range(0xD800), *range(0xE000, sys.maxunicode + 1)]:
        symbol = symbol_of(chr(number))
        if symbol is not None:
            same = (symbol.alphabet, symbol.is_upper)
            alphabets.setdefault(same, set()).add(symbol.place)
            assert symbol.alphabet[symbol.place] == (
                chr(number).lower() if symbol.is_upper else chr(number)
            )
    for (alphabet, _), places in alphabets.items():
        assert places == {*range(len(alphabet))}
        assert len(alphabet) > 1


def test_another_key_gives_other_words() -> None:
    number = "+33612345678"
    assert len({Pseudonyms(bytes([key]) * 32).of(number) for key in range(20)}) == 20


def test_letters_outside_of_ascii_stay_letters_of_their_kind() -> None:
    other = pseudonyms.of("Zoë Łukasz Ωμέγα 中文 नमस्ते ٣٤")
    kinds = [unicodedata.category(char)[0] for char in other]
    assert kinds == [unicodedata.category(char)[0] for char in "Zoë Łukasz Ωμέγα 中文 नमस्ते ٣٤"]


def test_a_long_word_is_replaced_in_pieces() -> None:
    word = "x" * 100_000
    other = pseudonyms.of(word)
    assert len(other) == len(word)
    assert other[:32] == pseudonyms.of("x" * 32)
