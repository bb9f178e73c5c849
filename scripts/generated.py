"""The command line of programs that generate files of this repository."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path


def main(
    program: str,
    about: str | None,
    files: Mapping[Path, str | bytes],
    arguments: Sequence[str] | None,
) -> int:
    """Check or write files; return the exit status.

    Args:
        program: How the command is typed, for its help.
        about: What it does, for its help.
        files: The text or the bytes that each file must have.
        arguments: `--check` fails if a file is out of date, `--write` writes it.
    """
    parser = argparse.ArgumentParser(program, description=about)
    choice = parser.add_mutually_exclusive_group(required=True)
    choice.add_argument("--check", action="store_true", help="fail if a file is out of date")
    choice.add_argument("--write", action="store_true", help="write the files that are out of date")
    options = parser.parse_args(arguments)
    contents = {
        path: text.encode() if isinstance(text, str) else text for path, text in files.items()
    }
    out_of_date = {path: each for path, each in contents.items() if _read(path) != each}
    for path, content in out_of_date.items():
        if options.write:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        state = "written" if options.write else "is out of date: run make generate"
        print(f"{path.parent.name}/{path.name} {state}")
    return 1 if options.check and out_of_date else 0


def _read(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None
