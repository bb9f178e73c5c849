"""`make setup` installs the locked versions, whatever was released since, with any pip."""

from __future__ import annotations

import compileall
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support import REPOSITORY, download

LOCKS = ["requirements.lock", "requirements-dev.lock", "requirements-build.lock"]
OLD_PIP = Path(__file__).parent / "old_pip.lock"
# The epoch makes it newer than any version of today.
NEWER = "9999999999!1"


def entries(lock: str) -> dict[str, Requirement]:
    """Return what a lock file lists, by name."""
    text = (REPOSITORY / lock).read_text(encoding="utf-8")
    lines = re.findall(r"^(\S+==[^\\\n]+)", text, re.MULTILINE)
    return {each.name: each for each in map(Requirement, lines)}


def version_of(entry: Requirement) -> str:
    (pin,) = entry.specifier
    assert pin.operator == "=="
    return pin.version


def wanted_here(requirement: Requirement, extras: set[str] | None = None) -> bool:
    """Return whether this Python on this system needs a requirement, for any of some extras."""
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": e}) for e in ["", *(extras or ())])


# The locks are complete


def required() -> dict[str, list[Requirement]]:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    runtime = [*map(Requirement, project["project"]["dependencies"])]
    groups = {
        name: [*map(Requirement, each)] for name, each in project["dependency-groups"].items()
    }
    return {
        "requirements.lock": runtime,
        "requirements-dev.lock": runtime + groups["dev"],
        "requirements-build.lock": groups["build"],
    }


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_has_all_that_its_packages_want_with_their_extras(lock: str) -> None:
    # pip is told not to look, and `pip check` does not know which extras are wanted.
    locked = entries(lock)
    todo = required()[lock]
    seen: set[str] = set()
    while todo:
        wanted = todo.pop()
        if str(wanted) in seen:
            continue
        seen.add(str(wanted))
        entry = locked[canonicalize_name(wanted.name)]
        assert wanted.specifier.contains(version_of(entry), prereleases=True), wanted
        assert wanted_here(entry)
        for line in metadata.requires(wanted.name) or ():
            if wanted_here(further := Requirement(line), wanted.extras):
                todo.append(further)
    assert len(seen) >= len(required()[lock])


# An installation


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with empty wheels of all that is locked, each also in a newer version."""
    folder = tmp_path_factory.mktemp("index")
    for name, entry in installed_entries():
        wants = metadata.requires(name) or []
        # Every package wants pip: it is the one that installs.
        wants = [each for each in wants if canonicalize_name(Requirement(each).name) != "pip"]
        provides = metadata.metadata(name).get_all("Provides-Extra") or []
        for version in (version_of(entry), NEWER):
            write_wheel(folder, name.replace("-", "_"), version, wants, provides)
    return folder


def installed_entries() -> Iterator[tuple[str, Requirement]]:
    for name, entry in entries("requirements-dev.lock").items():
        if name != "pip" and wanted_here(entry):
            yield name, entry


def write_wheel(folder: Path, name: str, version: str, wants: list[str], extras: list[str]) -> None:
    info = f"{name}-{version}.dist-info"
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    lines += [f"Provides-Extra: {each}" for each in extras]
    lines += [f"Requires-Dist: {each}" for each in wants]
    files = {
        f"{info}/METADATA": "\n".join(lines) + "\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{each},,\n" for each in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        for path, content in {**files, f"{info}/RECORD": record}.items():
            wheel.writestr(path, content)


@pytest.fixture
def checkout(tmp_path: Path, index: Path) -> Path:
    """The scripts, and the developers' lock with the hashes of the empty wheels."""
    folder = tmp_path / "checkout"
    shutil.copytree(REPOSITORY / "scripts", folder / "scripts")
    lines = []
    for name, entry in installed_entries():
        wheel = index / f"{name.replace('-', '_')}-{version_of(entry)}-py3-none-any.whl"
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        lines.append(f"{name}=={version_of(entry)} --hash=sha256:{digest}\n")
    (folder / "requirements-dev.lock").write_text("".join(lines))
    (folder / "requirements.lock").write_text("")
    return folder


@pytest.fixture(scope="module")
def pips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders with a pip: Debian 12's, and the newest that is known here."""
    folder = tmp_path_factory.mktemp("pips")
    with zipfile.ZipFile(download(OLD_PIP, folder)) as wheel:
        wheel.extractall(folder / "old")
    for source in (installed_pip := metadata.distribution("pip")).files or ():
        if not source.is_absolute() and ".." not in source.parts and source.suffix != ".pyc":
            (folder / "locked" / source).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(str(installed_pip.locate_file(source)), folder / "locked" / source)
    # Otherwise each environment would compile it again.
    compileall.compile_dir(folder, quiet=1)
    return {"old": folder / "old", "locked": folder / "locked"}


