"""A cluster: several processes that share the work of one exporter.

Bytewax connects the processes, distributes the buses and the keys over them, and ends them all when
one dies. A process learns its number and the addresses of all from the settings, from the variables
that `bytewax.run` reads, or from Kubernetes, which numbers the pods of a StatefulSet.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

from exporter.settings import Settings, SettingsError, spelled
from exporter.settings.address import Address
from exporter.settings.messages import printable


class Cluster(NamedTuple):
    """The number of this process, and where all processes listen for each other."""

    process_id: int
    addresses: list[str]

    @property
    def exposed(self) -> list[str]:
        """Addresses that are not loopback: other machines may reach them.

        A process trusts its peers: it unpickles what they send, and a pickle can run code.
        """
        return [each for each in self.addresses if not _is_loopback(Address.parse(each).host)]


def cluster_of(settings: Settings, environment: Mapping[str, str], host: str) -> Cluster | None:
    """Return the cluster that this process belongs to; None if it runs alone.

    Args:
        settings: They win over the environment.
        environment: May have the variables of `bytewax.run`.
        host: Name of this machine; in a StatefulSet it ends in the number of the pod.

    Raises:
        SettingsError: The settings contradict each other, or one is missing.
    """
    process_id = settings.process_id
    if process_id is None:
        process_id = _number(environment)
    addresses = settings.addresses or _addresses(environment)
    if process_id is None and addresses:
        process_id = _ordinal(host)
    if process_id is None:
        return None
    place = spelled("process_id")
    if not addresses:
        raise SettingsError([f"{place}: needs --addresses, the addresses of all processes"])
    problems = []
    if process_id >= len(addresses):
        last = len(addresses) - 1
        problems.append(
            f"{place}: must be at most {last}, the last of --addresses, not {process_id}"
        )
    if "instance" not in settings.model_fields_set:
        problems.append(
            f"{spelled('instance')}: is needed in a cluster, because its processes share one inbox"
        )
    if problems:
        raise SettingsError(problems)
    return Cluster(process_id, list(addresses))


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _ordinal(host: str) -> int:
    found = re.search(r"-(\d+)$", host)
    if found is None:
        problem = "needs --process-id, because the name of this host does not end in a number"
        raise SettingsError([f"{spelled('addresses')}: {problem}"])
    return int(found[1])


def _number(environment: Mapping[str, str]) -> int | None:
    text = environment.get("BYTEWAX_PROCESS_ID")
    if text is None:
        pod, prefix = (environment.get(f"BYTEWAX_{name}_NAME") for name in ("POD", "STATEFULSET"))
        if not pod or not prefix:
            return None
        text = pod.removeprefix(f"{prefix}-")
    if not re.fullmatch("[0-9]{1,9}", text):
        raise SettingsError(["BYTEWAX_PROCESS_ID or BYTEWAX_POD_NAME: must have a number"])
    return int(text)


def _addresses(environment: Mapping[str, str]) -> tuple[str, ...]:
    place = "BYTEWAX_ADDRESSES"
    text = environment.get(place)
    if text is None:
        place = "BYTEWAX_HOSTFILE_PATH"
        file = environment.get(place)
        if file is None:
            return ()
        try:
            text = ";".join(Path(file).read_text(encoding="utf-8").split())
        except OSError as error:
            problem = f"{place}: cannot read {printable(file)}: {error.strerror}"
            raise SettingsError([problem]) from error
        except UnicodeDecodeError as error:
            problem = f"{place}: {printable(file)} is not UTF-8 text"
            raise SettingsError([problem]) from error
    try:
        return tuple(str(Address.parse(each)) for each in text.split(";") if each)
    except ValueError as error:
        raise SettingsError([f"{place}: {error}"]) from error


def explain(error: BaseException) -> str | None:
    """Return why bytewax ended if another process is the cause, else None."""
    if re.search(r"(Send|Recv) thread panic|timely communication error", str(error)):
        return "another process of the cluster has ended; start all of them again to continue"
    return None
