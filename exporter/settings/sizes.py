"""Sizes of files, in the notation of the settings: 500MB, 1GB."""

from __future__ import annotations

import re
from typing import NamedTuple

_UNITS = {"MB": 1024**2, "GB": 1024**3, "TB": 1024**4}
"""As Prometheus writes them, and `ls -h` means them: powers of 1024."""

_EXAMPLE = "must be a size such as 500MB or 2GB"


class Size(NamedTuple):
    """A number of bytes, as it was written."""

    name: str
    bytes: int

    def __str__(self) -> str:
        return self.name

    @classmethod
    def parse(cls, text: str) -> Size:
        """Parse a whole number with a unit.

        Raises:
            ValueError: It is none.
        """
        found = re.fullmatch(rf"([1-9][0-9]{{0,5}}) ?({'|'.join(_UNITS)})", text.strip().upper())
        if found is None:
            raise ValueError(_EXAMPLE)
        return cls("".join(found.groups()), int(found[1]) * _UNITS[found[2]])


def spelled_size(count: float) -> str:
    """Write a number of bytes for people, such as 3.4 MB."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < _STEP:
            return f"{count:.0f} B" if unit == "B" else f"{count:.1f} {unit}"
        count /= _STEP
    return f"{count:.1f} TB"


_STEP = 1024
