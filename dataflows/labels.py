"""Make text from the bus safe for label values: bounded and printable."""

from __future__ import annotations

from hashlib import blake2s

from dataflows.unprintable import replace_unprintable

MAX_LABEL = 128
"""Characters. The longest real names, Wazo's `grp-<tenant>-<uuid>`, are much shorter."""

_HASH_LENGTH = 8


def label(value: str) -> str:
    """Return untrusted text as a safe label value.

    Short, printable text is returned unchanged; all real names are. In other text,
    unprintable characters are replaced, the length is cut, and a hash of the whole
    text is appended, so that different names stay different. Quotes and
    backslashes are not touched: the exposition escapes them.
    """
    if len(value) <= MAX_LABEL and value.isprintable():
        return value
    digest = blake2s(
        value.encode(errors="surrogatepass"), digest_size=_HASH_LENGTH // 2
    ).hexdigest()
    head = value[: MAX_LABEL - _HASH_LENGTH - 1]
    return f"{replace_unprintable(head)}~{digest}"
