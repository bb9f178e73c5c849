"""The state directory: where bytewax keeps what must outlive this process.

It holds bytewax's recovery store, one SQLite file; a manifest that tells whose
state it is; and a lock. A store that does not fit is never touched: the user
decides, and even then it is moved aside.
"""

from __future__ import annotations

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
from exporter.settings import Serving

PARTITIONS = 1
"""All of a cluster's state is kept by its first process, so that the cluster can grow."""

_PART = "part-0.sqlite3"
_MANIFEST = "manifest.json"
_LOCK = "lock"


class StateDirError(Exception):
    """The state directory cannot be used, and what to do about that."""


class Manifest(msgspec.Struct, frozen=True):
    """What a store must agree in with the exporter that goes on with it.

    Attributes:
        format: Of the copies of states.
        engine: What writes the store.
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


# Stores of one minor version are alike.
_ENGINE = "bytewax " + version("bytewax").rpartition(".")[0]


class StateDir:
    """An open state directory, locked until it is closed or the process ends.

    Args:
        path: Is made if it is missing.
        wanted: What its store must be.
        process: Of a cluster; only the first keeps a store.
        discard: Move a store aside, and begin anew.

    Raises:
        StateDirError: It cannot be used.
    """

    def __init__(self, path: Path, wanted: Manifest, *, process: int, discard: bool) -> None:
        self._path = path / f"process-{process}"
        try:
            # Its owner's alone: bytewax runs what a store tells it to, for it reads pickles.
            self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = (self._path / _LOCK).open("w")
        except OSError as error:
            msg = f"cannot write to {self._path}: {error.strerror}"
            raise StateDirError(msg) from error
        try:
            self._take()
            if discard:
                self._set_aside()
            if process == 0:
                self._prepare(wanted)
        except OSError as error:
            self.close()
            msg = f"cannot use {self._path}: {error.strerror}"
            raise StateDirError(msg) from error
        except StateDirError:
            self.close()
            raise
        self.config = RecoveryConfig(self._path)

    def close(self) -> None:
        """Let others use it."""
        self._lock.close()

    def _take(self) -> None:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            msg = f"another exporter uses {self._path}: give each its own state directory"
            raise StateDirError(msg) from error

    def _prepare(self, wanted: Manifest) -> None:
        manifest = self._path / _MANIFEST
        if manifest.exists():
            self._check(manifest, wanted)
            return
        # Whoever dies before the end leaves a draft, and kept nothing yet.
        draft = manifest.with_suffix(".draft")
        parts = [*self._path.glob("part-*")]
        if parts and not draft.exists():
            raise StateDirError(_no(f"the store in {self._path} is not of this program"))
        draft.write_bytes(msgspec.json.encode(wanted))
        for part in parts:
            part.unlink()
        init_db_dir(self._path, PARTITIONS)
        draft.replace(manifest)

    def _check(self, manifest: Path, wanted: Manifest) -> None:
        try:
            found = msgspec.json.decode(manifest.read_bytes(), type=Manifest)
        except msgspec.DecodeError as error:
            raise StateDirError(_no(f"{manifest} is damaged")) from error
        for field in ("format", "engine", "windows", "details"):
            has, wants = getattr(found, field), getattr(wanted, field)
            if has != wants:
                how = f"{field} {has or 'none'}, and not {wants or 'none'}"
                raise StateDirError(_no(f"the state in {self._path} was kept with {how}"))
        if (problem := _problem(self._path / _PART)) is not None:
            raise StateDirError(_no(f"the store {self._path / _PART} is damaged ({problem})"))

    def _set_aside(self) -> None:
        kept = [each for each in self._path.iterdir() if each.is_file() and each.name != _LOCK]
        if kept:
            aside = self._path / time.strftime("discarded-%Y%m%dT%H%M%S")
            aside.mkdir()
            for each in kept:
                each.rename(aside / each.name)


def _problem(store: Path) -> str | None:
    """Look for damage; None if there is none."""
    if not store.is_file():
        return "it is missing"
    # A connection that may write would move the journal of a killed process into the store.
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


def _no(problem: str) -> str:
    return f"{problem}; restore what fits, or begin anew with --discard-state"


def explain(error: BaseException) -> str | None:
    """Say what is wrong with the store, if that is why bytewax ended."""
    found = re.search(r'SqliteFailure\(.*Some\("(.*?)"\)', str(error))
    return found and (
        f"the state directory cannot be written: {found[1]}. Events that were not kept stay in "
        "the inbox; mend it and start again"
    )
