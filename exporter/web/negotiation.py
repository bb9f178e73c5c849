"""Content negotiation: what a client prefers, by sections 12.4 and 12.5 of RFC 9110."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

# A part of a list ends at the first comma or semicolon outside of quotes. Every text matches
# without backtracking, so the time is linear in the length.
_PART = re.compile(r'((?:[^,;"]|"(?:[^"\\]|\\.?)*"?)*)([,;]|$)', re.DOTALL)
_QUALITY = re.compile(r"0?\.[0-9]+|0\.?|1(\.0*)?")


class _Element(NamedTuple):
    """An element of a list, such as `text/plain;version=0.0.4;q=0.5`, in lower case.

    Attributes:
        name: Without the parameters.
        parameters: Without the quality.
        quality: From 0 to 1. An invalid quality counts as 0, which refuses.
    """

    name: str
    parameters: frozenset[tuple[str, str]]
    quality: float


def preferred_type(accept: str, offers: Sequence[str]) -> str:
    """Return the content type that a client prefers.

    The quality decides. Between equal qualities, a type that the client names is preferred to one
    that only a wildcard allows, then the type that the client names first, then the first offer.

    Args:
        accept: The Accept header; empty if there is none.
        offers: Content types. The first one is also for clients that accept none of them.
    """
    ranges = _elements(accept)

    def rank(offer: str) -> tuple[float, int, int]:
        [offered] = _elements(offer)
        matches = [
            (_precision(asked.name), len(asked.parameters), asked.quality, -place)
            for place, asked in enumerate(ranges)
            if _covers(asked, offered)
        ]
        # Only the most specific range counts: a wildcard does not allow what is refused by name.
        precision, _, quality, place = max(matches, default=(0, 0, 0.0, 0))
        return quality, precision, place

    best = max(offers, key=rank)
    return best if rank(best)[0] > 0 else offers[0]


def preferred_language(accept_language: str, offers: Sequence[str]) -> str:
    """Return the language that a client prefers; the first offer if it accepts none of them.

    `fr-CA` asks for `fr` too, if nothing else says how much (RFC 4647, 3.4). Between equal
    qualities, the language that the client names first is preferred.

    Args:
        accept_language: The header; empty if there is none.
        offers: Languages without a region, such as `fr`.
    """
    ranges = _elements(accept_language)

    def rank(offer: str) -> tuple[float, int]:
        matches = [
            (precision, asked.quality, -place)
            for place, asked in enumerate(ranges)
            if (precision := _closeness(asked.name, offer))
        ]
        # Only the closest range counts, and of several the one that asks most.
        _, quality, place = max(matches, default=(0, 0.0, 0))
        return quality, place

    best = max(offers, key=rank)
    return best if rank(best)[0] > 0 else offers[0]


def accepts_gzip(accept_encoding: str) -> bool:
    """Return whether a client with this Accept-Encoding accepts gzip, and does not prefer identity.

    `*` stands for each coding that is not named. If the qualities are equal, gzip is used. A client
    that accepts neither gets identity, which every client can read.
    """
    quality: dict[str, float] = {}
    for asked in _elements(accept_encoding):
        name = "gzip" if asked.name == "x-gzip" else asked.name
        quality[name] = max(asked.quality, quality.get(name, 0.0))
    others = quality.get("*", 0.0)
    gzip = quality.get("gzip", others)
    return gzip > 0 and gzip >= quality.get("identity", others)


def _elements(header: str) -> list[_Element]:
    """Parse a list header. Empty elements are left out."""
    elements = []
    parts: list[str] = []
    for part, end in _PART.findall(header.lower()):
        parts.append(part.strip())
        if end != ";":
            name, *parameters = parts
            if name:
                elements.append(_element(name, parameters))
            parts = []
    return elements


def _element(name: str, parts: Sequence[str]) -> _Element:
    parameters = {}
    for part in filter(None, parts):
        key, _, value = part.partition("=")
        parameters[key.strip()] = _unquoted(value.strip())
    quality = parameters.pop("q", "1")
    return _Element(
        name,
        frozenset(parameters.items()),
        float(quality) if _QUALITY.fullmatch(quality) else 0.0,
    )


def _unquoted(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value


def _covers(asked: _Element, offered: _Element) -> bool:
    kind = offered.name.partition("/")[0]
    names = (offered.name, f"{kind}/*", "*/*", "*")
    return asked.name in names and asked.parameters <= offered.parameters


def _precision(name: str) -> int:
    """Return 0 for `*/*` and for the `*` of some old clients, 1 for `text/*`, else 2."""
    return 2 - name.count("*") if "/" in name else 0


def _closeness(asked: str, language: str) -> int:
    """Return 3 for the language itself, 2 for one of its regions, 1 for `*`, else 0."""
    if asked == language:
        return 3
    return 2 if asked.startswith(f"{language}-") else int(asked == "*")
