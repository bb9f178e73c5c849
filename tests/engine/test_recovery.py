"""The state directory: what is accepted, what is refused, and that nothing is overwritten."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from dataflows.snapshot import FORMAT
from exporter.engine.recovery import Manifest, StateDir, StateDirError, explain
from exporter.settings import Serving, load

WANTED = Manifest.of(load(Serving, {}, {}))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "state"


def opened(path: Path, wanted: Manifest = WANTED, *, discard: bool = False) -> StateDir:
    return StateDir(path, wanted, process=0, discard=discard)


def used(path: Path) -> Path:
    """Make a state directory, and put something into its store; give the store's path."""
    opened(path).close()
    store = path / "process-0" / "part-0.sqlite3"
    with closing(sqlite3.connect(store)) as database, database:
        database.execute("INSERT INTO exs (ex_num, worker_count, resume_epoch) VALUES (7, 1, 9)")
    return store


def contents(path: Path) -> dict[str, bytes]:
    """Read every file but the lock."""
    files = (each for each in path.rglob("*") if each.is_file() and each.name != "lock")
    return {str(each.relative_to(path)): each.read_bytes() for each in files}


def test_a_directory_is_made_and_accepted_again(path: Path) -> None:
    used(path)
    before = contents(path)
    opened(path).close()
    assert contents(path) == before


def test_the_manifest_tells_what_the_state_is_of() -> None:
    assert WANTED.windows == "1m,5m"
    assert WANTED.details == ""
    assert WANTED.engine.startswith("bytewax 0.")
    some = load(Serving, {"details": "endpoints,agents", "windows": "5m,30s"}, {})
    assert (Manifest.of(some).details, Manifest.of(some).windows) == ("agents,endpoints", "30s,5m")


def _truncate(store: Path) -> None:
    os.truncate(store, 8192)


def _overwrite(store: Path) -> None:
    store.write_bytes(os.urandom(20_000))


def _empty(store: Path) -> None:
    store.write_bytes(b"")


def _flip(store: Path) -> None:
    # In the pages behind the first: the header alone would not show it.
    data = bytearray(store.read_bytes())
    data[4096:] = bytes(len(data) - 4096)
    store.write_bytes(data)


def _other_partitions(store: Path) -> None:
    with closing(sqlite3.connect(store)) as database, database:
        database.execute("UPDATE parts SET part_count = 3")


def _not_json(store: Path) -> None:
    (store.parent / "manifest.json").write_text("{")


def _no_manifest(store: Path) -> None:
    (store.parent / "manifest.json").unlink()


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (_truncate, "is damaged"),
        (_overwrite, "is damaged"),
        (_empty, "is damaged"),
        (_flip, "is damaged"),
        (Path.unlink, "it is missing"),
        (_other_partitions, r"partitions \[\(0, 3\)\]"),
        (_not_json, "manifest.json is damaged"),
        (_no_manifest, "was not made by this program"),
    ],
)
def test_a_damaged_store_is_refused_and_never_touched(
    path: Path, damage: Callable[[Path], None], says: str
) -> None:
    damage(used(path))
    before = contents(path)
    for _ in range(2):
        with pytest.raises(StateDirError, match=says) as refused:
            opened(path)
        assert "restore it from a backup, or start once with --discard-state" in str(refused.value)
    assert contents(path) == before


def test_a_damaged_store_of_a_killed_process_is_not_touched_either(path: Path) -> None:
    store = used(path)
    with closing(sqlite3.connect(store)) as database:
        database.execute("CREATE TABLE late (x)")
        # As a process leaves it that is killed: the latest in a journal beside the store.
        files = {each: each.read_bytes() for each in store.parent.glob("part-*")}
    assert len(files) == 3
    for each, data in files.items():
        each.write_bytes(data)
    _flip(store)
    before = contents(path)
    with pytest.raises(StateDirError, match="is damaged"):
        opened(path)
    after = contents(path)
    shared_memory = "process-0/part-0.sqlite3-shm"
    assert after | {shared_memory: b""} == before | {shared_memory: b""}


