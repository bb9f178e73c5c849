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
    STORE,
    StateDirError,
    must_be_private,
    parts_without_manifest,
    read_manifest,
    unusable,
    whole_rows,
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
        # The directory itself may be a link, as systemd makes it.
        directories = (path.resolve(), own) if nearest == own else (path.resolve(),)
        must_be_private(directories, WRITE_ACCESS)
        if nearest == own and _is_locked(own / LOCK):
            return Inspected(
                f"an exporter uses {printable(own)} now",
                "nothing, if it is this one and runs; otherwise give each exporter its own "
                "directory",
            )
        manifest = own / MANIFEST
        found = read_manifest(manifest) if manifest.exists() and not discard else None
        if found is not None and found.age < OURS.age:
            return Inspected(
                f"the state in {printable(own)} was kept by an older version",
                "nothing, if that is right: the exporter moves it aside, and starts without it",
            )
        if process == 0:
            must_be_private(directories)
        if discard:
            return Inspected(f"the exporter moves what is in {printable(own)} aside")
        if found is None:
            parts_without_manifest(own)
            return Inspected(f"{printable(path)} has no state yet")
        _must_be_whole(own, found.schema)
        return Inspected(f"{printable(own)} has the state of an earlier run")
    except OSError as error:
        raise StateDirError(unusable(path, why_no_directory(error))) from error


def _must_be_writable(directory: Path) -> None:
    """Check that a file can be made and written in a directory.

    Raises:
        OSError: It cannot.
    """
    if not directory.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
    try:
        # A file without a name: whatever happens, nothing is left behind.
        with open(os.open(directory, os.O_TMPFILE | os.O_WRONLY, 0o600), "wb") as file:
            file.write(bytes(_NEEDED_BYTES))
    except OSError as error:
        if error.errno not in _NO_NAMELESS_FILES:
            raise
        with tempfile.TemporaryFile(dir=directory) as file:
            file.write(bytes(_NEEDED_BYTES))


_NEEDED_BYTES = 1024 * 1024
"""That are written, because files can also be made on a disk that is full."""

_NO_NAMELESS_FILES = (errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT)
"""What file systems answer that know no files without a name."""


def _must_be_whole(own: Path, schema: int) -> None:
    must_be_private(each for each in sorted(own.iterdir()) if not each.is_dir())
    store = own / STORE
    # To read a store with a journal of a killed process can change files beside it.
    if not Path(f"{store}-wal").exists():
        whole_rows(store, schema)


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
