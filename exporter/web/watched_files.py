"""Reads files that users name, and notices when they change."""

from __future__ import annotations

import hashlib
import io
import os
import stat
from operator import attrgetter
from pathlib import Path

from exporter.settings.files import open_without_waiting

MAX_BYTES = 1024 * 1024
"""Of a file; a bundle of all public authorities has a quarter of it."""

Stamp = tuple[int, int, int, int, int]
"""Device, inode, size, and the times of the last change of content and of the inode, in ns."""


class Files:
    """The files that were read together, and what they looked like.

    Attributes:
        stamps: By path; None for a file that is not there.
    """

    def __init__(self) -> None:
        self.stamps: dict[Path, Stamp | None] = {}
        self._digest = hashlib.sha256()

    @property
    def digest(self) -> bytes:
        """Of all content that was read."""
        return self._digest.digest()

    def read(self, path: Path) -> bytes:
        """Return the content of a file, and remember what it looks like.

        Raises:
            ValueError: It cannot be read; the message does not name it.
        """
        self.stamps[path] = _look(path)
        try:
            with io.BufferedReader(open_without_waiting(path)) as file:
                status = os.fstat(file.fileno())
                self.stamps[path] = _stamp(status)
                # A pipe would be empty until somebody writes into it, and an empty file allows all.
                problem = "is not a regular file"
                if stat.S_ISREG(status.st_mode):
                    content = file.read(MAX_BYTES + 1)
                    problem = f"has more than {MAX_BYTES} bytes"
                    if len(content) <= MAX_BYTES:
                        self._digest.update(f"{path}\0{len(content)}\0".encode(errors="replace"))
                        self._digest.update(content)
                        return content
        except OSError as error:
            problem = f"cannot be read: {error.strerror or type(error).__name__}"
        except ValueError:
            problem = "is not the path of a file"  # With a NUL.
        raise ValueError(problem)

    def seen(self) -> dict[Path, Stamp | None]:
        """Return what the files look like now."""
        return {path: _look(path) for path in self.stamps}


def newest_change(stamps: dict[Path, Stamp | None]) -> float | None:
    """Return the Unix time at which content last changed; None if a file is missing."""
    found = [stamp[3] for stamp in stamps.values() if stamp is not None]
    return max(found, default=0) / 1e9 if len(found) == len(stamps) else None


def _look(path: Path) -> Stamp | None:
    try:
        return _stamp(path.stat())
    except (OSError, ValueError):
        return None


_stamp = attrgetter("st_dev", "st_ino", "st_size", "st_mtime_ns", "st_ctime_ns")
