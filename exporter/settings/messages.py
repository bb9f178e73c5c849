"""Messages about wrong settings, in plain words; no words of pydantic reach the user.

Nothing here shows a value that may be a secret: text is shown only where a number, a choice, or
true or false is expected.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

_SHOWN_CHARACTERS = 40
_SHOWN_OF_A_PATH = 300
_LONGEST_NAME = 60
"""Characters. No setting has a longer name, so longer text resembles none."""


def shown(text: str) -> str:
    """Return text from a user, short and safe for a terminal; unchanged if it is a plain word."""
    text = _cut(text)
    return text if re.fullmatch(r"[\w.+-]+…?", text, re.ASCII) else repr(text)


def printable(text: object) -> str:
    """Return a path, or other text, on one line; cut if long, escaped if unsafe to print."""
    text = _cut(str(text), _SHOWN_OF_A_PATH)
    return text if text and text.isprintable() else repr(text)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known name that resembles a word most; None if none is similar."""
    if len(word) > _LONGEST_NAME:
        return None
    names = {_folded(name): name for name in known}
    found = get_close_matches(_folded(word), names, n=1)
    return names[found[0]] if found else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return the end of a message that suggests a known name; empty if none is similar."""
    name = nearest(word, known)
    return "" if name is None else f"; did you mean {name}?"


def choices(words: Sequence[str], last: str = "or") -> str:
    """Write words as a list: `a, b or c`."""
    *most, end = words
    return f"{', '.join(most)} {last} {end}" if most else end


def one_of(words: Sequence[str], given: object) -> str:
    """Say that a value must be one of these words, and which one is meant perhaps."""
    text = f"must be {choices(words)}, not {_given(given)}"
    return text + did_you_mean(given, words) if isinstance(given, str) else text


def place(where: Iterable[int | str]) -> str:
    """Write where a value is: `buses[0].name`."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in where)
    return "".join(parts).removeprefix(".")


def sentence(kind: str, given: object, context: Mapping[str, Any]) -> str:
    """Say what is wrong with a value.

    Args:
        kind: The type of the error, as pydantic names it.
        given: The value. It is shown only if it stands for a number, a choice or true or false.
        context: The details of the error, as pydantic has them.
    """
    if kind == "value_error":
        return str(context["error"])
    if kind in _BOUNDS:
        bound, words = _BOUNDS[kind]
        return f"must be {words} {_number(context[bound])}, not {shown(str(given).strip())}"
    if kind == "enum":
        return one_of(re.findall("'(.*?)'", context["expected"]), given)
    if kind.startswith("bool"):
        return f"must be true or false, not {_given(given)}"
    if kind.startswith(("int", "float", "finite")):
        return _not_a_number(kind, given)
    return _OTHERS.get(kind, "cannot be read")


_BOUNDS = {
    "greater_than_equal": ("ge", "at least"),
    "greater_than": ("gt", "more than"),
    "less_than_equal": ("le", "at most"),
}

_OTHERS = {
    "frozen_set_type": "must be text or a list",
    "list_type": "must be a list",
    "missing": "is missing",
    "path_type": "must be text: write it in quotes",
    "string_too_short": "must not be empty",
    "string_type": "must be text: write it in quotes",
    "tuple_type": "must be text or a list",
}


def _not_a_number(kind: str, given: object) -> str:
    if kind == "int_parsing_size":
        return f"must be a smaller number, not {shown(str(given))}"
    if isinstance(given, str | float):
        try:
            float(given)
        except ValueError:
            pass
        else:
            return f"must be a whole number, not {shown(str(given).strip())}"
    return f"must be a number, not {_given(given)}"


def _given(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        # A URL of a bus may contain a password.
        return "a URL" if "://" in value else repr(_cut(value))
    if isinstance(value, int | float):
        return shown(str(value))
    if isinstance(value, dict):
        return "a table"
    return "a list" if isinstance(value, list) else "this"


def _number(bound: float) -> str:
    return str(int(bound)) if bound == int(bound) else str(bound)


def _cut(text: str, length: int = _SHOWN_CHARACTERS) -> str:
    return text if len(text) <= length else text[:length] + "…"


def _folded(name: str) -> str:
    return name.lower().replace("_", "-").strip("-")
