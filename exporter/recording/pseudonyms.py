"""Replaces words and numbers by others of the same shape, by a secret key.

A word is a run of letters and digits. Each one is replaced by a keyed permutation of all words of
its shape: nobody who lacks the key can compute it, the same word always becomes the same, two
different words never do, and no word stays as it is. Nothing is remembered, so this needs no table
that could become full.

Where the digits are in a word with letters and digits could tell which one it is: there are 2³⁰
possibilities in a UUID. So such a word becomes any other one with letters and digits.

The permutation is a Feistel network, as in format-preserving encryption. It is followed by a step
to the next word and by the network backwards. So it is one cycle through all words of a shape.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from hashlib import blake2b
from itertools import groupby
from math import inf, isqrt, prod

from exporter.recording.alphabets import (
    DIGITS,
    DIGITS_AND_LETTERS,
    FIRST_DIGITS,
    HEX_DIGITS,
    Symbol,
    symbol_of,
)

_UUID = "[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"
_PART = r"[0-9A-Za-z\x80-\U0010ffff]"
_WORDS = re.compile(rf"(?<!{_PART}){_UUID}(?!{_PART})|{_PART}+")
"""Words; outside of ASCII, there may be separators in them. A UUID is one word, and remains one."""

_LETTER = re.compile("[A-Za-z]")
_DIGIT = re.compile("[0-9]")

_ROUNDS = 10
"""Of the network; less than ten are weak for short words."""

_HASH_BYTES = 64
"""More bits than half of the longest word has."""

_LONGEST = 32
"""Characters. A longer word is replaced in pieces of this length."""

_MANY_WORDS = 65_536
"""Words that are remembered, because one takes 40 µs to compute; about 15 MB."""

_LONGEST_REMEMBERED = 64
"""Characters of such a word. The longest of them, and so of the words that stay, is a UUID."""


class TooManyWordsError(Exception):
    """A text has so many new words that it would take too long."""


class Pseudonyms:
    """Replaces the words of texts.

    The case of letters stays, and two words that differ only in it are replaced alike: with digits
    in them, they may become the same. Leading zeros of a number stay, because 42 and 042 may be the
    same. Everything between words stays.

    Args:
        key: The secret, at most 64 bytes.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._word = lru_cache(maxsize=_MANY_WORDS)(self._permuted)
        self._computed = 0
        self._limit = inf

    @contextmanager
    def limited(self, words: int) -> Iterator[None]:
        """Let the block compute so many words, each of at most 32 characters.

        Raises:
            TooManyWordsError: There are more, which are not remembered.
        """
        self._limit = self._computed + words
        try:
            yield
        finally:
            self._limit = inf

    def of(self, text: str, kept: Collection[str] = frozenset()) -> str:
        """Return a text with other words.

        Args:
            text: Of any length.
            kept: Words in lower case that stay, and that no other word becomes.
        """
        return _WORDS.sub(lambda match: self._replaced(match[0], kept), text)

    def _replaced(self, part: str, kept: Collection[str]) -> str:
        if part.isascii():
            return self._other(part, kept)
        groups = groupby(part, lambda char: symbol_of(char) is not None)
        return "".join(
            self._other("".join(chars), kept) if is_word else "".join(chars)
            for is_word, chars in groups
        )

    def _other(self, word: str, kept: Collection[str]) -> str:
        if word.casefold() in kept:
            return word
        if len(word) > _LONGEST_REMEMBERED:
            return self._permuted(word)
        word = self._word(word)
        while kept and word.casefold() in kept:
            word = self._word(word)
        return word

    def _permuted(self, word: str) -> str:
        symbols = self._once([*_symbols(word)])
        chars = _chars(symbols)
        if _is_mixed(word) and "-" not in word:
            while not _is_mixed(chars):
                symbols = self._once(symbols)
                chars = _chars(symbols)
        if "-" in word:
            rest = iter(chars)
            return "".join("-" if char == "-" else next(rest) for char in word)
        return word[: len(word) - len(chars)] + chars

    def _once(self, symbols: Sequence[Symbol]) -> list[Symbol]:
        pieces = (symbols[at : at + _LONGEST] for at in range(0, len(symbols), _LONGEST))
        return [symbol for piece in pieces for symbol in self._piece(piece)]

    def _piece(self, symbols: Sequence[Symbol]) -> Iterator[Symbol]:
        self._computed += 1
        if self._computed > self._limit:
            raise TooManyWordsError
        alphabets = [symbol.alphabet for symbol in symbols]
        number = 0
        for symbol in symbols:
            number = number * len(symbol.alphabet) + symbol.place
        number = self._next(alphabets, number)
        places = []
        for alphabet in reversed(alphabets):
            number, place = divmod(number, len(alphabet))
            places.append(place)
        for symbol, place in zip(symbols, reversed(places), strict=True):
            yield symbol._replace(place=place)

    def _next(self, alphabets: Sequence[str], number: int) -> int:
        """Return the number of the next word of a shape in a secret order."""
        begun = blake2b(key=self._key, person=b"word", digest_size=_HASH_BYTES)
        # The first character and the length identify an alphabet.
        begun.update("".join(f"{each[0]}{len(each)}," for each in alphabets).encode())
        sizes = [*map(len, alphabets)]
        half = len(sizes) // 2
        if half:
            return _following(begun, prod(sizes[:half]), prod(sizes[half:]), number)
        # Of one character, the number has two halves. Some numbers are too large: step over them.
        side = isqrt(sizes[0] - 1) + 1
        number = _following(begun, side, side, number)
        while number >= sizes[0]:
            number = _following(begun, side, side, number)
        return number