def python_with(pip: Path, folder: Path) -> Path:
    """Write an interpreter whose new environments begin with this pip."""
    script = folder / "python with a pip"
    script.write_text(
        f"""#!/bin/sh
        if [ "$1 $2" = "-m venv" ]; then
            "{sys.executable}" -m venv --without-pip "$3" || exit 1
            cp -rp "{pip}"/* "$3"/lib/python*/site-packages
        else
            exec "{sys.executable}" "$@"
        fi
        """
    )
    script.chmod(0o755)
    return script


def set_up(
    checkout: Path, python: Path | None, index: Path, path: str = os.environ["PATH"]
) -> subprocess.CompletedProcess[str]:
    env = {
        "PATH": path,
        "PYTHON": str(python or ""),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(index),
        # A user may have set where pip installs. That is not meant for .venv.
        "PIP_USER": "1",
        "PIP_TARGET": str(checkout / "elsewhere"),
    }
    return subprocess.run(
        [checkout / "scripts" / "setup.sh", "dev"],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )


def installed(checkout: Path) -> dict[str, str]:
    listed = subprocess.run(
        [checkout / ".venv/bin/python", "-m", "pip", "list", "--format", "json"],
        capture_output=True,
        text=True,
        check=True,
    )
    found = {canonicalize_name(each["name"]): each["version"] for each in json.loads(listed.stdout)}
    return {name: version for name, version in found.items() if name not in ("pip", "setuptools")}


only_with_the_old_python = pytest.mark.skipif(
    sys.version_info >= (3, 12), reason="the pip of Debian 12 does not run on Python 3.12"
)


@pytest.mark.parametrize("pip", [pytest.param("old", marks=only_with_the_old_python), "locked"])
def test_the_locked_versions_are_installed_though_newer_ones_are_there(
    checkout: Path, index: Path, pips: dict[str, Path], pip: str, tmp_path: Path
) -> None:
    done = set_up(checkout, python_with(pips[pip], tmp_path), index)
    assert done.returncode == 0, done.stderr
    assert installed(checkout) == {name: version_of(e) for name, e in installed_entries()}
    again = set_up(checkout, None, index, path=f"{pythons_313(tmp_path)}:/usr/bin:/bin")
    assert (again.returncode, again.stderr) == (0, ""), "the Python of .venv still suits"


def pythons_313(folder: Path) -> Path:
    """Write interpreters of a version that cannot work, under all names that are tried."""
    folder = folder / "pythons"
    folder.mkdir()
    for name in ("python3", "python3.12", "python3.11"):
        write_python(folder / name, "echo Python 3.13.5")
    return folder


def write_python(path: Path, says: str) -> None:
    path.write_text(f'#!/bin/sh\n[ "$1" != -c ] || exit 1\n{says}\n')
    path.chmod(0o755)


def keep(checkout: Path, *names: str) -> None:
    """Leave only some packages in the developers' lock."""
    lock = checkout / "requirements-dev.lock"
    lines = lock.read_text().splitlines(keepends=True)
    lock.write_text("".join(line for line in lines if line.split("==")[0] in names))


@only_with_the_old_python
def test_the_newer_releases_are_a_trap_for_an_old_pip_that_resolves(
    checkout: Path, index: Path, pips: dict[str, Path], tmp_path: Path
) -> None:
    keep(
        checkout, "coverage", "iniconfig", "packaging", "pluggy", "pygments", "pytest", "pytest-cov"
    )
    script = checkout / "scripts" / "setup.sh"
    text = script.read_text()
    assert "--no-deps" in text
    script.write_text(text.replace("--no-deps", ""))
    done = set_up(checkout, python_with(pips["old"], tmp_path), index)
    assert done.returncode != 0
    assert "coverage[toml]" in done.stderr


def test_a_lock_that_is_not_complete_is_refused(
    checkout: Path, index: Path, pips: dict[str, Path], tmp_path: Path
) -> None:
    keep(checkout, "packaging", "pluggy", "pygments", "pytest")
    done = set_up(checkout, python_with(pips["locked"], tmp_path), index)
    assert done.returncode != 0
    assert "pytest" in done.stderr
    assert "iniconfig" in done.stderr
    assert not (checkout / ".venv" / ".stamp").exists()


# The interpreter


@pytest.mark.parametrize("version", ["3.10.12", "3.13.5", "no Python"])
def test_a_python_that_cannot_work_is_named_first_with_the_ways_that_do(
    checkout: Path, tmp_path: Path, index: Path, version: str
) -> None:
    python = tmp_path / "python"
    write_python(python, f"echo Python {version}" if version[0].isdigit() else "exit 1")
    done = set_up(checkout, python, index)
    assert done.returncode != 0
    first, *_ = done.stderr.splitlines()
    for word in (
        version.replace("no Python", "not a Python"),
        "3.11 or 3.12",
        "PYTHON=",
        "uv",
        "image",
    ):
        assert word in first
    assert not (checkout / ".venv").exists()