def test_a_store_of_a_killed_process_is_looked_at_with_its_journal(path: Path) -> None:
    store = used(path)
    with closing(sqlite3.connect(store)) as database:
        with database:
            database.execute("UPDATE parts SET part_count = 3")
        files = {each: each.read_bytes() for each in store.parent.glob("part-*")}
    for each, data in files.items():
        each.write_bytes(data)
    with pytest.raises(StateDirError, match="partitions"):
        opened(path)


def test_a_directory_that_is_made_is_its_owners_alone(path: Path) -> None:
    opened(path).close()
    assert (path / "process-0").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("format", 99, f"format {FORMAT}, and not 99; start the version that wrote it, or"),
        ("engine", "bytewax 9.9", r"engine bytewax 0\.\d+, and not bytewax 9.9; start the version"),
        (
            "windows",
            "30s",
            "windows 1m,5m, and not 30s; start with the earlier --windows, or start",
        ),
        ("details", "agents", "details none, and not agents; start with the earlier --details, or"),
    ],
)
def test_a_store_of_another_version_or_shape_is_refused(
    path: Path, field: str, value: object, says: str
) -> None:
    used(path)
    before = contents(path)
    with pytest.raises(StateDirError, match=says):
        opened(path, msgspec.structs.replace(WANTED, **{field: value}))
    assert contents(path) == before
    opened(path).close()


def test_discarded_state_is_set_aside_whatever_it_is(path: Path) -> None:
    store = used(path)
    _overwrite(store)
    before = store.read_bytes()
    opened(path, discard=True).close()
    [aside] = path.rglob("discarded-*/part-0.sqlite3")
    assert aside.read_bytes() == before
    opened(path).close()
    with closing(sqlite3.connect(store)) as database:
        assert database.execute("SELECT count(*) FROM exs").fetchone() == (0,)


def test_there_may_be_nothing_to_discard(path: Path) -> None:
    opened(path, discard=True).close()
    assert not list(path.rglob("discarded-*"))


def test_a_start_that_was_cut_short_is_begun_again(path: Path) -> None:
    used(path)
    manifest = path / "process-0" / "manifest.json"
    manifest.rename(manifest.with_suffix(".draft"))
    opened(path).close()
    opened(path).close()


def test_two_exporters_do_not_share_a_directory(path: Path) -> None:
    with closing(opened(path)), pytest.raises(StateDirError, match="another exporter"):
        opened(path)
    opened(path).close()


def test_only_the_first_process_of_a_cluster_keeps_a_store(path: Path) -> None:
    with closing(opened(path)), closing(StateDir(path, WANTED, process=1, discard=False)):
        assert [str(each.parent.name) for each in path.rglob("part-*")] == ["process-0"]


def test_a_path_that_cannot_be_written_is_refused_as_it_was_written(tmp_path: Path) -> None:
    # Also root cannot make a directory below something that is none.
    path = tmp_path / "file" / "state"
    path.parent.write_text("")
    place = "--state-dir (XIVO_EXPORTER_STATE_DIR): cannot write to"
    with pytest.raises(StateDirError) as refused:
        opened(path)
    assert str(refused.value) == f"{place} {path}: Not a directory"
    with pytest.raises(StateDirError) as refused:
        opened(Path("/proc/x"))
    assert str(refused.value) == f"{place} /proc/x: no directory can be made there"


def test_a_store_that_cannot_be_written_is_explained() -> None:
    error = RuntimeError(
        "(src/run.rs:167:13) called `Result::unwrap()` on an `Err` value: SqliteFailure(Error "
        '{ code: DiskFull, extended_code: 13 }, Some("database or disk is full"))'
    )
    told = explain(error)
    assert told is not None
    assert "database or disk is full" in told
    assert explain(RuntimeError("something else")) is None
