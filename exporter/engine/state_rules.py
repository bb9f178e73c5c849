"""When a state directory can be used, and what to say if not."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from pathlib import Path

import msgspec

from dataflows.snapshot import DamagedError
from exporter.engine import kept_rows, private
from exporter.engine.kept_rows import KeptRow
from exporter.engine.manifest import FIRST_WITH_CHECKSUM, OURS, Manifest
from exporter.engine.private import ANY_ACCESS
from exporter.settings import flag, spelled
from exporter.settings.messages import printable

STORE = "part-0.sqlite3"
MANIFEST = "manifest.json"
LOCK = "lock"


class StateDirError(Exception):
    """The state directory cannot be used; the message says why and what to do."""


def read_manifest(manifest: Path) -> Manifest:
    """Return the manifest of a store.

    Raises:
        StateDirError: It is damaged, or of a newer version.
    """
    try:
        found = msgspec.json.decode(manifest.read_bytes(), type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise StateDirError(refused(f"{printable(manifest)} is damaged")) from error
    is_old = found.format < FIRST_WITH_CHECKSUM and not found.checksum
    if not is_old and found.checksum != found.sum():
        raise StateDirError(refused(f"{printable(manifest)} is damaged"))
    if found.age > OURS.age:
        state = f"the state in {printable(manifest.parent)} was kept by a newer version"
        how = f"format {found.format}, {printable(found.engine)}"
        raise StateDirError(refused(f"{state} ({how})", "start that version"))
    return found


def parts_without_manifest(directory: Path) -> list[Path]:
    """Return the files of a store that has no manifest.

    Raises:
        StateDirError: They were not made by this program.
    """
    parts = [*directory.glob("part-*")]
    # A process that was killed while it made a store leaves a draft, and has kept nothing.
    if parts and not draft_of(directory / MANIFEST).exists():
        msg = refused(f"the store in {printable(directory)} was not made by this program")
        raise StateDirError(msg)
    return parts


def draft_of(manifest: Path) -> Path:
    """Return the path of a manifest until its store is made."""
    return manifest.with_suffix(".draft")


def whole_rows(store: Path, schema: int) -> list[KeptRow]:
    """Return the rows of a store from which bytewax resumes.

    Raises:
        StateDirError: The store is damaged.
    """
    try:
        return kept_rows.check(store, schema)
    except DamagedError as error:
        problem = f"the store {printable(store)} is damaged ({printable(str(error))})"
        raise StateDirError(refused(problem)) from error


def must_be_private(paths: Iterable[Path], forbidden: int = ANY_ACCESS) -> None:
    """Check that other users have none of these permissions.

    Raises:
        StateDirError: They have.
    """
    for path in paths:
        if found := private.problem(path, forbidden):
            msg = f"{spelled('state_dir')}: {found}"
            raise StateDirError(msg)


def refused(problem: str, remedy: str = "restore it from a backup") -> str:
    """Return the message about a store that cannot be used."""
    return f"{problem}; {remedy}, or start once with {flag('discard_state')}"


def unusable(path: Path, reason: str | None) -> str:
    """Return the message about a directory that cannot be used."""
    return f"{spelled('state_dir')}: cannot write to {printable(path)}: {reason}"


def why_no_directory(error: OSError) -> str | None:
    """Return why a directory could not be made."""
    match error.errno:
        case errno.ENOENT:
            # The system says "No such file" where it allows no new directories, as in /proc.
            return "no directory can be made there"
        case errno.EEXIST:
            return os.strerror(errno.ENOTDIR)
        case _:
            return error.strerror
