"""The manifest of a recovery store: which version wrote it."""

from __future__ import annotations

import re
from importlib.metadata import version
from zlib import crc32

import msgspec

from dataflows.snapshot import FORMAT

FIRST_WITH_CHECKSUM = 6
"""The first format with a checksum in the manifest."""


class Manifest(msgspec.Struct, frozen=True):
    """What must be known of a store before it is read.

    Attributes:
        format: Version of the snapshots of states.
        engine: Name and version of what writes the store.
        schema: Checksum of the tables of the store.
        checksum: Of the other fields; 0 before format 6.
    """

    format: int
    engine: str
    schema: int = 0
    checksum: int = 0

    @property
    def age(self) -> tuple[int, list[int]]:
        """What is greater in a newer version: the format, and the version of bytewax."""
        return self.format, [int(number) for number in re.findall(r"\d+", self.engine)]

    def sum(self) -> int:
        """Return the checksum of the other fields."""
        return crc32(repr((self.format, self.engine, self.schema)).encode())


# All patch versions of a minor version of bytewax write the same store.
OURS = Manifest(FORMAT, "bytewax " + version("bytewax").rpartition(".")[0])