def _following(begun: blake2b, lefts: int, rights: int, number: int) -> int:
    """Return the number that follows in a secret order of `lefts` times `rights` numbers.

    Args:
        begun: A keyed hash of what the order is for.
        lefts: Possibilities of the left half of a number.
        rights: Those of its right half.
        number: The number before.
    """

    def mixed(turn: int, half: int) -> int:
        hashed = begun.copy()
        hashed.update(b"%d:%d" % (turn, half))
        return int.from_bytes(hashed.digest())

    left, right = divmod(number, rights)
    for turn in range(_ROUNDS):
        if turn % 2:
            right = (right + mixed(turn, left)) % rights
        else:
            left = (left + mixed(turn, right)) % lefts
    left, right = divmod((left * rights + right + 1) % (lefts * rights), rights)
    for turn in reversed(range(_ROUNDS)):
        if turn % 2:
            right = (right - mixed(turn, left)) % rights
        else:
            left = (left - mixed(turn, right)) % lefts
    return left * rights + right


def _chars(symbols: Iterable[Symbol]) -> str:
    return "".join(symbol.char for symbol in symbols)


def _is_mixed(word: str) -> bool:
    """Return whether a word has letters and digits of ASCII."""
    return _LETTER.search(word) is not None and _DIGIT.search(word) is not None


def _symbols(word: str) -> Iterator[Symbol]:
    """Yield what is replaced of a word; not the leading zeros of a number."""
    if word.isascii() and word.isdecimal():
        digits = word.lstrip("0") or "0"
        first = DIGITS if len(digits) == 1 else FIRST_DIGITS
        yield Symbol(first, first.index(digits[0]))
        for digit in digits[1:]:
            yield Symbol(DIGITS, int(digit))
        return
    of_ascii = HEX_DIGITS if "-" in word else DIGITS_AND_LETTERS if _is_mixed(word) else ""
    is_upper = word.isupper()
    for char in word:
        symbol = symbol_of(char)
        if symbol is not None and of_ascii and char.isascii():
            is_upper_here = symbol.is_upper or (is_upper and char in DIGITS)
            yield Symbol(of_ascii, of_ascii.index(char.lower()), is_upper_here)
        elif symbol is not None:
            yield symbol
