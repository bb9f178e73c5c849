"""`make release-check`: build all files of a release from a clean clone of HEAD, and try each."""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from secrets import token_hex

from packaging.requirements import Requirement

from exporter import __version__
from tests.chart import CHART, helm
from tests.containers import Storage
from tests.machine import Machine
from tests.support import REPOSITORY

PYTHON = f"{REPOSITORY / '.venv/bin/python'}"
TOOLS = ("git", "buildah", "debootstrap", "dpkg-deb", "lintian", "pipx")
DIST = REPOSITORY / "dist"
SUMS = "SHA256SUMS"

_IN_THE_CLONE = "--in-the-clone"


class NotReadyError(Exception):
    """The release cannot be made; the message says why."""


def main(arguments: list[str]) -> int:
    """Clone HEAD, build and try everything there, and copy the files to `dist/`."""
    parser = argparse.ArgumentParser("make release-check", description=__doc__)
    base = parser.add_mutually_exclusive_group()
    base.add_argument("--base", metavar="IMAGE", default=_base(), help="base of the image")
    base.add_argument("--stand-in", action="store_true", help="a base made here; no release")
    parser.add_argument(_IN_THE_CLONE, action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    try:
        if options.in_the_clone:
            build(None if options.stand_in else options.base)
            return 0
        has_all_files = not options.stand_in
        _require(TOOLS)
        with tempfile.TemporaryDirectory() as folder:
            _in_a_clone(Path(folder, "clone"), arguments)
    except (NotReadyError, subprocess.CalledProcessError) as problem:
        print(f"release-check: {problem}", file=sys.stderr)
        return 1
    if not has_all_files:
        print("release-check: no release: the image has a stand-in base", file=sys.stderr)
    return 0 if has_all_files else 1


def _base() -> str:
    found = re.search(r"^ARG BASE=(\S+)", (REPOSITORY / "Containerfile").read_text(), re.MULTILINE)
    assert found is not None
    return found[1]


def _require(tools: tuple[str, ...]) -> None:
    if lacking := [tool for tool in tools if shutil.which(tool) is None]:
        msg = f"apt-get install {' '.join(lacking)}"
        raise NotReadyError(msg)
    if os.geteuid() != 0:
        msg = "needs root, for the image and for a machine with Debian 12"
        raise NotReadyError(msg)


def _in_a_clone(clone: Path, arguments: list[str]) -> None:
    """Run this program in a clone, with the environment of this checkout."""
    _run("git", "clone", "--quiet", REPOSITORY, clone, cwd=Path("/"))
    if _run("git", "status", "--porcelain", "--untracked-files=no", cwd=REPOSITORY):
        print("release-check: changes that are not committed are left out", file=sys.stderr)
    (clone / ".venv").symlink_to((REPOSITORY / ".venv").resolve())
    command = [PYTHON, "-m", "tests.release", _IN_THE_CLONE, *arguments]
    subprocess.run(command, cwd=clone, check=True)
    shutil.rmtree(DIST, ignore_errors=True)
    shutil.copytree(clone / "dist", DIST)
    for file in sorted(DIST.iterdir()):
        print(f"{file.stat().st_size:12,}  dist/{file.name}")


def build(base: str | None) -> None:
    """Build and try everything, in this checkout.

    Args:
        base: Of the image; None for a stand-in.
    """
    DIST.mkdir()
    _step("versions", check_versions)
    _step("wheel and sources", make_wheel)
    _step("bill of materials", make_sbom)
    _step("chart", make_chart)
    _step("Debian package", make_deb)
    _step("image", lambda: make_image(base))
    _step("checksums", make_sums)


def check_versions() -> None:
    """All files that name the version name the same one, and so does a tag."""
    changelog = (REPOSITORY / "CHANGELOG.md").read_text()
    newest = re.search(r"^(?:The next release is |## \[)(\d+\.\d+\.\d+)", changelog, re.MULTILINE)
    chart = (CHART / "Chart.yaml").read_text()
    found = {
        "CHANGELOG.md": newest and newest[1],
        **dict(re.findall(r"^(version|appVersion): (\S+)", chart, re.MULTILINE)),
    }
    tags = _run("git", "tag", "--points-at", "HEAD", "--list", "v*").split()
    found |= {f"the tag {tag}": tag.removeprefix("v") for tag in tags}
    _require_equal({__version__}, {*found.values()}, f"not all have the version: {found}")


def make_wheel() -> None:
    """The wheel is installed by pipx, with its libraries; the sources make the same wheel."""
    _run(PYTHON, "-m", "hatchling", "build", "--directory", DIST)
    wheel, sources = _made("*.whl"), _made("*.tar.gz")
    with tempfile.TemporaryDirectory() as folder:
        env = {"PIPX_HOME": f"{folder}/pipx", "PIPX_BIN_DIR": f"{folder}/bin"}
        _run("pipx", "install", "--python", _python(), wheel, env=env)
        _says_its_version(f"{folder}/bin/xivo-exporter")
        pip = (PYTHON, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation")
        _run(*pip, "--wheel-dir", folder, sources)
        (again,) = Path(folder).glob("*.whl")
        _require_equal(wheel.read_bytes(), again.read_bytes(), "the sources make another wheel")


def make_sbom() -> None:
    """The bill of materials lists what the lock lists."""
    _run("scripts/sbom.sh")
    listed = json.loads((DIST / "sbom.json").read_text())["components"]
    lock = (REPOSITORY / "requirements.lock").read_text()
    lines = [line.rstrip(" \\") for line in lock.splitlines() if re.match("[a-z]", line)]
    wanted = [each for each in map(Requirement, lines) if not each.marker or each.marker.evaluate()]
    _require_equal(
        {f"{each.name.lower()}{each.specifier}" for each in wanted},
        {f"{re.sub('[._]', '-', each['name'].lower())}=={each['version']}" for each in listed},
        "the bill of materials and requirements.lock differ",
    )


def make_chart() -> None:
    """Helm accepts the chart, and renders it."""
    _helm("package", CHART, "--destination", DIST)
    chart = _made("xivo-exporter-*.tgz")
    values = ("--set", "bus.url=amqp://u@pbx.example.com,bus.existingSecret=bus")
    _helm("lint", "--strict", chart)
    _helm("template", "release", chart, *values)


def make_deb() -> None:
    """Two builds are equal, lintian has no objection, and a Debian 12 installs and removes it."""
    _run("scripts/deb.sh")
    deb = _made("*.deb")
    with tempfile.TemporaryDirectory() as folder:
        _run("scripts/deb.sh", folder)
        (again,) = Path(folder).glob("*.deb")
        _require_equal(deb.read_bytes(), again.read_bytes(), "two builds of the package differ")
        _run("lintian", "--allow-root", "--fail-on", "error,warning", deb)
        with Machine(Path(folder)) as machine:
            before = machine.files()
            machine.run(f"apt-get -qq install {machine.bring(deb)}")
            said = machine.run("xivo-exporter --version")
            _require_equal(f"xivo-exporter {__version__}", said, "the package")
            machine.run("apt-get -qq purge xivo-exporter")
            left = [each for each in machine.files() - before if "xivo" in each]
            _require_equal([], left, "a purge leaves files")


def make_image(base: str | None) -> None:
    """The image starts as its user, with a read-only root."""
    with tempfile.TemporaryDirectory() as folder, Storage(token_hex(4)) as storage:
        state = Path(folder)
        with storage.image(base) if base else storage.image() as image:
            os.chown(state, *map(int, image.config["User"].split(":")))
            program = image.config["Entrypoint"]
            _says_its_version(*image.command(state, *program, "--version", env={}), is_whole=True)
            if base:
                name = f"xivo-exporter:{__version__}"
                image.save(DIST / f"xivo-exporter-{__version__}-image.tar", name)


def make_sums() -> None:
    """The checksums are those of all files."""
    files = sorted(DIST.iterdir())
    for file in files:
        assert __version__ in file.name or file.name == "sbom.json", file.name
    lines = [f"{sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in files]
    (DIST / SUMS).write_text("".join(lines))
    _run("sha256sum", "--check", "--strict", SUMS, cwd=DIST)


def _step(name: str, make: Callable[[], None]) -> None:
    print(f"release-check: {name} …", flush=True)
    make()


def _made(pattern: str) -> Path:
    (made,) = DIST.glob(pattern)
    return made


def _python() -> str:
    return f"{Path(PYTHON).resolve()}"


def _says_its_version(*command: str, is_whole: bool = False) -> None:
    said = _run(*command, *(() if is_whole else ("--version",)))
    _require_equal(f"xivo-exporter {__version__}", said.strip(), command[0])


def _helm(*arguments: str | Path) -> None:
    done = helm(*arguments)
    if done.returncode != 0:
        msg = f"helm {arguments[0]}: {done.stdout}{done.stderr}"
        raise NotReadyError(msg)


def _require_equal(wanted: object, found: object, problem: str) -> None:
    if wanted != found:
        shown = "" if isinstance(wanted, bytes) else f": {wanted} and {found}"
        msg = f"{problem}{shown}"
        raise NotReadyError(msg)


def _run(*command: str | Path, cwd: Path = REPOSITORY, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        command,
        cwd=cwd,
        env=os.environ | (env or {}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    if done.returncode != 0:
        said = (done.stdout + done.stderr)[-4000:]
        msg = f"{' '.join(map(str, command))}: exit status {done.returncode}\n{said}"
        raise NotReadyError(msg)
    return done.stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
