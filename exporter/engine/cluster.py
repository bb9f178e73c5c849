"""A cluster: several processes that share the work of one exporter.

Bytewax connects them, spreads the buses and the keys over them, and ends them all
when one dies. They are told of each other by settings, by the variables that
`bytewax.run` reads, or by Kubernetes: the pods of a StatefulSet are numbered.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from exporter.settings import Settings, SettingsError


class Cluster(NamedTuple):
    """Which of the processes this is, and where they all listen for each other."""

    process_id: int
    addresses: list[str]


def cluster_of(settings: Settings, environment: Mapping[str, str], host: str) -> Cluster | None:
    """Tell what cluster this process belongs to; None if it is alone.

    Args:
        settings: They win over the environment.
        environment: With variables of `bytewax.run`, perhaps.
        host: Name of this machine; a StatefulSet's ends in the number of the pod.

    Raises:
        SettingsError: What is told does not fit together.
    """
    process_id = settings.process_id
    if process_id is None:
        process_id = _number(environment)
    addresses = settings.addresses or _addresses(environment)
    if process_id is None and addresses:
        process_id = _ordinal(host)
    if process_id is None:
        return None
    if not addresses:
        raise SettingsError(["--process-id: needs --addresses, those of all processes"])
    problems = []
    if process_id >= len(addresses):
        problems.append(f"--process-id: is {process_id}, of {len(addresses)} addresses from 0 on")
    if "instance" not in settings.model_fields_set:
        problems.append("--instance: must be told, for all processes of a cluster share an inbox")
    if problems:
        raise SettingsError(problems)
    return Cluster(process_id, list(addresses))


def _ordinal(host: str) -> int:
    found = re.search(r"-(\d+)$", host)
    if found is None:
        raise SettingsError(["--addresses: needs --process-id, the place in that list"])
    return int(found[1])


def _number(environment: Mapping[str, str]) -> int | None:
    text = environment.get("BYTEWAX_PROCESS_ID")
    if text is None:
        pod, prefix = (environment.get(f"BYTEWAX_{name}_NAME") for name in ("POD", "STATEFULSET"))
        if not pod or not prefix:
            return None
        text = pod.removeprefix(f"{prefix}-")
    if not text.isdecimal():
        raise SettingsError(["BYTEWAX_PROCESS_ID, or the pod's name: has no number"])
    return int(text)


def _addresses(environment: Mapping[str, str]) -> tuple[str, ...]:
    text = environment.get("BYTEWAX_ADDRESSES")
    if text is None:
        file = environment.get("BYTEWAX_HOSTFILE_PATH")
        if file is None:
            return ()
        try:
            text = ";".join(Path(file).read_text().split())
        except OSError as error:
            raise SettingsError([f"BYTEWAX_HOSTFILE_PATH: {error.strerror}"]) from error
    return tuple(each for each in text.split(";") if each)


def explain(error: BaseException) -> str | None:
    """Say why bytewax ended, if that is because another process did."""
    if re.search(r"(Send|Recv) thread panic|timely communication error", str(error)):
        return "another process of the cluster has ended; it goes on when all are started again"
    return None
