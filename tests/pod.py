"""A pod of the chart without Kubernetes: what its container starts, as a process of ours."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from tests.chart import Manifest, container, of_kind, the
from tests.program import Exporter
from tests.support import missing, within

# What a kubelet adds to the permissions of a volume with `fsGroup`.
_OF_FILES = 0o660
_OF_DIRECTORIES = 0o2770


class Pod(Exporter):
    """The program with the arguments, environment, files and host name that the manifest tells.

    Its own address is 127.0.0.1 for the first pod, 127.0.0.2 for the second, and so on; the names
    that DNS would have for all pods are replaced by these, and paths of mounts by folders.
    """

    def __init__(self, manifests: Sequence[Manifest], ordinal: int, folder: Path) -> None:
        """Make the files of the pod.

        Args:
            manifests: What the chart renders, and further Secrets.
            ordinal: The number of the pod.
            folder: For its volumes, and for its output.
        """
        self.spec = container(manifests)
        self._manifests = manifests
        self._folder = folder
        stateful = the(manifests, "StatefulSet")
        name, service = stateful["metadata"]["name"], stateful["spec"]["serviceName"]
        domain = f"{service}.{stateful['metadata']['namespace']}.svc.cluster.local"
        self._local = {
            mount["mountPath"]: f"{folder / mount['name']}" for mount in self.spec["volumeMounts"]
        }
        self._local |= {
            f"{name}-{n}.{domain}": f"127.0.0.{n + 1}" for n in range(stateful["spec"]["replicas"])
        }
        self._local["0.0.0.0"] = f"127.0.0.{ordinal + 1}"  # noqa: S104 -- is replaced
        for mount in self.spec["volumeMounts"]:
            (folder / mount["name"]).mkdir(parents=True)
        self._security = stateful["spec"]["template"]["spec"]["securityContext"]
        for volume in stateful["spec"]["template"]["spec"]["volumes"]:
            self._fill(volume)
        named = ["sh", "-euc", 'hostname "$1"; shift; exec "$@"', "sh", f"{name}-{ordinal}"]
        super().__init__(
            folder,
            *map(self._here, self.spec["args"]),
            env={each["name"]: self._variable(each) for each in self.spec.get("env", [])},
            program=(*_with_its_own_name(), *named, sys.executable, "-m", "exporter"),
        )

    def start(self, *, wait: bool = True, timeout: float = 30) -> Self:
        """Mount the volume of the state as a kubelet does, and run the program."""
        self._mount(self._folder / "state")
        return super().start(wait=wait, timeout=timeout)

    def probe(self, name: str) -> int:
        """Return the status that a probe of the manifest gets by HTTP."""
        check = self.spec[name]["httpGet"]
        (port,) = (p["containerPort"] for p in self.spec["ports"] if p["name"] == check["port"])
        assert port == self.address[1]
        with within(self.spec[name]["timeoutSeconds"]):
            return self.get(check["path"]).status

    def _mount(self, volume: Path) -> None:
        """Give the group of the pod access to a volume, as the policy says."""
        group = self._security["fsGroup"]
        found = volume.stat()
        is_accessible = found.st_mode & _OF_DIRECTORIES == _OF_DIRECTORIES
        is_ours = found.st_gid == group or os.geteuid() != 0
        is_once = self._security.get("fsGroupChangePolicy") == "OnRootMismatch"
        if is_once and is_accessible and is_ours:
            return
        for each in (volume, *volume.rglob("*")):
            if os.geteuid() == 0:
                os.chown(each, -1, group)
            each.chmod(each.stat().st_mode | (_OF_DIRECTORIES if each.is_dir() else _OF_FILES))

    def _fill(self, volume: Manifest) -> None:
        folder = self._folder / volume["name"]
        if "configMap" in volume:
            (found,) = (
                each
                for each in of_kind(self._manifests, "ConfigMap")
                if each["metadata"]["name"] == volume["configMap"]["name"]
            )
            for name, text in found["data"].items():
                (folder / name).write_text(self._here(text))
        for source in volume.get("projected", {}).get("sources", []):
            name = source["secret"]["name"]
            # Without a choice, each key is a file.
            chosen = source["secret"].get("items") or [
                {"key": key, "path": key} for key in self._secrets(name)
            ]
            for item in chosen:
                path = folder / item["path"]
                path.parent.mkdir(exist_ok=True)
                path.write_text(self._secrets(name)[item["key"]])

    def _variable(self, variable: Manifest) -> str:
        if "value" in variable:
            return self._here(variable["value"])
        reference = variable["valueFrom"]["secretKeyRef"]
        return self._secrets(reference["name"])[reference["key"]]

    def _secrets(self, name: str) -> Mapping[str, str]:
        (found,) = (
            each for each in of_kind(self._manifests, "Secret") if each["metadata"]["name"] == name
        )
        texts: Mapping[str, str] = found["stringData"]
        return texts

    def _here(self, text: str) -> str:
        """Replace what is elsewhere in a pod, all at once: a replacement is not replaced."""
        pattern = "|".join(re.escape(each) for each in sorted(self._local, key=len, reverse=True))
        return re.sub(pattern, lambda found: self._local[found[0]], text)


def _with_its_own_name() -> list[str]:
    """Return a command that lets a process have a host name of its own."""
    unshare = ["unshare", *([] if os.geteuid() == 0 else ["--map-root-user"]), "--uts"]
    if subprocess.run([*unshare, "true"], capture_output=True, check=False).returncode != 0:
        missing("unshare, with the right to name a host,", "run it as root")
    return unshare
