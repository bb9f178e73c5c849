"""A recording on disk: whole after each flush, never larger than it may be, and for its owner."""

from __future__ import annotations

import errno
import gzip
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.recording.format import read
from exporter.recording.writer import RecordingWriter, numbered
from tests.support import REPOSITORY

MB = 1024 * 1024


def line(number: int, size: int = 0) -> bytes:
    return b'{"time":%d,"body":"%s"}\n' % (number, os.urandom(size // 2).hex().encode())


def numbers(path: Path) -> list[float]:
    return [message.time for message in read(path)]


@pytest.mark.parametrize("name", ["r.jsonl", "r.jsonl.gz"])
def test_what_was_flushed_can_be_read_before_the_end(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    writer = RecordingWriter(path, MB)
    for number in range(10):
        assert writer.write(line(number))
        assert numbers(path) == [*range(number)]
        writer.flush()
        assert numbers(path) == [*range(number + 1)]
    writer.close()
    content = path.read_bytes()
    assert writer.size == len(content)
    if name.endswith(".gz"):
        # Any program can read it, and finds no fault.
        content = gzip.decompress(content)
    assert content.count(b"\n") == writer.lines == 10


def test_only_the_owner_can_read_it_whatever_the_umask_says(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        RecordingWriter(tmp_path / "r", MB).close()
    finally:
        os.umask(before)
    assert (tmp_path / "r").stat().st_mode & 0o777 == 0o600


def test_no_file_is_overwritten_and_no_link_followed(tmp_path: Path) -> None:
    (tmp_path / "r").write_text("precious")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for name in ("r", "link"):
        with pytest.raises(FileExistsError, match="choose another name") as caught:
            RecordingWriter(tmp_path / name, MB)
        assert str(tmp_path / name) in str(caught.value.strerror)
    assert (tmp_path / "r").read_text() == "precious"
    assert not (tmp_path / "elsewhere").exists()


def test_a_folder_that_does_not_exist_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"cannot write .*/none/r: No such file"):
        RecordingWriter(tmp_path / "none" / "r", MB)


@pytest.mark.parametrize("name", ["r.jsonl", "r.jsonl.gz"])
def test_it_is_full_before_it_is_larger_than_it_may_be(tmp_path: Path, name: str) -> None:
    writer = RecordingWriter(tmp_path / name, MB)
    count = 0
    while writer.write(line(count, 5000)):
        count += 1
    writer.close()
    size = (tmp_path / name).stat().st_size
    assert MB - 20_000 < size <= MB
    assert numbers(tmp_path / name) == [*range(count)]


@settings(deadline=None, max_examples=30)
@given(
    st.lists(st.integers(0, 40_000), max_size=60),
    st.integers(1, 5),
    st.sampled_from(["r.jsonl", "r.jsonl.gz"]),
    st.integers(1, 10),
)
def test_rotation_keeps_the_newest_lines_whole_within_the_size(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], keep: int, name: str, flush: int
) -> None:
    folder = tmp_path_factory.mktemp("rotation")
    most = keep * 60_000
    writer = RecordingWriter(folder / name, most, keep)
    count = 0
    for number, size in enumerate(sizes):
        if not writer.write(line(number, size)):
            assert keep == 1
            break
        count += 1
        if number % flush == 0:
            writer.flush()
        assert sum(path.stat().st_size for path in folder.iterdir()) <= most
    writer.close()
    files = [each.path for each in writer.files]
    assert sorted(files) == sorted(folder.iterdir())
    assert len(files) <= keep
    assert writer.size == sum(path.stat().st_size for path in files)
    kept = [number for path in files for number in numbers(path)]
    assert kept == [*range(count)][count - len(kept) :]
    assert writer.removed or len(kept) == count
    assert writer.lines == count


def test_later_files_have_a_number_before_the_ending() -> None:
    for name, later in {
        "monday.jsonl.gz": "monday.2.jsonl.gz",
        "monday.jsonl": "monday.2.jsonl",
        "a.b.jsonl.gz": "a.b.2.jsonl.gz",
        "monday": "monday.2",
        "monday.gz": "monday.2.gz",
    }.items():
        assert numbered(Path("/x") / name, 2) == Path("/x") / later


def test_a_file_of_somebody_else_is_neither_overwritten_nor_removed(tmp_path: Path) -> None:
    (tmp_path / "r.1").write_text("precious")
    writer = RecordingWriter(tmp_path / "r", 20_000, 2)
    for number in range(6):
        assert writer.write(line(number, 5000))
    writer.close()
    assert (tmp_path / "r.1").read_text() == "precious"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r.1", "r.5", "r.6"]


def test_a_file_that_was_moved_away_does_not_matter(tmp_path: Path) -> None:
    writer = RecordingWriter(tmp_path / "r", 20_000, 2)
    assert writer.write(line(0, 5000))
    (tmp_path / "r").unlink()
    for number in range(1, 5):
        assert writer.write(line(number, 5000))
    writer.close()


@pytest.mark.parametrize("name", ["r.jsonl", "r.jsonl.gz"])
def test_a_full_disk_is_told_and_leaves_a_whole_file(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / name
    writer = RecordingWriter(path, MB)
    assert writer.write(line(0))
    writer.flush()
    write = os.write
    left = 100

    def limited(fd: int, data: bytes) -> int:
        nonlocal left
        if not left:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        count = write(fd, data[:left])
        left -= count
        return count

    monkeypatch.setattr(os, "write", limited)
    assert writer.write(line(1, 5000))
    with pytest.raises(OSError, match=f"cannot write .*/{name}: No space left on device"):
        writer.flush()
    # What was written in part is removed, and makes place for the end.
    left = 100
    writer.close()
    assert numbers(path) == [0]
    if name.endswith(".gz"):
        assert gzip.decompress(path.read_bytes()) == line(0)


def test_a_full_disk_takes_nothing_from_a_file_to_which_the_standard_output_is_added(
    tmp_path: Path,
) -> None:
    program = """
import resource
from pathlib import Path
from exporter.recording.writer import RecordingWriter
resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
writer = RecordingWriter(Path("-"), 2**30)
writer.write(b"x" * 5000)
try:
    writer.flush()
except OSError:
    writer.close()
"""
    path = tmp_path / "all.jsonl"
    before = line(0, 1000)
    path.write_bytes(before)
    with path.open("ab") as output:
        subprocess.run([sys.executable, "-c", program], stdout=output, cwd=REPOSITORY, check=True)
    assert path.read_bytes() == before + b"x" * (3000 - len(before))
