"""Which names of fields are no personal data: those that consist of known words."""

from __future__ import annotations

import re
from collections.abc import Mapping

from exporter.recording import disclosed

LONG = 256
"""Characters. No field has a longer name."""

_WORDS_OF_A_NAME = re.compile("[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_IS_NAME = re.compile("[A-Za-z][A-Za-z_-]*")
_COMPOSED = re.compile(r"([A-Za-z_]+)[(:]")
"""How names begin such as `ChanVariable(PJSIP/1001-0000002a)` and `user_uuid:cc8de31a-…`."""


def known_part(key: str) -> str:
    """Return the beginning of the name of a field that is no personal data."""
    if _is_known(key):
        return key
    composed = _COMPOSED.match(key)
    return composed[0] if composed and _is_known(composed[1]) else ""


def _is_known(key: str) -> bool:
    if key in _NAMES:
        return True
    if len(key) > LONG or not _IS_NAME.fullmatch(key):
        return False
    words = _WORDS_OF_A_NAME.findall(key)
    return all(word.casefold() in disclosed.KEY_WORDS for word in words)


_NAMES = frozenset(
    name
    for fields in (
        disclosed.ENVELOPE,
        disclosed.PROPERTIES,
        *disclosed.FIELDS.values(),
        *(
            each
            for of in disclosed.FIELDS.values()
            for each in of.values()
            if isinstance(each, Mapping)
        ),
    )
    for name in fields
) | {"data"}
"""Fields of the list."""
