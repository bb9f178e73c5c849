"""The state directory: where bytewax keeps the state that survives this process.

It holds bytewax's recovery store, which is one SQLite file, a manifest that says which version and
settings wrote it, and a lock. A store that does not fit is never touched: the user decides, and
even then it is only moved aside.
"""

from __future__ import annotations

import errno
import fcntl
import re
import sqlite3
import time
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from typing import Self

import msgspec
from bytewax.recovery import RecoveryConfig, init_db_dir

from dataflows.snapshot import FORMAT
from exporter.settings import Serving, flag, spelled
from exporter.settings.messages import printable

PARTITIONS = 1
"""All of a cluster's state is kept by its first process, so that the cluster can grow."""

_PART = "part-0.sqlite3"
_MANIFEST = "manifest.json"
_LOCK = "lock"


class StateDirError(Exception):
    """The state directory cannot be used; the message says why and what to do."""


class Manifest(msgspec.Struct, frozen=True):
    """What must be the same in a store and in the exporter that resumes from it.

    Attributes:
        format: Version of the snapshots of states.
        engine: Name and version of what writes the store.
        windows: Lengths of the windows that are in the states.
        details: Subsystems that keep series for each entity.
    """

    format: int
    engine: str
    windows: str
    details: str

    @classmethod
    def of(cls, settings: Serving) -> Self:
        """Describe the store of this version, with these settings."""
        windows = ",".join(length.name for length in settings.windows)
        return cls(FORMAT, _ENGINE, windows, ",".join(sorted(settings.details)))


# All patch versions of a minor version write the same store.
_ENGINE = "bytewax " + version("bytewax").rpartition(".")[0]


class StateDir:
    """An open state directory, locked until it is closed or the process ends.

    Args:
        path: The directory; created if it is missing.
        wanted: What the manifest of its store must say.
        process: Number of this process in a cluster; only the first keeps a store.
        discard: Move a store aside, and begin with an empty one.

    Raises:
        StateDirError: The directory cannot be used.
    """

    def __init__(self, path: Path, wanted: Manifest, *, process: int, discard: bool) -> None:
        self._path = path / f"process-{process}"
        try:
            # For its owner only: bytewax unpickles what is in a store, so a store can run code.
            self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = (self._path / _LOCK).open("w")
        except OSError as error:
            # The system says "No such file" where it allows no new directories, as in /proc.
            is_refused = error.errno == errno.ENOENT
            reason = "no directory can be made there" if is_refused else error.strerror
            raise StateDirError(_unusable(path, reason)) from error
        try:
            self._take()
            if discard:
                self._set_aside()
            if process == 0:
                self._prepare(wanted)
        except OSError as error:
            self.close()
            raise StateDirError(_unusable(path, error.strerror)) from error
        except StateDirError:
            self.close()
            raise
        self.config = RecoveryConfig(self._path)

    def close(self) -> None:
        """Unlock it, so that another process can use it."""
        self._lock.close()

    def _take(self) -> None:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            msg = (
                f"another exporter uses {printable(self._path)}: give each its own state directory"
            )
            raise StateDirError(msg) from error

    def _prepare(self, wanted: Manifest) -> None:
        manifest = self._path / _MANIFEST
        if manifest.exists():
            self._check(manifest, wanted)
            return
        # A process that was killed before the end of this leaves a draft, and has kept nothing.
        draft = manifest.with_suffix(".draft")
        parts = [*self._path.glob("part-*")]
        if parts and not draft.exists():
            raise StateDirError(
                _refused(f"the store in {printable(self._path)} was not made by this program")
            )
        draft.write_bytes(msgspec.json.encode(wanted))
        for part in parts:
            part.unlink()
        try:
            init_db_dir(self._path, PARTITIONS)
        except BaseException as error:
            # A panic of bytewax, which is no Exception.
            if (reason := _reason(error)) is None:
                raise
            raise StateDirError(_unusable(self._path.parent, reason)) from error
        draft.replace(manifest)

    def _check(self, manifest: Path, wanted: Manifest) -> None:
        try:
            found = msgspec.json.decode(manifest.read_bytes(), type=Manifest)
        except msgspec.DecodeError as error:
            raise StateDirError(_refused(f"{printable(manifest)} is damaged")) from error
        for field, remedy in _REMEDIES.items():
            has, wants = getattr(found, field), getattr(wanted, field)
            if has != wants:
                how = f"{field} {printable(has or 'none')}, and not {wants or 'none'}"
                state = f"the state in {printable(self._path)} was kept with {how}"
                raise StateDirError(_refused(state, remedy))
        store = self._path / _PART
        if (problem := _problem(store)) is not None:
            raise StateDirError(
                _refused(f"the store {printable(store)} is damaged ({printable(problem)})")
            )

    def _set_aside(self) -> None:
        kept = [each for each in self._path.iterdir() if each.is_file() and each.name != _LOCK]
        if kept:
            aside = self._path / time.strftime("discarded-%Y%m%dT%H%M%S")
            aside.mkdir()
            for each in kept:
                each.rename(aside / each.name)


def _problem(store: Path) -> str | None:
    """Return what is damaged in a store; None if nothing is."""
    if not store.is_file():
        return "it is missing"
    # A connection that may write would merge the journal of a killed process into the store.
    mode = "mode=ro" if Path(f"{store}-wal").exists() else "immutable=1"
    try:
        with closing(sqlite3.connect(f"{store.absolute().as_uri()}?{mode}", uri=True)) as database:
            (verdict,) = database.execute("PRAGMA quick_check(1)").fetchone()
            if verdict != "ok":
                return str(verdict)
            parts = database.execute("SELECT part_index, part_count FROM parts").fetchall()
    except sqlite3.Error as error:
        return str(error)
    return None if parts == [(0, PARTITIONS)] else f"it has the partitions {parts}"


_REMEDIES = {
    "format": "start the version that wrote it",
    "engine": "start the version that wrote it",
    "windows": "start with the earlier --windows",
    "details": "start with the earlier --details",
}
"""By the field of the manifest that differs."""


def _refused(problem: str, remedy: str = "restore it from a backup") -> str:
    return f"{problem}; {remedy}, or start once with {flag('discard_state')}"


def _unusable(path: Path, reason: str | None) -> str:
    return f"{spelled('state_dir')}: cannot write to {printable(path)}: {reason}"


def _reason(error: BaseException) -> str | None:
    """Return what SQLite reported to bytewax, if that is why bytewax panicked."""
    found = re.search(r'SqliteFailure\(.*Some\("(.*?)"\)', str(error))
    return found and found[1]


def explain(error: BaseException) -> str | None:
    """Return why bytewax cannot write the store; None if that is not why it ended."""
    reason = _reason(error)
    return reason and (
        f"the state directory cannot be written: {reason}; events that were not saved stay in the "
        "inbox; make the directory writable, and start again"
    )
