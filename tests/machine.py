"""A machine with Debian 12 for a test: a copy of its file system, in which a real systemd runs."""

import os
import secrets
import shutil
import subprocess
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Self

from tests.matrix.roots import CannotMakeError, install
from tests.support import ProcessGroup, eventually, missing

# What servers have, what the package needs, and what tries it.
_PACKAGES = (
    *("systemd", "procps", "adduser", "ca-certificates", "python3"),
    *("man-db", "bash-completion", "zsh"),
)

# A container as systemd expects it, with a control group of its own in each hierarchy. It cannot
# change the kernel of the machine: /sys and /proc/sys are read-only. $1 is the root, $2 the name of
# the control groups.
_BOOT = """
root=$1 name=$2
for group in /sys/fs/cgroup /sys/fs/cgroup/*; do
    [ -w "$group/cgroup.procs" ] && [ ! -L "$group" ] || continue
    mkdir "$group/$name"
    for file in cpuset.cpus cpuset.mems; do
        [ ! -e "$group/$name/$file" ] || cat "$group/$file" > "$group/$name/$file"
    done
    echo $$ > "$group/$name/cgroup.procs"
done
exec unshare --pid --fork --kill-child --mount --cgroup --uts --ipc --propagation private sh -euc '
root=$1 name=$2
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro "$root/proc/sys"
mount --bind /sys "$root/sys"
mount -o remount,bind,ro "$root/sys"
if [ -e "/sys/fs/cgroup/$name" ]; then
    mount --bind "/sys/fs/cgroup/$name" "$root/sys/fs/cgroup"
else
    mount -t tmpfs tmpfs "$root/sys/fs/cgroup"
    for group in /sys/fs/cgroup/*/"$name"; do
        hierarchy=${group%/*}
        mkdir "$root/sys/fs/cgroup/${hierarchy##*/}"
        mount --bind "$group" "$root/sys/fs/cgroup/${hierarchy##*/}"
    done
fi
mount -t tmpfs tmpfs "$root/dev"
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
for device in null zero full random urandom tty; do
    touch "$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done
mount -t tmpfs tmpfs "$root/run"
cp /etc/hosts "$root/etc/"
for unit in systemd-modules-load.service systemd-remount-fs.service; do
    ln -s /dev/null "$root/etc/systemd/system/$unit"
done
# Not chroot, in which no unit could have users of its own (PrivateUsers=).
cd "$root"
pivot_root . mnt
umount --lazy /mnt
exec env -i container=tests PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    /lib/systemd/systemd --system --unit=multi-user.target --show-status=no --log-target=console
' sh "$root" "$name"
"""

_ENVIRONMENT = {
    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LC_ALL": "C.UTF-8",
    "DEBIAN_FRONTEND": "noninteractive",
}


class Machine:
    """A Debian 12 with nothing but its base, and the network of this machine."""

    def __init__(self, folder: Path) -> None:
        """Copy the file system; the first time, it is made, which takes two minutes.

        Args:
            folder: An empty folder for it.
        """
        try:
            base = install("bookworm", "machine", _PACKAGES)
        except CannotMakeError as reason:
            missing("a chroot of Debian 12", f"{reason}")
        self.root = folder / "root"
        # cp knows devices; to read one would never end.
        subprocess.run(["/bin/cp", "--archive", base, self.root], check=True, timeout=120)
        # Nobody needs the machine after a loss of power.
        (self.root / "etc/dpkg/dpkg.cfg.d/fast").write_text("force-unsafe-io\n")
        self._log = folder / "log"
        self._group = ProcessGroup(folder)
        self._name = f"xivo-exporter-machine-{secrets.token_hex(4)}"
        self._inside: list[str] = []

    def __enter__(self) -> Self:
        boot = ["sh", "-euc", _BOOT, "sh", f"{self.root}", self._name]
        process = self._group.spawn(boot, env={"PATH": os.environ["PATH"]}, stdout=self._log)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")

        def is_running() -> bool:
            assert process.poll() is None, self._log.read_text()
            first = children.read_text().strip()
            spaces = ("--pid", "--mount", "--cgroup", "--uts", "--ipc")
            self._inside = ["nsenter", "--target", first, *spaces]
            return self.run("systemctl is-system-running", is_checked=False) == "running"

        eventually(is_running, timeout=60, what="systemd runs", ignoring=(OSError,))
        return self

    def __exit__(self, *_: object) -> None:
        self._group.close()
        for cgroup in Path("/sys/fs/cgroup").glob(f"**/{self._name}"):
            eventually(partial(_is_removed, cgroup), what=f"nothing runs in {cgroup}")

    def run(self, script: str, *, is_checked: bool = True) -> str:
        """Run a script of the shell as root, and return what it printed.

        Args:
            script: It fails at its first command that fails.
            is_checked: Whether it must succeed.
        """
        assert self._inside, "it does not run, and the script is not for this machine"
        done = subprocess.run(
            [*self._inside, "/usr/bin/bash", "-euc", script],
            env=_ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert not is_checked or done.returncode == 0, script + done.stdout + done.stderr
        return (done.stdout + done.stderr).strip()

    def bring(self, file: Path) -> str:
        """Copy a file into the machine, and return its path there."""
        place = Path("/var/tmp", file.name)  # noqa: S108 -- the machine has no other user
        shutil.copy(file, self.root / place.relative_to("/"))
        return f"{place}"

    def files(self) -> set[str]:
        """Return the paths of all files and folders on its disk."""
        found = self.run("find / -xdev -not -path '/var/tmp/*'")
        return set(found.splitlines())


def _is_removed(cgroup: Path) -> bool:
    """Remove a control group with all in it, if no process is left; return whether it is gone."""
    for each in sorted((each for each in cgroup.rglob("*") if each.is_dir()), reverse=True):
        with suppress(OSError):
            each.rmdir()
    with suppress(OSError):
        cgroup.rmdir()
    return not cgroup.exists()
