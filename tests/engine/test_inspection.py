"""A state directory is judged as a start would judge it, and stays as it is."""

import os
from pathlib import Path

import msgspec
import pytest

from exporter.engine.inspection import inspect
from exporter.engine.manifest import OURS, Manifest
from exporter.engine.recovery import StateDir
from exporter.engine.state_rules import STORE, StateDirError

BUSES = {"default": ("amqp://localhost",)}


def kept(path: Path) -> StateDir:
    return StateDir(path, BUSES, process=0, discard=False)


def write(path: Path, manifest: Manifest) -> None:
    summed = msgspec.structs.replace(manifest, checksum=manifest.sum())
    (path / "process-0" / "manifest.json").write_bytes(msgspec.json.encode(summed))


def content(path: Path) -> list[tuple[str, int, int]]:
    found = [path, *sorted(path.rglob("*"))]
    return [(f"{each}", each.stat().st_mode, each.stat().st_mtime_ns) for each in found]


def test_what_a_start_has_made_can_be_used_and_is_not_changed(tmp_path: Path) -> None:
    path = tmp_path / "state"
    assert "is not there yet" in inspect(path).detail
    kept(path).close()
    before = content(path)
    assert inspect(path).advice == ""
    assert "state of an earlier run" in inspect(path).detail
    assert content(path) == before


def test_a_store_in_use_is_found_and_its_owner_does_not_notice(tmp_path: Path) -> None:
    state = kept(tmp_path)
    assert "an exporter uses" in inspect(tmp_path).detail
    assert inspect(tmp_path).advice
    state.close()
    assert not inspect(tmp_path).advice
    # The lock was not kept.
    kept(tmp_path).close()


def test_an_older_store_is_a_warning_and_a_newer_one_is_refused(tmp_path: Path) -> None:
    kept(tmp_path).close()
    write(tmp_path, msgspec.structs.replace(OURS, format=OURS.format - 1))
    assert "older version" in inspect(tmp_path).detail
    assert inspect(tmp_path).advice
    write(tmp_path, msgspec.structs.replace(OURS, format=OURS.format + 1))
    with pytest.raises(StateDirError, match="newer version"):
        inspect(tmp_path)
    assert not inspect(tmp_path, discard=True).advice


def test_what_a_start_would_refuse_is_refused(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir(mode=0o755)
    with pytest.raises(StateDirError, match="chmod 700"):
        inspect(state)
    state.chmod(0o700)
    kept(state).close()
    store = state / "process-0" / STORE
    store.chmod(0o640)
    with pytest.raises(StateDirError, match="chmod 600"):
        inspect(state)
    store.chmod(0o600)
    store.write_bytes(b"damaged")
    before = content(state)
    with pytest.raises(StateDirError, match="is damaged"):
        inspect(state)
    assert content(state) == before
    with pytest.raises(StateDirError, match="is damaged"):
        kept(state)


def test_the_directory_itself_may_be_a_link(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "state")
    (tmp_path / "state").mkdir(mode=0o700)
    assert "no state yet" in inspect(link).detail
    kept(link).close()
    assert "earlier run" in inspect(link).detail


def test_a_link_or_a_directory_of_others_is_refused(tmp_path: Path) -> None:
    kept(tmp_path).close()
    (tmp_path / "process-0").chmod(0o770)
    with pytest.raises(StateDirError, match="chmod 700"):
        inspect(tmp_path)
    (tmp_path / "process-1").symlink_to(tmp_path / "process-0")
    with pytest.raises(StateDirError, match="symbolic link"):
        inspect(tmp_path, 1)


def test_a_directory_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        # Root may write everywhere but here.
        with pytest.raises(StateDirError, match="cannot write to /proc/1/state"):
            inspect(Path("/proc/1/state"))
        return
    tmp_path.chmod(0o500)
    with pytest.raises(StateDirError, match="Permission denied"):
        inspect(tmp_path / "state")
