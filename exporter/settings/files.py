"""Opens files that users name; a pipe without a writer must not stop the exporter."""

from __future__ import annotations

import os
from io import FileIO
from pathlib import Path


def open_without_waiting(path: Path) -> FileIO:
    """Open a file for reading, and never wait, even if it is a pipe.

    Raises:
        OSError: It cannot be opened.
    """
    return FileIO(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK))
