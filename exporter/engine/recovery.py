"""The state directory: where bytewax keeps the state that survives this process.

It holds bytewax's recovery store, which is one SQLite file, a manifest that says which version
wrote it, and a lock. A store that cannot be used is never changed: it is refused, or moved aside.
"""

from __future__ import annotations

import fcntl
import os
import re
import sqlite3
import tempfile
import time
from collections.abc import Collection, Mapping
from pathlib import Path

import msgspec
import structlog
from bytewax.recovery import RecoveryConfig, init_db_dir

from dataflows.subsystems import SUBSYSTEMS
from exporter.engine import kept_rows
from exporter.engine.manifest import OURS, Manifest
from exporter.engine.private import WRITE_ACCESS
from exporter.engine.state_rules import (
    LOCK,
    MANIFEST,
    STORE,
    StateDirError,
    draft_of,
    must_be_private,
    parts_without_manifest,
    read_manifest,
    unusable,
    whole_rows,
    why_no_directory,
)
from exporter.settings.messages import printable

log = structlog.get_logger(__name__)

ALL_SUBSYSTEMS = frozenset(subsystem.name for subsystem in SUBSYSTEMS)
"""Names of those that are kept by default."""


class StateDir:
    """An open state directory, locked until it is closed or the process ends.

    Args:
        path: The directory; created if it is missing.
        buses: The addresses of each bus in the settings; the state of other buses is removed.
        process: Number of this process in a cluster; only the first keeps a store.
        discard: Move a store aside, and begin with an empty one.
        subsystems: Names of those that are kept; the state of others is removed.

    Raises:
        StateDirError: The directory cannot be used.
    """

    def __init__(
        self,
        path: Path,
        buses: Mapping[str, tuple[str, ...]],
        *,
        process: int,
        discard: bool,
        subsystems: Collection[str] = ALL_SUBSYSTEMS,
    ) -> None:
        self._path = path / f"process-{process}"
        self._buses = buses
        self._subsystems = subsystems
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            # The directory itself may be a link, as systemd makes it.
            self._directories = path.resolve(), self._path
            self._path.mkdir(mode=0o700, exist_ok=True)
            must_be_private(self._directories, WRITE_ACCESS)
            self._lock = os.open(self._path / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise StateDirError(unusable(path, why_no_directory(error))) from error
        try:
            self._take()
            if process == 0:
                self._prepare(discard=discard)
            elif discard:
                self._set_aside()
        except OSError as error:
            self.close()
            raise StateDirError(unusable(path, error.strerror)) from error
        except StateDirError:
            self.close()
            raise
        self.config = RecoveryConfig(self._path)

    def fit(self, buses: Mapping[str, tuple[str, ...]], subsystems: Collection[str]) -> None:
        """Make the store fit changed settings, between two runs of the dataflow.

        Args:
            buses: As for the class.
            subsystems: As for the class.

        Raises:
            StateDirError: The store cannot be used.
        """
        self._buses, self._subsystems = buses, subsystems
        try:
            self._use_store(read_manifest(self._path / MANIFEST).schema)
        except OSError as error:
            raise StateDirError(unusable(self._path.parent, error.strerror)) from error

    def close(self) -> None:
        """Unlock it, so that another process can use it."""
        os.close(self._lock)

    def _take(self) -> None:
        # It is empty, so it does not matter who could read it before.
        os.fchmod(self._lock, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            msg = (
                f"another exporter uses {printable(self._path)}: give each its own state directory"
            )
            raise StateDirError(msg) from error

    def _prepare(self, *, discard: bool) -> None:
        manifest = self._path / MANIFEST
        found = self._checked(manifest, discard=discard)
        is_older = found is not None and found.age < OURS.age
        if is_older:
            # Older versions let others read the directory. Before the manifest is moved: if this
            # process is killed, the next one does it again.
            for each in self._directories:
                each.chmod(0o700)
        must_be_private(self._directories)
        if discard:
            self._set_aside()
        elif is_older:
            log.warning(
                "the kept state was written by an older version, so it is moved aside; "
                "the exporter starts without it",
                moved_to=str(self._set_aside()),
            )
        elif found is not None:
            self._use_store(found.schema)
            return
        self._make_store(manifest)

    def _make_store(self, manifest: Path) -> None:
        parts = parts_without_manifest(self._path)
        draft = draft_of(manifest)
        draft.touch(mode=0o600)
        for part in parts:
            part.unlink()
        try:
            init_db_dir(self._path, kept_rows.PARTITIONS)
        except BaseException as error:
            # A panic of bytewax, which is no Exception.
            if (reason := _reason(error)) is None:
                raise
            raise StateDirError(unusable(self._path.parent, reason)) from error
        store = self._path / STORE
        # SQLite gives the files beside it the same permissions.
        store.chmod(0o600)
        made = msgspec.structs.replace(OURS, schema=kept_rows.schema_checksum(store))
        draft.write_bytes(msgspec.json.encode(msgspec.structs.replace(made, checksum=made.sum())))
        draft.replace(manifest)

    def _checked(self, manifest: Path, *, discard: bool) -> Manifest | None:
        """Return the manifest of a store of this version or of an older one; None without one.

        Args:
            manifest: May be missing.
            discard: Return None for any other manifest, instead of an error.
        """
        if not manifest.exists():
            return None
        try:
            return read_manifest(manifest)
        except StateDirError:
            if discard:
                return None
            raise

    def _use_store(self, schema: int) -> None:
        # Subdirectories have only what was moved aside, which is never read.
        must_be_private(each for each in sorted(self._path.iterdir()) if not each.is_dir())
        store = self._path / STORE
        rows = whole_rows(store, schema)
        try:
            kept_rows.adapt(store, rows, self._buses, self._subsystems).tell()
        except sqlite3.Error as error:
            raise StateDirError(unusable(store, str(error))) from error

    def _set_aside(self) -> Path | None:
        kept = [each for each in self._path.iterdir() if each.is_file() and each.name != LOCK]
        if not kept:
            return None
        now = time.strftime("discarded-%Y%m%dT%H%M%S-")
        aside = Path(tempfile.mkdtemp(prefix=now, dir=self._path))
        # The manifest last: if this process is killed before, the next one goes on.
        for each in sorted(kept, key=lambda path: path.name == MANIFEST):
            each.rename(aside / each.name)
        return aside


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
