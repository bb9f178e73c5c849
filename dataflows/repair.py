"""Makes JSON with invalid texts readable: most texts of an event are never read.

Publishers cut texts inside an emoji, or pass on what a client sent. A JSON parser rejects
the whole body for one such text, and the event would be lost.
"""

from __future__ import annotations

import re

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
"""Stands for what is invalid."""

MAX_REPAIRED = 16 * 1024
"""Bytes of a body that is repaired, in about a millisecond; chat messages and forms are shorter."""

_SPACE = re.compile("[\t\n\r]")
"""Not allowed inside texts, and the same as a space between them."""

_CONTROL = re.compile("[\x00-\x1f]")
"""Not allowed anywhere."""

_ESCAPE = re.compile(
    r"""\\(?:
        ["\\/bfnrt]
        | u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}
        | u(?![dD][89a-fA-F])[0-9a-fA-F]{4}
        | (?P<half>u[dD][89a-fA-F][0-9a-fA-F]{2})
        | (?P<invalid>u?)
    )""",
    re.VERBOSE,
)
"""An escape sequence: valid, half of a surrogate pair, or invalid."""


def repaired(body: bytes | str) -> str:
    """Return a body whose texts are valid; what is invalid becomes U+FFFD, as in amid's texts.

    A valid body keeps its meaning. The caller limits the length to `MAX_REPAIRED`.
    """
    if isinstance(body, str):
        # Surrogates come from bytes that were no UTF-8.
        body = body.encode(errors="surrogatepass")
    text = body.decode(errors="replace")
    text = _CONTROL.sub(REPLACEMENT, _SPACE.sub(" ", text))
    return _ESCAPE.sub(_replace, text)


def _replace(match: re.Match[str]) -> str:
    is_valid = match["half"] is None and match["invalid"] is None
    return match[0] if is_valid else REPLACEMENT
