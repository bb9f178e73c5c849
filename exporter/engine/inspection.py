"""Looks at a state directory as a start of the exporter would, and changes nothing there."""

from __future__ import annotations

import errno
import fcntl
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from exporter.engine.manifest import OURS
from exporter.engine.private import WRITE_ACCESS
from exporter.engine.state_rules import (
    LOCK,
    MANIFEST,
    StateDirError,
    must_be_private,
    parts_without_manifest,
    read_manifest,
    unusable,
    why_no_directory,
)
from exporter.settings.messages import printable


class Inspected(NamedTuple):
    """What a state directory that can be used is like.

    Attributes:
        detail: In words.
        advice: What to do; empty if nothing needs a look.
    """

    detail: str
    advice: str = ""


def inspect(path: Path, process: int = 0, *, discard: bool = False) -> Inspected:
    """Look at a state directory.

    Args:
        path: The directory; it may be missing.
        process: Number of this process in a cluster.
        discard: Whether the exporter moves a store aside, and begins with an empty one.

    Raises:
        StateDirError: It cannot be used; the message says why and what to do.
    """
    own = path / f"process-{process}"
    try:
        nearest = next(each for each in (own, *own.parents) if os.path.lexists(each))
        _must_be_writable(nearest)
        if nearest not in (own, path):
            return Inspected(f"{printable(path)} is not there yet; the exporter creates it")
        must_be_private((path.resolve(), nearest), WRITE_ACCESS)
        if nearest == path:
            return Inspected(f"{printable(path)} has no state yet")
        return _inspect_store(own, discard=discard)
    except OSError as error:
        raise StateDirError(unusable(path, why_no_directory(error))) from error


def _must_be_writable(directory: Path) -> None:
    """Check that a file can be made in a directory.

    Raises:
        OSError: It cannot.
    """
    if not directory.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
    try:
        # A file without a name: whatever happens, nothing is left behind.
        os.close(os.open(directory, os.O_TMPFILE | os.O_WRONLY, 0o600))
    except OSError as error:
        if error.errno not in _NO_NAMELESS_FILES:
            raise
        with tempfile.TemporaryFile(dir=directory):
            return


_NO_NAMELESS_FILES = (errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT)
"""What file systems answer that know no files without a name."""


def _inspect_store(own: Path, *, discard: bool) -> Inspected:
    if _is_locked(own / LOCK):
        return Inspected(
            f"an exporter uses {printable(own)} now",
            "nothing, if it is this one and runs; otherwise give each exporter its own directory",
        )
    if discard:
        return Inspected(f"the exporter moves what is in {printable(own)} aside")
    manifest = own / MANIFEST
    if manifest.exists():
        found = read_manifest(manifest)
        if found.age < OURS.age:
            return Inspected(
                f"the state in {printable(own)} was kept by an older version",
                "nothing, if that is right: the exporter moves it aside, and starts without it",
            )
        return Inspected(f"{printable(own)} has the state of an earlier run")
    parts_without_manifest(own)
    return Inspected(f"{printable(own)} has no state yet")


def _is_locked(lock: Path) -> bool:
    """Return whether a process has the lock; it is not waited for, and held for no moment."""
    with suppress(FileNotFoundError):
        descriptor = os.open(lock, os.O_RDONLY | os.O_NOFOLLOW)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            # It ends the lock too.
            os.close(descriptor)
    return False
