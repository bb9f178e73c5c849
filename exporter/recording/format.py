"""Reads recordings of a bus: one JSON object a line for each message, compressed with gzip or not.

    {"time": 1795621326.02, "routing_key": "ami.Hangup", "headers": {…}, "properties": {…},
     "body": {"name": "Hangup", …}}

`time` is the arrival in Unix seconds. `body` is the body itself if it is a JSON object, or a string
with its text. If `encoding` is `base64`, this text is that of the bytes in base64. Routing key,
headers and properties may be missing. The file of a user is untrusted:
it is read line by line, and a line that is longer than `MAX_LINE` is an error, also in a compressed
file.
"""

from __future__ import annotations

import gzip
import os
import re
import sys
import zlib
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BufferedIOBase, BufferedReader
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Literal

import msgspec
import structlog

from dataflows.envelope import MAX_BODY, Delivery
from exporter.settings.messages import printable
from exporter.settings.paths import STDIN

log = structlog.get_logger(__name__)

MAX_LINE = 2 * 1024 * 1024
"""Bytes. A body has at most 256 KiB, of which JSON may write each byte with six."""

LATEST = 10_000_000_000
"""Unix seconds; in the year 2286."""

_GZIP = b"\x1f\x8b"
"""How a compressed file begins. The name of a file does not matter, and stdin has none."""


_QUOTED = re.compile("(?<=Invalid enum value) .*(?= - at)", re.DOTALL)


class RecordingError(Exception):
    """A recording cannot be read; the message names the file, the line and the reason."""


class _CutOffError(Exception):
    """The last line has no end, and is no message."""


class Message(msgspec.Struct, frozen=True, omit_defaults=True):
    """One message of a recording.

    Attributes:
        time: When it arrived, Unix seconds.
        body: As JSON: an object, which is the body itself, or a string with the text of the body.
        properties: Its AMQP properties, except the headers.
        encoding: How the text of the body represents its bytes, if they are no text.
    """

    time: Annotated[float, msgspec.Meta(ge=0, le=LATEST)]
    body: msgspec.Raw
    routing_key: str = ""
    headers: dict[str, Any] = {}
    properties: dict[str, Any] = {}
    encoding: Literal["", "base64"] = ""

    def content(self) -> bytes:
        """Return the body as the publisher sent it."""
        body = bytes(self.body)
        if not body.startswith(b'"'):
            return body
        text = _text.decode(body).encode()
        return b64decode(text, validate=True) if self.encoding else text

    def delivery(self, bus: str, arrived: float) -> Delivery:
        """Return the delivery that the consumer of a bus would make of it.

        Args:
            bus: Name of the bus.
            arrived: Unix seconds.
        """
        content = self.content()
        stamp, stamp_ms = self.headers.get("timestamp"), self.headers.get("timestamp_in_ms")
        return Delivery(
            bus,
            content if len(content) <= MAX_BODY else None,
            arrived,
            stamp if isinstance(stamp, str) else None,
            stamp_ms if type(stamp_ms) is int else None,
        )


_message = msgspec.json.Decoder(Message)
_text = msgspec.json.Decoder(str)


def read(path: Path, on_read: Callable[[float], object] | None = None) -> Iterator[Message]:
    """Yield the messages of a recording in its order.

    A file that ends too early, because the program or the machine that wrote it stopped, is read up
    to its last whole message. Then a warning is logged.

    Args:
        path: The file, or `STDIN`.
        on_read: Called before each message of a file, with the share of its bytes that are read.

    Raises:
        RecordingError: The file cannot be read, or a line is no message.
    """
    name = _name(path)
    number = 0
    try:
        with _opened(path) as (lines, share):
            while line := lines.readline(MAX_LINE + 1):
                number += 1
                if on_read is not None and share is not None:
                    on_read(share())
                if line.strip():
                    yield _parsed(line, f"{name}, line {number}")
    except (EOFError, _CutOffError):
        log.warning(
            "the recording ends too early: what follows is missing", recording=name, line=number
        )
    except (zlib.error, gzip.BadGzipFile) as error:
        msg = f"{name}: the compressed data is damaged, after line {number}"
        raise RecordingError(msg) from error
    except OSError as error:
        msg = f"cannot read {name}: {error.strerror or error}"
        raise RecordingError(msg) from error


def _parsed(line: bytes, place: str) -> Message:
    if len(line) > MAX_LINE:
        msg = f"{place}: longer than {MAX_LINE} bytes"
        raise RecordingError(msg)
    try:
        message = _message.decode(line)
        if not bytes(message.body).startswith((b"{", b'"')):
            msg = f"{place}: the body must be an object or a string"
            raise RecordingError(msg)
        # A text may be invalid inside, which only its decoder finds out.
        message.content()
    except RecursionError as error:
        msg = f"{place}: nested too deeply"
        raise RecordingError(msg) from error
    except (msgspec.DecodeError, ValueError) as error:
        if not line.endswith(b"\n"):
            raise _CutOffError from error
        is_json = isinstance(error, msgspec.ValidationError)
        what = "not a message of a recording" if is_json else "not JSON"
        # The value of a wrong encoding may be personal data.
        reason = _QUOTED.sub("", str(error))
        msg = f"{place}: {what}: {reason}"
        raise RecordingError(msg) from error
    return message


@contextmanager
def _opened(path: Path) -> Iterator[tuple[BufferedIOBase, Callable[[], float] | None]]:
    """Open a file; return its lines, and what returns the share that is read of its bytes."""
    if path == STDIN:
        yield _decompressed(sys.stdin.buffer), None
        return
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        # A pipe has no size, and no position.
        yield _decompressed(file), (lambda: file.tell() / size) if size else None


def _decompressed(file: BinaryIO) -> BufferedIOBase:
    # Both kinds of files are buffered.
    assert isinstance(file, BufferedReader)
    return gzip.GzipFile(fileobj=file) if file.peek(2)[:2] == _GZIP else file


def _name(path: Path) -> str:
    return "the standard input" if path == STDIN else printable(path)
