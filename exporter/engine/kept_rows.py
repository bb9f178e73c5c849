"""Checks the rows of bytewax's recovery store, and changes them to fit the settings.

Bytewax (0.21) keeps these tables in SQLite: `parts`, the partitions; `exs`, the executions;
`fronts` and `commits`, how far each execution came; `snaps`, the snapshots of each step and key.
It panics on a damaged row.
"""

from __future__ import annotations

import pickle
import sqlite3
from collections.abc import Collection, Mapping
from contextlib import closing
from io import BytesIO
from pathlib import Path
from typing import NamedTuple, NoReturn
from zlib import crc32

from dataflows.snapshot import DamagedError, Snapshot, seal, unseal
from exporter.engine.fitting import Removed, fit
from exporter.engine.resumed import Resumed

PARTITIONS = 1
"""All of a cluster's state is kept by its first process, so that the cluster can grow."""

_IMPOSSIBLE_EPOCH = 2**62
_MAX_WORKERS = 4096
_TIMEOUT_SECONDS = 1.0
"""Wait for another program that locks the store, such as a backup."""


class KeptRow(NamedTuple):
    """A row of `snaps`, the newest of its step and key.

    Attributes:
        number: Of the row in the table.
        step: Id of the step.
        content: State of a bus, or snapshot of a state.
    """

    number: int
    step: str
    content: Resumed | Snapshot

    @property
    def key(self) -> str:
        """The name of the bus, or the key of the state."""
        return self.content.bus if isinstance(self.content, Resumed) else self.content.key


def schema_checksum(store: Path) -> int:
    """Return a checksum of the tables of a store.

    Raises:
        sqlite3.Error: The store is damaged.
    """
    with closing(_open(store)) as database:
        return _schema_checksum(database)


def _schema_checksum(database: sqlite3.Connection) -> int:
    tables = database.execute("SELECT type, name, sql FROM sqlite_master").fetchall()
    version = database.execute("PRAGMA user_version").fetchone()
    return crc32(repr((tables, version)).encode())


def check(store: Path, schema: int) -> list[KeptRow]:
    """Return the rows of a store from which bytewax resumes.

    Raises:
        DamagedError: The store is not as it was written; the message says what is wrong.
    """
    if not store.is_file():
        msg = "it is missing"
        raise DamagedError(msg)
    try:
        with closing(_open(store)) as database:
            if _schema_checksum(database) != schema:
                msg = "its tables have changed"
                raise DamagedError(msg)
            # It also compares the tables with their indexes, so it finds changed keys and epochs.
            (verdict,) = database.execute("PRAGMA integrity_check(1)").fetchone()
            if verdict != "ok":
                raise DamagedError(str(verdict))
            return _newest(database, _resume_epoch(database))
    except sqlite3.Error as error:
        raise DamagedError(str(error)) from error
    except UnicodeError as error:
        # Python cannot read SQLite's own message if it quotes damaged text.
        problem = "its tables have changed"
        raise DamagedError(problem) from error


def adapt(
    store: Path,
    rows: list[KeptRow],
    buses: Mapping[str, tuple[str, ...]],
    subsystems: Collection[str],
) -> Removed:
    """Change a store so that it fits the settings; see `fit`.

    Args:
        store: Is changed.
        rows: Its rows.
        buses: The addresses of each bus in the settings.
        subsystems: The names of the subsystems that are kept.

    Raises:
        sqlite3.Error: The store cannot be written, and is unchanged.
    """
    fitted, removed = fit([each.content for each in rows], buses, subsystems)
    with closing(sqlite3.connect(store, timeout=_TIMEOUT_SECONDS)) as database, database:
        for each, content in zip(rows, fitted, strict=True):
            if content is None:
                key = each.step, each.key
                database.execute("DELETE FROM snaps WHERE step_id = ? AND state_key = ?", key)
            elif content != each.content:
                row = pickle.dumps(seal(content)), each.number
                database.execute("UPDATE snaps SET ser_change = ? WHERE rowid = ?", row)
    return removed


def _open(store: Path) -> sqlite3.Connection:
    # A connection that may write would merge the journal of a killed process into the store.
    mode = "mode=ro" if Path(f"{store}-wal").exists() else "immutable=1"
    database = sqlite3.connect(f"{store.absolute().as_uri()}?{mode}", uri=True)
    # Damaged text may not be UTF-8.
    database.text_factory = lambda data: data.decode(errors="replace")
    return database


def _resume_epoch(database: sqlite3.Connection) -> int:
    """Return the epoch at which bytewax resumes: it loads only rows of epochs before.

    Raises:
        DamagedError: Bytewax would refuse it, or panic.
    """
    parts = database.execute("SELECT part_index, part_count FROM parts").fetchall()
    if parts != [(0, PARTITIONS)]:
        msg = f"it has the partitions {parts}"
        raise DamagedError(msg)
    executions = database.execute(
        "SELECT ex_num, worker_count, resume_epoch FROM exs ORDER BY ex_num"
    ).fetchall()
    frontiers = database.execute("SELECT ex_num, worker_index, worker_frontier FROM fronts")
    progress = frontiers.fetchall()
    commits = [epoch for (epoch,) in database.execute("SELECT commit_epoch FROM commits")]
    numbers = [*commits, *(number for row in [*executions, *progress] for number in row)]
    if not all(0 <= number < _IMPOSSIBLE_EPOCH for number in numbers):
        msg = "an epoch is out of range"
        raise DamagedError(msg)
    if not executions:
        return 0
    execution, workers, started_at = executions[-1]
    if workers > _MAX_WORKERS:
        msg = f"it has {workers} workers"
        raise DamagedError(msg)
    # A worker without a row has got no further than the start of the execution.
    reached = dict.fromkeys(range(workers), started_at)
    for number, worker, epoch in progress:
        if number == execution:
            reached[worker] = max(epoch, reached.get(worker, epoch))
    resumed_at: int = min(reached.values())
    if any(epoch > resumed_at for epoch in commits):
        msg = "it continues before the end of the last epoch that was saved"
        raise DamagedError(msg)
    return resumed_at


def _newest(database: sqlite3.Connection, resumed_at: int) -> list[KeptRow]:
    newest: dict[tuple[str, str], KeptRow | None] = {}
    for number, step, key, epoch, data in database.execute(
        "SELECT rowid, step_id, state_key, snap_epoch, ser_change FROM snaps ORDER BY snap_epoch"
    ):
        is_bus = step.endswith(".bus")
        kind: type[Resumed | Snapshot] = Resumed if is_bus else Snapshot
        row = None
        # Without data, the state has ended.
        if data is not None or is_bus:
            try:
                row = KeptRow(number, step, unseal(_unpickled(data or b""), kind))
            except DamagedError as error:
                problem = f"row {number} is not as it was written"
                raise DamagedError(problem) from error
            if key != row.key:
                problem = f"row {number} has the key of another one"
                raise DamagedError(problem)
        if epoch < resumed_at:
            newest[step, key] = row
    return [row for row in newest.values() if row is not None]


class _BytesOnly(pickle.Unpickler):
    """Reads the pickles that bytewax makes of our snapshots, which are bytes."""

    def find_class(self, module: str, name: str) -> NoReturn:
        msg = f"{module}.{name}"
        raise pickle.UnpicklingError(msg)


def _unpickled(data: bytes) -> bytes:
    try:
        found = _BytesOnly(BytesIO(data)).load()
    except Exception as error:
        # A damaged pickle can raise nearly anything.
        raise DamagedError from error
    if not isinstance(found, bytes):
        raise DamagedError
    return found
