"""Reads files with secrets. A message names the setting and what to do, and nothing of the file."""

from __future__ import annotations

import codecs
from pathlib import Path

from exporter.settings.files import open_without_waiting
from exporter.settings.messages import printable
from exporter.settings.password import HAS_NUL, MAX_PASSWORD, NOT_UTF8, TOO_LONG, fault_of

_ADVICE = {
    NOT_UTF8: "save it as UTF-8",
    HAS_NUL: "save it as UTF-8, not as UTF-16",
    TOO_LONG: "check the path",
}


def read_password(path: Path, setting: str) -> str:
    """Return the password in a file, without the line break at its end.

    Args:
        path: Of the file.
        setting: The flag of the setting that names the file.

    Raises:
        ValueError: The file cannot be used.
    """
    name = f"the password file {printable(path)} ({setting})"
    text = read_text(path, name, MAX_PASSWORD + len(b"\r\n"))
    password = text.rstrip("\r\n")
    if not password:
        msg = f"{name} is empty: write the password into it"
        raise ValueError(msg)
    if fault := fault_of(password):
        msg = f"{name} {fault}: {_ADVICE[fault]}"
        raise ValueError(msg)
    return password


def read_text(path: Path, name: str, max_bytes: int) -> str:
    """Return the beginning of a file, without a byte order mark.

    Args:
        path: Of the file.
        name: What the file is called in a message.
        max_bytes: Of what is read, one byte more is read, so that the caller notices it.

    Raises:
        ValueError: The file cannot be read, or is not UTF-8.
    """
    # Raised outside of the except clauses: the context of an exception keeps what was read.
    problem = f"{NOT_UTF8}: {_ADVICE[NOT_UTF8]}"
    try:
        with open_without_waiting(path) as file:
            data = file.read(len(codecs.BOM_UTF8) + max_bytes + 1) or b""
        return data.decode("utf-8-sig")
    except OSError as error:
        problem = f"cannot be read: {error.strerror or type(error).__name__}"
    except UnicodeError:
        pass
    msg = f"{name} {problem}"
    raise ValueError(msg)
