"""Checks that only the exporter's user can read and write its files, as ssh checks a key.

Bytewax unpickles what is in a recovery store. So a user who can change the store can run code as
the exporter's user.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from exporter.settings.messages import printable

ANY_ACCESS = 0o077
WRITE_ACCESS = 0o022
"""Permissions that the group and all others must not have."""


def problem(path: Path, forbidden: int = ANY_ACCESS) -> str | None:
    """Return why a file or directory is not private and what to do; None if it is private."""
    found = path.lstat()
    if stat.S_ISLNK(found.st_mode):
        return f"{printable(path)} is a symbolic link; replace it by what it points to"
    if found.st_uid != os.geteuid():
        return (
            f"{printable(path)} belongs to the user with the number {found.st_uid}, and not to "
            f"the exporter's user, {os.geteuid()}; change its owner with chown"
        )
    if found.st_mode & forbidden:
        mode = "700" if stat.S_ISDIR(found.st_mode) else "600"
        return (
            f"other users have access to {printable(path)} (mode {stat.S_IMODE(found.st_mode):04o})"
            f"; run chmod {mode} on it"
        )
    return None
