"""The image: built as `make image` builds it, and run with a read-only root by a numeric user."""

import fcntl
import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from tests.support import REPOSITORY, cache_folder, missing

INSTALL = "as root, apt-get install buildah debootstrap"

# A stand-in for the image that the Containerfile names, which a test does not download: like that
# one it has Python, pip and the authorities of TLS, and nothing that compiles.
_BASE = "localhost/stand-in-base:bookworm"
_PACKAGES = "python3,python3-venv,python3-pip,ca-certificates"

# Where this machine keeps how it reaches the package index, for the build only.
_OF_THE_MACHINE = (Path("/etc/ssl/certs"), Path("/etc/pip.conf"))

# What a container engine does, but for namespaces of network and processes. Buildah's own `run`
# cannot have the root read-only. $1 is the root, $2 the folder to have at /state, $3 the user.
_RUN = """
root=$1 state=$2 user=$3; shift 3
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
mount --bind "$state" "$root/state"
mount -t proc proc "$root/proc"
mount --bind /dev "$root/dev"
exec setpriv --no-new-privs chroot --userspec="$user" --groups= "$root" "$@"
"""


class Storage:
    """Where buildah keeps images: in a folder of the tests, with the stand-in base in it.

    It is for one process at a time; as a context manager it waits until it is free, and removes
    what earlier runs of the tests have left. The image is built once for a run.
    """

    def __init__(self, run: str) -> None:
        """Prepare the folder.

        Args:
            run: The same for all processes of this run of the tests, and different for each run.
        """
        if os.geteuid() != 0 or not (shutil.which("buildah") and shutil.which("debootstrap")):
            missing("buildah, with debootstrap and the rights of root,", INSTALL)
        self._folder = cache_folder("images")
        config = self._folder / "storage.conf"
        # vfs works on every file system, also inside of a container.
        config.write_text(
            f'[storage]\ndriver = "vfs"\n'
            f'graphroot = "{self._folder / "graph"}"\nrunroot = "{self._folder / "run"}"\n'
        )
        self.environment = {
            **os.environ,
            "CONTAINERS_STORAGE_CONF": f"{config}",
            "BUILDAH_ISOLATION": "chroot",
        }
        self._lock = (self._folder / "lock").open("w")
        self._name = f"localhost/xivo-exporter-{run}"

    def __enter__(self) -> Self:
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self.run("buildah", "rm", "--all")
        for found in self._ids("localhost/xivo-exporter-*"):
            if found not in self._ids(f"{self._name}:*"):
                self.run("buildah", "rmi", "--force", found)
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.close()

    def run(self, *command: str | Path, timeout: float = 100) -> str:
        """Run a command on this storage, and return what it printed."""
        done = subprocess.run(
            command,
            env=self.environment,
            cwd=REPOSITORY,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert done.returncode == 0, f"{command}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
        return done.stdout.strip()

    def image(self, base: str = _BASE) -> "Image":
        """Build the image of this checkout, if this run has not done so.

        Args:
            base: The image on which it is built. Any but the stand-in is pulled.
        """
        if base == _BASE:
            self._make_base()
        if not (built := self._ids(f"{self._name}:*")):
            volumes = [f"--volume={path}:{path}:ro" for path in _OF_THE_MACHINE if path.exists()]
            pull = "--pull=never" if base == _BASE else "--pull=missing"
            options = ("--quiet", pull, f"--build-arg=BASE={base}", *volumes)
            self.environment |= {"BUILDER": "buildah", "IMAGE": self._name}
            built = self.run("scripts/image.sh", *options, timeout=600).split()
        return Image(self, built[-1])

    def _make_base(self) -> None:
        """Make the stand-in base, if it is not there yet: two minutes, once for a machine."""
        if self._ids(_BASE):
            return
        root = self._folder / "root"
        shutil.rmtree(root, ignore_errors=True)
        debootstrap = ("debootstrap", "--variant=minbase", f"--include={_PACKAGES}")
        self.run(*debootstrap, "bookworm", root, timeout=900)
        container = self.run("buildah", "from", "scratch")
        self.run("buildah", "add", "--quiet", container, root, "/")
        self.run("buildah", "commit", "--quiet", "--rm", container, _BASE, timeout=300)
        shutil.rmtree(root)

    def _ids(self, reference: str) -> list[str]:
        images = ("buildah", "images", "--quiet", "--no-trunc")
        return self.run(*images, "--filter", f"reference={reference}").split()


class Image:
    """An image, and one root of it to look at and to run."""

    def __init__(self, storage: Storage, image_id: str) -> None:
        self._storage = storage
        self._id = image_id
        self._container = storage.run("buildah", "from", "--pull-never", image_id)
        self.root = Path(storage.run("buildah", "mount", self._container))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._storage.run("buildah", "rm", self._container)

    def save(self, file: Path, name: str) -> None:
        """Write it into a file that `podman load` and `docker load` read, under a name."""
        self._storage.run("buildah", "push", "--quiet", self._id, f"docker-archive:{file}:{name}")

    @cached_property
    def config(self) -> Mapping[str, Any]:
        """What the image says of itself."""
        found = json.loads(self._storage.run("buildah", "inspect", "--type=image", self._id))
        config: Mapping[str, Any] = found["Docker"]["config"]
        return config

    def command(self, state: Path, *arguments: str, env: Mapping[str, str]) -> list[str]:
        """Give a command that becomes a process in the image, as its user, with nothing else.

        Args:
            state: Folder to have at `/state`.
            arguments: The process; none for what the image starts by itself.
            env: What to add to the environment of the image.
        """
        ours = list(arguments) or [*self.config["Entrypoint"], *self.config["Cmd"]]
        variables = [*self.config["Env"], *(f"{name}={value}" for name, value in env.items())]
        launcher = ["unshare", "--mount", "sh", "-euc", _RUN, "sh"]
        place = [f"{self.root}", f"{state}", self.config["User"]]
        return [*launcher, *place, "/usr/bin/env", "-i", *variables, *ours]
