"""Odd and invalid JSON values, to replace valid ones."""

from __future__ import annotations

import json
from random import Random

_NUMBERS = (
    *("0", "-0", "-1", "1", "9", "0.5", "-0.0", "1e0", "1e2", "1E+2", "4.0", "01", "+1", ".5"),
    *(str(2**bits - less) for bits in (31, 53, 63, 64) for less in (0, 1)),
    *(str(less - 2**bits) for bits in (31, 53, 63, 64) for less in (0, 1)),
    *("1e308", "1e309", "-1e400", "1e-400", "1e999999999", "0." + "0" * 400 + "1"),
    *("1" * 30, "9" * 400, "1" * 4300, "1" * 4301, "-" + "1" * 5000),
    *("NaN", "Infinity", "-Infinity", "nan", "inf", "0x10", "1_000", "\u0661"),
)  # fmt: skip
_WORDS = ("null", "true", "false", "True", "None", "undefined", "")

_TEXTS = (
    *("", " ", "0", "1", "-1", "-2", "00042", "+1", "1e3", "1.0", "9" * 18, "9" * 64, " 42 "),
    *("\u0661\u0662", "\u00b2", "\uff14\uff12", "\u216b"),  # digits that are not ASCII
    *("\0", "\n", "\r\n", "\t", "\x1b[31m", "\x7f", "\u0085", "\u2028", "\u202e", "\u200b"),
    *("\ufeff", "\ufffd", "\uffff", "\U0010ffff", "\U0001f600", "e\u0301", "\u00e9", "\u0130"),
    *('"', "\\", '"} 1\nxivo_agents{origin_uuid="x', "# EOF", "{}", "a,b=c", "le", "+Inf", "%s"),
    *("logged_in", "available", "deleted", "static", "PJSIP/abc-1", "\t".join("agents")),
    *("x" * length for length in (64, 65, 128, 129, 1000)),
    *("\u00e9" * 128, "\U0001f600" * 129, "\u0130" * 128, "a\u0300" * 100),
)  # fmt: skip
_ESCAPES = (r'"\ud800"', r'"\udc00\ud800"', r'"\u0000"', r'"\u000g"', r'"\x41"', r'"\ud83d\ude00"')

_CONTAINERS = (
    *("[]", "{}", "[[]]", "[null]", '[""]', "[1,2]", '["a",1]', '["",""]', '{"":null}', "[,]"),
    *('{"id":1,"id":2}', '{"a":{"a":{"a":1}}}', "[1,]", '{"a":1,}', "{1:2}", "{'a':1}", "[1 2]"),
)  # fmt: skip

ODDITIES: tuple[bytes, ...] = (
    *(text.encode() for text in (*_NUMBERS, *_WORDS, *_ESCAPES, *_CONTAINERS)),
    *(json.dumps(text).encode() for text in _TEXTS),
    *(json.dumps(text, ensure_ascii=False).encode() for text in _TEXTS),
)

# Python's recursion limit is 1,000 levels, minus the frames already on the stack.
_DEPTHS: tuple[int, ...] = (*range(930, 1000), 100, 5000, 100_000)
_BRACKETS = ((b"[", b"]"), (b'{"a":', b"}"))
_LENGTHS = (10_000, 130_000, 262_000)
_UNITS = (b"x", "\u00e9".encode(), rb"\u0000", rb"\"")


def oddity(random: Random) -> bytes:
    """Return the text of an odd value, sometimes deeply nested or very long."""
    chance = random.random()
    if chance < 0.007:
        return _deep(random)
    return _long(random) if chance < 0.01 else random.choice(ODDITIES)


def _deep(random: Random) -> bytes:
    depth = random.choice(_DEPTHS)
    start, end = random.choice(_BRACKETS)
    return start * depth + b"1" + end * random.choice((depth, depth, 0))


def _long(random: Random) -> bytes:
    length, unit = random.choice(_LENGTHS), random.choice(_UNITS)
    is_text = random.random() < 0.5
    return b'"' + unit * (length // len(unit)) + b'"' if is_text else b"[" + b"0," * length + b"0]"
