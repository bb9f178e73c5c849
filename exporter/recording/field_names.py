"""Which names of fields and events are no personal data: those that consist of known words."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from functools import lru_cache

from exporter.recording import disclosed
from exporter.recording.known_words import EVENT_WORDS, FIELD_WORDS

LONG = 256
"""Characters. No field has a longer name."""

_MANY_NAMES = 4096
"""Names of events that are remembered."""

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


def is_event(name: str) -> bool:
    """Return whether a name can only be that of an event."""
    return name in disclosed.FIELDS or (len(name) <= LONG and _is_event(name))


@lru_cache(maxsize=_MANY_NAMES)
def _is_event(name: str) -> bool:
    return _consists_of(name, EVENT_WORDS)


def _is_known(key: str) -> bool:
    return key in _NAMES or _consists_of(key, FIELD_WORDS)


def _consists_of(name: str, words: Collection[str]) -> bool:
    if len(name) > LONG or not _IS_NAME.fullmatch(name):
        return False
    return all(word.casefold() in words for word in _WORDS_OF_A_NAME.findall(name))


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
