"""The state directory: what is accepted, what is refused, and that nothing is overwritten."""

import os
import pickle
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from dataflows.snapshot import FORMAT, Snapshot, seal
from exporter.engine import kept_rows
from exporter.engine.manifest import Manifest
from exporter.engine.recovery import StateDir, explain
from exporter.engine.resumed import Resumed
from exporter.engine.state_rules import StateDirError

BUSES = ("default", "lyon")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "state"


def opened(path: Path, *buses: str, discard: bool = False, process: int = 0) -> StateDir:
    urls = {bus: (f"amqp://{bus}",) for bus in buses or BUSES}
    return StateDir(path, urls, process=process, discard=discard)


def rows(*origins: tuple[str, str]) -> list[tuple[str, str, bytes]]:
    """Return rows as the dataflow writes them: for each bus, and for each origin and its bus."""
    buses = dict.fromkeys(bus for _, bus in origins)
    found = [("xivo_exporter.bus", bus, _row(_bus(bus))) for bus in buses]
    for origin, bus in origins:
        key = f"agents\t{origin}"
        state = Snapshot("agents", key, bus, 1, 0, os.urandom(500))
        found.append(("xivo_exporter.state", key, _row(state)))
    return found


def _bus(name: str) -> Resumed:
    urls = (f"amqp://{name}",)
    return Resumed(name, urls, "xivo", (b"12345678", (1,)), 0, 0.0, 0.0, {"o": 1.0, "p": 1.0})


def _row(content: object) -> bytes:
    return pickle.dumps(seal(content))


def used(path: Path, *origins: tuple[str, str]) -> Path:
    """Make a state directory, and put something into its store; give the store's path."""
    opened(path).close()
    store = path / "process-0" / "part-0.sqlite3"
    with closing(sqlite3.connect(store)) as database, database:
        database.execute("INSERT INTO exs (ex_num, worker_count, resume_epoch) VALUES (7, 1, 9)")
        database.execute(
            "INSERT INTO fronts (ex_num, worker_index, worker_frontier) VALUES (7,0,12)"
        )
        database.execute("INSERT INTO commits (part_index, commit_epoch) VALUES (0, 11)")
        for step, key, data in rows(*(origins or (("o", "default"), ("p", "lyon")))):
            _insert(database, step, key, 11, data)
    return store


def _insert(
    database: sqlite3.Connection, step: str, key: str, epoch: int, data: bytes | None
) -> None:
    database.execute(
        "INSERT INTO snaps (step_id, state_key, snap_epoch, ser_change) VALUES (?, ?, ?, ?)",
        (step, key, epoch, data),
    )


def leave(files: dict[Path, bytes]) -> None:
    """Leave files behind as a process that was killed."""
    for each, data in files.items():
        each.write_bytes(data)
        each.chmod(0o600)


def keys(store: Path) -> set[str]:
    with closing(sqlite3.connect(store)) as database:
        return {key for (key,) in database.execute("SELECT state_key FROM snaps")}


def contents(path: Path) -> dict[str, bytes]:
    """Read every file but the lock."""
    files = (each for each in path.rglob("*") if each.is_file() and each.name != "lock")
    return {str(each.relative_to(path)): each.read_bytes() for each in files}


def test_a_directory_is_made_and_accepted_again(path: Path) -> None:
    used(path)
    before = contents(path)
    opened(path).close()
    assert contents(path) == before


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


def _execute(query: str) -> Callable[[Path], None]:
    def damage(store: Path) -> None:
        with closing(sqlite3.connect(store)) as database, database:
            database.execute(query)

    return damage


_other_partitions = _execute("UPDATE parts SET part_count = 3")


def _other_content(data: bytes) -> Callable[[Path], None]:
    def damage(store: Path) -> None:
        with closing(sqlite3.connect(store)) as database, database:
            database.execute("UPDATE snaps SET ser_change = ?", (data,))

    return damage


