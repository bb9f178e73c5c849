"""Compresses responses with gzip."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

# Level 1 reduces an exposition to a tenth; level 9 takes five times as long for a little less.
_LEVEL = 1
_FORMAT = zlib.MAX_WBITS + 16


def compressed(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the pieces of a gzip file with this content."""
    # The header has no creation time: equal expositions have equal responses.
    compressor = zlib.compressobj(_LEVEL, wbits=_FORMAT)
    for piece in pieces:
        yield compressor.compress(piece)
    yield compressor.flush()
