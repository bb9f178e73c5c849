"""Other Debian suites in folders of their own: newer servers beside those of this machine."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.support import REPOSITORY, cache_folder

HERE = "here"
"""The suite of this machine, a Debian 12; it needs no other root."""

SUITES = (HERE, "trixie", "sid")
PACKAGES = ("rabbitmq-server", "prometheus", "prometheus-alertmanager")
TELEPHONY = ("asterisk", "sip-tester")

# Mounts that follow are seen by nobody else, and end with the command.
_PRIVATE = ("unshare", "--mount", "--propagation", "private")

# $1 is the root, $2 the folder of temporary files, $3 the repository. Without `localhost`
# Erlang does not start.
_ENTER = """
root=$1 temporary=$2 repository=$3; shift 3
cp /etc/hosts /etc/resolv.conf "$root/etc/"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
for folder in "$temporary" "$repository"; do
    mkdir -p "$root$folder"
    mount --bind "$folder" "$root$folder"
done
exec "$@"
"""


class CannotMakeError(Exception):
    """A root cannot be made here, or not now."""


def make(suite: str) -> Path | None:
    """Return the root of a suite with servers, None for our own; make it, if it is not there yet.

    Raises:
        CannotMakeError: With the reason.
    """
    return None if suite == HERE else install(suite, suite, PACKAGES)


def install(suite: str, name: str, packages: Sequence[str]) -> Path:
    """Return the root of that name, with packages of a suite; make it, if it is not there yet.

    Raises:
        CannotMakeError: With the reason.
    """
    folder = cache_folder("roots")
    root = folder / name
    if root.exists():
        return root
    if os.geteuid() != 0 or shutil.which("debootstrap") is None:
        msg = "needs root, and debootstrap (apt-get install debootstrap)"
        raise CannotMakeError(msg)
    unfinished = Path(f"{root}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    # What debootstrap mounts must not outlive it, or a later removal would reach it.
    debootstrap = (*_PRIVATE, "debootstrap", "--variant=minbase", f"--include={','.join(packages)}")
    log = folder / f"{name}.log"
    with log.open("wb") as output:
        done = subprocess.run(
            [*debootstrap, suite, unfinished, *_mirror()],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode != 0:
        last = log.read_text(errors="replace").strip().rpartition("\n")[2]
        msg = f"debootstrap failed, see {log}: {last}"
        raise CannotMakeError(msg)
    return unfinished.rename(root)


def within(root: Path | None, command: Sequence[str]) -> list[str]:
    """Return the command that runs a command beside a root that is ready to be entered."""
    if root is None:
        return list(command)
    return [
        *_PRIVATE,
        "sh",
        "-euc",
        _ENTER,
        "sh",
        f"{root}",
        tempfile.gettempdir(),
        f"{REPOSITORY}",
        *command,
    ]


def version(root: Path | None, package: str) -> str:
    """Return the upstream version of a package of a root, "" where it is not installed."""
    query = ("dpkg-query", f"--admindir={root or ''}/var/lib/dpkg", "--show")
    done = subprocess.run(
        [*query, "--showformat=${Version}", package],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.rpartition(":")[2].partition("+")[0].partition("-")[0]


def _mirror() -> list[str]:
    """Return the archive of Debian that apt uses here, nothing for debootstrap's own default."""
    targets = ("apt-get", "indextargets", "--format", "$(RELEASE) $(REPO_URI)")
    done = subprocess.run(
        [*targets, "Created-By: Packages", "Component: main", "Origin: Debian"],
        capture_output=True,
        text=True,
        check=False,
    )
    found = [line.split() for line in done.stdout.splitlines()]
    # Updates have a suite of their own in the same archive; security has an archive of its own.
    return [uri for release, uri in found if "-" not in release][:1]
