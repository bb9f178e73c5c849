"""Writes the lines of a recording to one file, or to several in turn.

After each `flush`, all lines so far can be read, however the program ends: a compressed file gets a
flush point. It gets its proper end when it is closed, also after the disk was full.
"""

from __future__ import annotations

import os
import struct
import zlib
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import NamedTuple

from exporter.settings.messages import printable
from exporter.settings.paths import STDIN

FLUSH_BYTES = 256 * 1024
"""Bytes of lines after which they are flushed; so many wait in memory."""

_MARGIN = 4096
"""More than compression can add to these bytes, and than the end of a file needs."""

_GZIP_BEGIN = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
"""Without a name and a time, so that equal lines give equal files."""

_LAST_BLOCK = b"\x01\x00\x00\xff\xff"
"""An empty block, after a flush point."""

_STDOUT = 1


class Written(NamedTuple):
    """A file of the recording, and its size in bytes."""

    path: Path
    size: int


class RecordingWriter:
    """Writes lines; at most `max_bytes` are on disk.

    Args:
        path: Of the first file; compressed if its name ends in .gz. `-` is the standard output.
        max_bytes: Size of all files together.
        keep: Number of files. With more than one, a full file is followed by another one, with a
            number in its name, and the oldest one is removed.

    Attributes:
        lines: Number of lines that were written, also to files that were removed.
        removed: Number of files that were removed.

    Raises:
        OSError: The file exists, or cannot be made; the message names it.
    """

    def __init__(self, path: Path, max_bytes: int, keep: int = 1) -> None:
        self.lines = self.removed = 0
        self._path = path
        self._keep = keep
        self._max_bytes = max_bytes // keep
        self._numbers = count(1)
        self._earlier: list[Written] = []
        self._file = _File(path)

    @property
    def files(self) -> list[Written]:
        """The files on disk, the oldest first."""
        return [*self._earlier, Written(self._file.path, self._file.size)]

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return sum(size for _, size in self.files)

    def write(self, line: bytes) -> bool:
        """Write a line, or return False if there is no place for it.

        Raises:
            OSError: It cannot be written; what was flushed before stays.
        """
        if not self._fits(line):
            # Compressed, the lines that wait are smaller.
            self._file.flush()
            if not self._fits(line):
                if self._keep == 1:
                    return False
                self._rotate()
        self._file.add(line)
        self.lines += 1
        if self._file.waiting >= FLUSH_BYTES:
            self._file.flush()
        return True

    def flush(self) -> None:
        """Let all lines be on disk.

        Raises:
            OSError: They cannot be written; what was flushed before stays.
        """
        self._file.flush()

    def close(self) -> None:
        """End the file.

        Raises:
            OSError: The last lines cannot be written; what was flushed before stays.
        """
        self._file.close()

    def discard(self) -> None:
        """Remove the newest file, which has no line, so that its name can be used again."""
        if self._path != STDIN:
            self._file.path.unlink(missing_ok=True)

    def _fits(self, line: bytes) -> bool:
        needed = self._file.size + self._file.waiting + len(line) + _MARGIN
        return needed <= self._max_bytes

    def _rotate(self) -> None:
        self._file.close()
        self._earlier.append(Written(self._file.path, self._file.size))
        while len(self._earlier) >= self._keep:
            path, _ = self._earlier.pop(0)
            # It may be gone: somebody has moved it away.
            with suppress(FileNotFoundError):
                path.unlink()
            self.removed += 1
        for number in self._numbers:
            with suppress(FileExistsError):
                self._file = _File(numbered(self._path, number))
                return


class _File:
    """One file, which can be read up to its last flush."""

    def __init__(self, path: Path) -> None:
        self.path = path
        # Bytes of the file, and of lines that are not flushed.
        self.size = self.waiting = 0
        self._compressor = zlib.compressobj(wbits=-15) if path.name.endswith(".gz") else None
        self._crc = self._length = 0
        self._parts: list[bytes] = []
        self._fd = _STDOUT if path == STDIN else _created(path)
        if self._compressor:
            self._put(_GZIP_BEGIN)

    def add(self, line: bytes) -> None:
        self._parts.append(line)
        self.waiting += len(line)

    def flush(self) -> None:
        if not self._parts:
            return
        data = b"".join(self._parts)
        self._parts.clear()
        self.waiting = 0
        compressor = self._compressor
        if compressor:
            self._put(compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH))
            self._crc, self._length = zlib.crc32(data, self._crc), self._length + len(data)
        else:
            self._put(data)

    def close(self) -> None:
        if self._fd < 0:
            return
        try:
            self.flush()
        finally:
            try:
                if self._compressor:
                    end = struct.pack("<II", self._crc, self._length & 0xFFFFFFFF)
                    self._put(_LAST_BLOCK + end)
            finally:
                if self._fd != _STDOUT:
                    os.close(self._fd)
                self._fd = -1

    def _put(self, data: bytes) -> None:
        """Write all of this, or nothing if the disk is full."""
        left = memoryview(data)
        try:
            while left:
                left = left[os.write(self._fd, left) :]
        except OSError as error:
            # A part of a line, or of a block, would make the file end in the middle.
            # Of the standard output, the size may include what others wrote.
            if self._fd != _STDOUT:
                with suppress(OSError):
                    os.ftruncate(self._fd, self.size)
                    os.lseek(self._fd, self.size, os.SEEK_SET)
            raise _named(error, self.path) from error
        self.size += len(data)


def numbered(path: Path, number: int) -> Path:
    """Return the name of a later file: `monday.jsonl.gz` becomes `monday.1.jsonl.gz`."""
    gz = ".gz" if path.name.endswith(".gz") else ""
    name = Path(path.name.removesuffix(gz))
    return path.with_name(f"{name.stem}.{number}{name.suffix}{gz}")


def _created(path: Path) -> int:
    try:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _named(error, path) from error


def _named(error: OSError, path: Path) -> OSError:
    """Return an error of the same kind, whose message names the file and says what to do."""
    if isinstance(error, BrokenPipeError):
        return error
    hint = "; choose another name, or remove it" if isinstance(error, FileExistsError) else ""
    place = "the standard output" if path == STDIN else printable(path)
    return type(error)(error.errno, f"cannot write {place}: {error.strerror}{hint}")
