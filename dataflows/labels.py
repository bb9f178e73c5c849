"""Text from the bus that becomes a label value: bounded and printable."""

from __future__ import annotations

from hashlib import blake2s

MAX_LABEL = 128
"""Characters. The longest real names, Wazo's `grp-<tenant>-<uuid>`, stay far below."""

_MARK = 8


def label(value: str) -> str:
    """Make untrusted text fit for a label value.

    Text that is short and printable, any real name is, comes back as it is.
    Anything else has its unprintable characters replaced, is cut, and ends in a
    mark made from the whole text, so that different names stay different.
    Quotes, backslashes and the like are the exposition's to escape.
    """
    if len(value) <= MAX_LABEL and value.isprintable():
        return value
    mark = blake2s(value.encode(errors="surrogatepass"), digest_size=_MARK // 2).hexdigest()
    head = value[: MAX_LABEL - _MARK - 1]
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in head) + "~" + mark
