"""The types of settings that name files."""

from __future__ import annotations

from glob import glob
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

from exporter.settings.files import open_without_waiting
from exporter.settings.kinds import comma_separated
from exporter.settings.messages import printable

STDIN = Path("-")
"""Stands for the standard input."""


def _path(path: Path) -> Path:
    if "\0" in str(path):
        msg = "it is not a path"
        raise ValueError(msg)
    return path


def _readable(path: Path) -> Path:
    if problem := _unreadable(path):
        msg = f"cannot read {printable(path)}: {problem}"
        raise ValueError(msg)
    return path


def _readable_or_stdin(path: Path) -> Path:
    return path if path == STDIN else _readable(path)


def _readable_secret(path: Path) -> Path:
    if problem := _unreadable(path):
        # The path is not shown: it may be the secret itself, written here by mistake.
        msg = f"cannot read the file: {problem}; write the path of a file"
        raise ValueError(msg)
    return path


def _unreadable(path: Path) -> str | None:
    try:
        with open_without_waiting(_path(path)):
            return None
    except OSError as error:
        return error.strerror
    except ValueError as error:
        return str(error)


def _rule_files(value: tuple[str, ...]) -> tuple[str, ...]:
    for pattern in value:
        files = glob(_path(Path(pattern)).as_posix(), recursive=True)
        if not files:
            msg = f"there is no file {printable(pattern)}"
            raise ValueError(msg)
        for file in files:
            _readable(Path(file))
    return value


AnyPath = Annotated[Path, AfterValidator(_path)]
ReadableFile = Annotated[Path, AfterValidator(_readable)]
Recording = Annotated[Path, AfterValidator(_readable_or_stdin)]
RuleFiles = Annotated[
    tuple[str, ...], BeforeValidator(comma_separated), AfterValidator(_rule_files)
]
SecretFile = Annotated[Path, AfterValidator(_readable_secret)]
