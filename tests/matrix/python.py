"""Another Python: where it is, and a copy of the repository with a .venv of its own."""

import os
import shutil
import subprocess
from pathlib import Path

from tests.support import REPOSITORY, cache_folder


class NoPythonError(Exception):
    """The interpreter is not there, or cannot have what is locked."""


def find(version: str) -> Path:
    """Return an interpreter of this version: on the PATH, from uv or from pyenv.

    Raises:
        NoPythonError: There is none.
    """
    candidates = [shutil.which(f"python{version}"), _said_by("uv", "python", "find", version)]
    pyenv = Path(_said_by("pyenv", "root") or Path.home() / ".pyenv")
    candidates += sorted(map(str, pyenv.glob(f"versions/{version}.*/bin/python")), reverse=True)
    for path in candidates:
        # What pyenv puts on the PATH fails unless that version is selected.
        if path and (version_of(Path(path)) or "").startswith(f"{version}."):
            return Path(path)
    msg = f"no python{version}: uv python install {version}, or pyenv install {version}"
    raise NoPythonError(msg)


def version_of(python: Path) -> str | None:
    """Return the whole version of an interpreter, None if it does not run."""
    return _said_by(f"{python}", "-c", "import platform; print(platform.python_version())")


def installed_copy(python: Path, name: str) -> Path:
    """Return a copy of the repository, as it is now, with what is locked in its .venv.

    Raises:
        NoPythonError: It cannot be installed.
    """
    copy = cache_folder(name)
    for each in copy.iterdir():
        if each.name == ".venv":
            continue
        if each.is_dir() and not each.is_symlink():
            shutil.rmtree(each)
        else:
            each.unlink()
    listing = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    listed = subprocess.run(
        listing,
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    for file in filter(None, listed.stdout.split("\0")):
        # One that was removed is still listed until the removal is committed.
        if os.path.lexists(REPOSITORY / file):
            (copy / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / file, copy / file, follow_symlinks=False)
    done = subprocess.run(
        [copy / "scripts/setup.sh", "dev"],
        env={**os.environ, "PYTHON": f"{python}"},
        check=False,
    )
    if done.returncode != 0:
        msg = f"scripts/setup.sh could not install what is locked with {python}"
        raise NoPythonError(msg)
    return copy


def _said_by(*command: str) -> str | None:
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