class _Command:
    """What a pickle can do when it is loaded."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.abort, ()


def _not_json(store: Path) -> None:
    (store.parent / "manifest.json").write_text("{")


def _not_utf8(store: Path) -> None:
    manifest = store.parent / "manifest.json"
    manifest.write_bytes(manifest.read_bytes().replace(b"bytewax", b"bytew\xe1x"))


def _other_manifest(store: Path) -> None:
    manifest = store.parent / "manifest.json"
    manifest.write_text(
        manifest.read_text().replace(f'"format":{FORMAT}', f'"format":{FORMAT - 1}')
    )


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
        (_not_utf8, "manifest.json is damaged"),
        (_execute("UPDATE snaps SET ser_change = NULL"), "is not as it was written"),
        (_other_manifest, "manifest.json is damaged"),
        (
            _execute("UPDATE commits SET commit_epoch = 13"),
            "it continues before the end of the last",
        ),
        (_execute("UPDATE fronts SET worker_frontier = -1"), "an epoch is out of range"),
        (_execute("UPDATE exs SET worker_count = 1000000000"), "it has 1000000000 workers"),
        (_execute("ALTER TABLE snaps ADD COLUMN more TEXT"), "its tables have changed"),
        (
            _execute("UPDATE snaps SET state_key = 'agents\tx' WHERE state_key = 'agents\to'"),
            "key of",
        ),
        (
            _execute("UPDATE snaps SET state_key = 'x' WHERE state_key = 'lyon'"),
            "the key of another",
        ),
        (_other_content(b""), "is not as it was written"),
        (_other_content(pickle.dumps("text")), "is not as it was written"),
        (_other_content(pickle.dumps(b"no seal")), "is not as it was written"),
        (_other_content(pickle.dumps(_Command())), "is not as it was written"),
        (_other_content(pickle.dumps(seal({"a": "struct of another kind"}))), "is not as it was"),
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
    leave(files)
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
    leave(files)
    with pytest.raises(StateDirError, match="partitions"):
        opened(path)


@pytest.mark.parametrize("is_killed", [False, True])
def test_a_changed_byte_is_found_or_changes_nothing(path: Path, *, is_killed: bool) -> None:
    store = used(path)
    if is_killed:
        with closing(sqlite3.connect(store)) as database:
            with database:
                _insert(database, "xivo_exporter.bus", "default", 12, rows(("o", "default"))[0][2])
            files = {each: each.read_bytes() for each in store.parent.glob("part-*")}
        leave(files)
    before, sound = _resumable(store), store.read_bytes()
    files = {each: each.read_bytes() for each in store.parent.glob("part-*")}
    found = 0
    chance = random.Random(13)  # noqa: S311 -- no secret
    for _ in range(400):
        at, bit = chance.randrange(len(sound)), chance.randrange(8)
        changed = bytearray(sound)
        changed[at] ^= 1 << bit
        leave({**files, store: bytes(changed)})
        problem = _problem(path)
        assert not problem or "is damaged" in problem
        assert problem or _resumable(store) == before, f"bit {bit} of byte {at}"
        found += bool(problem)
    assert found > 20


def _problem(path: Path) -> str:
    try:
        opened(path).close()
    except StateDirError as error:
        return str(error)
    return ""


def _resumable(store: Path) -> list[Any]:
    """Return what bytewax resumes from."""
    with closing(sqlite3.connect(store)) as database:
        epochs = "SELECT (SELECT max(worker_frontier) FROM fronts), (SELECT max(ex_num) FROM exs)"
        snaps = "SELECT step_id, state_key, max(snap_epoch), ser_change FROM snaps"
        rows = database.execute(f"{snaps} GROUP BY step_id, state_key ORDER BY 1, 2").fetchall()
        # Some bytes of a pickle can change, and its content cannot: that of its protocol.
        contents = [(*row, pickle.loads(data)) for *row, data in rows]  # noqa: S301 -- ours
        return [database.execute(epochs).fetchall(), contents]


# --- Buses that are in the settings, and others -------------------------------------------------


def test_the_state_of_a_bus_that_is_not_in_the_settings_is_removed_and_logged(path: Path) -> None:
    store = used(path, ("o", "default"), ("p", "lyon"), ("q", "lyon"))
    with closing(sqlite3.connect(store)) as database, database:
        _insert(database, "xivo_exporter.state", "chat\to", 11, None)
    with capture_logs() as logs:
        opened(path, "default", "nice").close()
    [line] = logs
    assert (line["bus"], line["states"], line["log_level"]) == ("lyon", 2, "warning")
    assert keys(store) == {"default", "agents\to", "chat\to"}
    with capture_logs() as logs:
        opened(path, "default").close()
    assert not logs


def test_the_state_of_a_subsystem_that_is_left_out_is_removed_and_logged(path: Path) -> None:
    store = used(path, ("o", "default"), ("p", "lyon"))
    with closing(sqlite3.connect(store)) as database, database:
        for name, state in ("chat", b"x"), ("lines", b""), ("deliveries", b"x"):
            row = Snapshot(name, f"{name}\to", "default", 0, 0, state)
            _insert(database, "xivo_exporter.state", row.key, 11, _row(row))
    urls = {bus: (f"amqp://{bus}",) for bus in BUSES}
    names = {"chat", "bus", "deliveries"}
    with capture_logs() as logs:
        StateDir(path, urls, process=0, discard=False, subsystems=names).close()
    [line] = logs
    # Of lines there was no state yet.
    assert (line["subsystems"], line["states"], line["log_level"]) == ("agents", 2, "warning")
    assert keys(store) == {"default", "lyon", "chat\to", "deliveries\to"}
    with capture_logs() as logs:
        StateDir(path, urls, process=0, discard=False, subsystems=names).close()
        opened(path).close()
    assert not logs


def contents_of(store: Path) -> dict[str, Resumed | Snapshot]:
    """Return what the rows of a store contain, by key."""
    return {
        each.content.key if isinstance(each.content, Snapshot) else each.content.bus: each.content
        for each in kept_rows.check(store, kept_rows.schema_checksum(store))
    }


def test_the_states_of_a_bus_at_another_address_are_free_for_other_buses(path: Path) -> None:
    store = used(path, ("o", "default"), ("p", "lyon"))
    for urls in (("amqp://default", "amqp://more"), ("amqp://other",), ("amqp://default",)):
        addresses = {"default": urls, "lyon": ("amqp://lyon",)}
        StateDir(path, addresses, process=0, discard=False).close()
        found = contents_of(store)
        assert found["agents\to"].is_free is ("amqp://default" not in urls or len(urls) < 2)  # type: ignore[union-attr]  # a snapshot
        assert found["agents\tp"].is_free is False  # type: ignore[union-attr]  # a snapshot


def test_an_origin_that_has_a_state_becomes_known_to_its_bus(path: Path) -> None:
    store = used(path, ("o", "default"), ("new", "default"), ("p", "lyon"))
    with closing(sqlite3.connect(store)) as database, database:
        row = Snapshot("deliveries", "deliveries\tdefault", "default", 0, 0, b"")
        _insert(database, "xivo_exporter.state", row.key, 11, _row(row))
    for _ in range(2):
        opened(path).close()
        found = contents_of(store)
        assert found["default"].last_heard == {"o": 1.0, "p": 1.0, "new": 0.0}  # type: ignore[union-attr]  # of a bus
        assert found["lyon"].last_heard == {"o": 1.0, "p": 1.0}  # type: ignore[union-attr]  # of a bus


def test_only_the_newest_row_of_each_key_counts(path: Path) -> None:
    store = used(path, ("o", "default"))
    old = rows(("o", "lyon"), ("ended", "default"))
    with closing(sqlite3.connect(store)) as database, database:
        # Before, the origin was on another bus, which is gone, and another state had not ended.
        for step, key, data in old:
            _insert(database, step, key, 10, data)
        _insert(database, "xivo_exporter.state", "agents\tended", 11, None)
        # An epoch that was not saved to its end.
        unsaved = rows(("o", "nowhere"))[1][2]
        _insert(database, "xivo_exporter.state", "agents\to", 12, unsaved)
    opened(path, "default").close()
    found = contents_of(store)
    assert {*found} == {"default", "agents\to"}
    assert found["agents\to"].bus == "default"
    assert found["default"].last_heard == {"o": 1.0, "p": 1.0}  # type: ignore[union-attr]  # of a bus
    # Nothing of a bus comes back with an older row.
    with capture_logs() as logs:
        opened(path, "nice").close()
    assert [line["bus"] for line in logs] == ["default"]
    assert keys(store) == {"agents\tended"}


@pytest.mark.parametrize("is_discarded", [False, True])
def test_a_store_that_cannot_be_changed_is_refused_with_one_line(
    path: Path, *, is_discarded: bool
) -> None:
    store = used(path)
    with closing(sqlite3.connect(store, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        if is_discarded:
            opened(path, "default", discard=True).close()
            return
        before = contents(path)
        with pytest.raises(StateDirError, match=r"cannot write to .*: database is locked"):
            opened(path, "default")
        assert contents(path) == before


def test_a_store_that_is_gone_between_two_runs_is_refused_with_one_line(path: Path) -> None:
    with closing(opened(path)) as state_dir:
        shutil.rmtree(path)
        with pytest.raises(StateDirError, match=r"cannot write to .*: No such file or directory"):
            state_dir.fit({}, ())


@pytest.mark.parametrize("discard", [False, True])
def test_the_directories_of_an_older_version_are_made_private_first(
    path: Path, *, discard: bool
) -> None:
    _kept_by(path, format=5, checksum=0)
    path.chmod(0o755)
    (path / "process-0").chmod(0o755)
    opened(path, discard=discard).close()
    assert path.stat().st_mode & 0o777 == 0o700
    opened(path).close()


def test_the_order_of_buses_does_not_matter(path: Path) -> None:
    used(path)
    before = contents(path)
    opened(path, *reversed(BUSES)).close()
    assert contents(path) == before


def test_a_refused_store_loses_no_bus(path: Path) -> None:
    store = used(path)
    _execute("UPDATE parts SET part_count = 3")(store)
    before = contents(path)
    with pytest.raises(StateDirError):
        opened(path, "default")
    assert contents(path) == before


# --- Other versions -----------------------------------------------------------------------------


def _kept_by(path: Path, **fields: object) -> Path:
    store = used(path)
    manifest = store.parent / "manifest.json"
    found = msgspec.json.decode(manifest.read_bytes(), type=Manifest)
    made = msgspec.structs.replace(found, **fields)
    if "checksum" not in fields:
        made = msgspec.structs.replace(made, checksum=made.sum())
    manifest.write_bytes(msgspec.json.encode(made))
    return store


@pytest.mark.parametrize(
    "fields", [{"format": FORMAT + 1}, {"engine": "bytewax 9.9"}, {"engine": "bytewax 0.100"}]
)
def test_a_store_of_a_newer_version_is_refused(path: Path, fields: dict[str, object]) -> None:
    _kept_by(path, **fields)
    before = contents(path)
    says = r"kept by a newer version \(format \d+, bytewax [\d.]+\); start that version, or"
    with pytest.raises(StateDirError, match=says):
        opened(path)
    assert contents(path) == before


@pytest.mark.parametrize(
    "fields",
    [
        # Written by the first version: the manifest had no checksum, and the files were readable.
        {"format": 5, "checksum": 0},
        {"format": FORMAT, "engine": "bytewax 0.9"},
    ],
)
def test_a_store_of_an_older_version_is_moved_aside(path: Path, fields: dict[str, object]) -> None:
    store = _kept_by(path, **fields)
    for each in store.parent.iterdir():
        each.chmod(0o644)
    path.chmod(0o755)
    before = contents(path)
    with capture_logs() as logs:
        opened(path).close()
    [line] = logs
    assert "moved aside" in line["event"]
    aside = Path(line["moved_to"])
    assert aside.parent == store.parent
    assert {name.replace("process-0/", ""): data for name, data in before.items()} == contents(
        aside
    )
    assert keys(store) == set()
    assert path.stat().st_mode & 0o777 == 0o700
    with capture_logs() as logs:
        opened(path).close()
    assert not logs


# --- Other users --------------------------------------------------------------------------------


def test_directories_and_files_are_their_owners_alone(path: Path) -> None:
    umask = os.umask(0)
    try:
        used(path)
        with closing(opened(path)):
            found = {each.name: each.stat().st_mode & 0o777 for each in path.rglob("*")}
    finally:
        os.umask(umask)
    assert path.stat().st_mode & 0o777 == 0o700
    assert found.pop("process-0") == 0o700
    assert found.keys() >= {"lock", "manifest.json", "part-0.sqlite3"}
    assert set(found.values()) == {0o600}


@pytest.mark.parametrize(
    "place",
    [
        "",
        "process-0",
        *(
            f"process-0/{name}"
            for name in ("manifest.json", "part-0.sqlite3", "part-0.sqlite3-wal")
        ),
    ],
)
@pytest.mark.parametrize("mode", [0o020, 0o002, 0o040, 0o004, 0o010])
def test_what_others_have_access_to_is_refused(path: Path, place: str, mode: int) -> None:
    store = used(path)
    Path(f"{store}-wal").touch(mode=0o600)
    thing = path / place
    private = thing.stat().st_mode & 0o777
    thing.chmod(private | mode)
    before = contents(path)
    with pytest.raises(StateDirError, match=rf"access to {thing} \(mode 0{private | mode:o}\)"):
        opened(path)
    assert contents(path) == before
    thing.chmod(private)
    opened(path).close()


def test_what_was_moved_aside_may_have_any_permissions(path: Path) -> None:
    store = used(path)
    # The first version made it readable.
    aside = store.parent / "discarded-20260101T000000"
    aside.mkdir(mode=0o755)
    aside.joinpath(store.name).touch(mode=0o644)
    opened(path).close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another user")
@pytest.mark.parametrize("place", ["", "process-0", "process-0/part-0.sqlite3", "process-0/lock"])
def test_what_belongs_to_another_user_is_refused(path: Path, place: str) -> None:
    used(path)
    os.chown(path / place, 12345, -1)
    with pytest.raises(StateDirError, match=r"belongs to the user with the number 12345, and not"):
        opened(path)


def test_the_directory_may_be_a_link(path: Path, tmp_path: Path) -> None:
    used(path)
    (tmp_path / "link").symlink_to(path)
    opened(tmp_path / "link").close()


@pytest.mark.parametrize("mode", [0o700, 0o755, 0o770, 0o777])
def test_a_process_without_a_store_only_refuses_what_others_can_write(
    path: Path, mode: int
) -> None:
    path.mkdir(parents=True)
    path.chmod(mode)
    if mode & 0o022:
        with pytest.raises(StateDirError, match="other users have access"):
            opened(path, process=1)
    else:
        opened(path, process=1).close()


def test_a_link_to_a_store_is_refused(path: Path, tmp_path: Path) -> None:
    store = used(path)
    store.rename(tmp_path / "elsewhere")
    store.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StateDirError, match="is a symbolic link"):
        opened(path)
    store.with_name("lock").unlink()
    store.with_name("lock").symlink_to(tmp_path / "lock")
    with pytest.raises(StateDirError, match="cannot write to"):
        opened(path)
    assert not (tmp_path / "lock").exists()


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


def test_state_can_be_discarded_several_times_in_a_second(path: Path) -> None:
    for _ in range(3):
        opened(path, discard=True).close()
    assert len([*path.rglob("discarded-*/part-0.sqlite3")]) == 2


def test_moving_an_older_store_aside_can_be_cut_short_at_any_moment(path: Path) -> None:
    store = _kept_by(path, format=5, checksum=0)
    # The manifest is the last, so the next start goes on.
    aside = store.parent / "discarded-20260101T000000-x"
    aside.mkdir(mode=0o700)
    store.rename(aside / store.name)
    opened(path).close()
    assert keys(store) == set()


def test_a_changed_byte_of_the_manifest_is_found(path: Path) -> None:
    manifest = used(path).with_name("manifest.json")
    sound = manifest.read_bytes()
    for at in range(len(sound)):
        for bit in range(8):
            changed = bytearray(sound)
            changed[at] ^= 1 << bit
            manifest.write_bytes(changed)
            problem = _problem(path)
            assert "is damaged" in problem or "newer version" in problem or not problem
            if not problem:
                # White space, or the case of an escape: it says the same.
                assert msgspec.json.decode(changed) == msgspec.json.decode(sound)


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
    with closing(opened(path)), closing(opened(path, process=1)):
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
