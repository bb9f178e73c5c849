"""What is shipped: the wheel, its commands, and the files that must agree with it."""

from __future__ import annotations

import re
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

import exporter

ROOT = Path(__file__).resolve().parents[2]


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command away from the checkout, with nothing of our environment but the path."""
    # -P of Python: the directory of a script must not lend its modules to the program.
    env = {"PATH": "/usr/bin:/bin", "PYTHONSAFEPATH": "1", "HOME": str(cwd)}
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, built without a network."""
    target = tmp_path_factory.mktemp("dist")
    # Not through run(): the build reads the checkout.
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", target],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (built,) = target.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin directory of a fresh venv outside the checkout that has the wheel."""
    home = tmp_path_factory.mktemp("installed")
    venv = home / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", venv, cwd=home)
    python = venv / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check")
    run(*pip, "install", "--quiet", "--no-deps", "--no-index", wheel, cwd=home)
    purelib = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=home)
    # Its dependencies are borrowed from the running environment instead of downloaded.
    (Path(purelib.strip()) / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return venv / "bin"


def test_the_wheel_holds_both_packages_typed_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    info = f"xivo_exporter-{exporter.__version__}.dist-info"
    assert {name.split("/")[0] for name in names} == {"exporter", "dataflows", info}
    assert {"exporter/py.typed", "dataflows/py.typed", f"{info}/licenses/LICENSE"} <= set(names)
    assert "exporter/web/templates/landing.html" in names
    assert "exporter/web/templates/style.css" in names
    assert "exporter/web/templates/live.js" in names
    assert "exporter/web/locale/fr/LC_MESSAGES/page.mo" in names


def test_the_installed_packages_are_the_wheels(installed: Path, tmp_path: Path) -> None:
    code = "import dataflows, exporter; print(dataflows.__file__); print(exporter.__file__)"
    for module in run(installed / "python", "-c", code, cwd=tmp_path).split():
        assert Path(module).is_relative_to(installed.parent)


@pytest.mark.parametrize("command", [["xivo-exporter"], ["python", "-m", "exporter"]])
def test_the_installed_commands_tell_their_version(
    installed: Path, tmp_path: Path, command: list[str]
) -> None:
    output = run(installed / command[0], *command[1:], "--version", cwd=tmp_path)
    assert exporter.__version__ in output


@pytest.mark.parametrize("command", [["xivo-exporter"], ["python", "-m", "exporter"]])
def test_the_installed_commands_tell_how_to_use_them(
    installed: Path, tmp_path: Path, command: list[str]
) -> None:
    output = run(installed / command[0], *command[1:], "--help", cwd=tmp_path)
    for word in ("xivo-exporter", "run", "demo"):
        assert word in output


def test_the_changelog_heads_with_this_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    # Before a release the unreleased section announces it; afterwards its heading names it.
    newest = re.search(r"^(?:The next release is |## \[)(\d+\.\d+\.\d+)\b", text, re.MULTILINE)
    assert newest is not None
    assert newest[1] == exporter.__version__


def locked(name: str) -> dict[str, str]:
    """Distributions of a lock file and their versions."""
    text = (ROOT / name).read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", text, re.MULTILINE))


def test_the_locks_agree() -> None:
    runtime = locked("requirements.lock")
    build = locked("requirements-build.lock")
    dev = locked("requirements-dev.lock")
    assert runtime.items() <= dev.items()
    assert build.items() <= dev.items()


@pytest.mark.parametrize(
    "name", ["requirements.lock", "requirements-dev.lock", "requirements-build.lock"]
)
def test_the_locks_pin_hashes_and_name_no_index(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert "://" not in text
    for entry in re.split(r"\n(?=\S)", text.strip()):
        assert "--hash=sha256:" in entry
