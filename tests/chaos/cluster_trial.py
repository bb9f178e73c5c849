"""A cluster of three processes that reads many servers, while its processes are killed."""

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from random import Random
from typing import NamedTuple

from dataflows.logouts import COUNT_SECONDS
from tests.chaos.cluster_picture import Downtime
from tests.chaos.cluster_traffic import Fleet, bus_of
from tests.chaos.cluster_verdict import ClusterOutcome, judge
from tests.integration.bus import connected_buses, is_ready
from tests.program import Exporter
from tests.servers import Broker
from tests.support import eventually, free_port

PROCESSES = 3

RESTART_SECONDS = 5.0
"""From the end of a process until its supervisor starts it again, as in packaging/."""

_KILLED = -9
_FAILED = 1
"""Exit status of a process whose cluster has lost another one."""

_RECOVERY_SECONDS = 300
"""At most, from a kill until all is processed."""

_POLL_SECONDS = 0.1
_INSTANCE = "cluster"
_COUNTED = re.compile(
    rb"^xivo_exporter_(deliveries|duplicates)_total\{[^}]*\} (\S+)$", re.MULTILINE
)


class Plan(NamedTuple):
    """What happens to a cluster.

    Attributes:
        servers: That publish, each on a bus of its own.
        rate: Messages a second, of all servers together.
        minutes: How long.
        every: Seconds from one kill to the next.
        seed: Of all moments and of the traffic.
    """

    servers: int = 30
    rate: float = 300
    minutes: float = 30
    every: float = 60
    seed: int = 1


def run(broker: Broker, directory: Path, plan: Plan) -> ClusterOutcome:
    """Let a cluster live through it.

    Args:
        broker: For this trial alone.
        directory: For settings, states and logs; empty.
        plan: What happens.
    """
    outcome = ClusterOutcome()
    buses = [bus_of(server) for server in range(plan.servers)]
    with ExitStack() as stack:
        stack.enter_context(broker.vhosts(*buses))
        cluster = stack.enter_context(_cluster(broker, directory, buses))
        began = time.monotonic()
        with Fleet(broker, plan.servers, rate=plan.rate, seed=plan.seed, now=time.time()) as fleet:
            for at, victim in _kills(plan):
                time.sleep(max(0.0, began + at - time.monotonic()))
                downtime = _kill(cluster, victim, fleet, outcome.faults)
                outcome.downtimes.append(downtime._replace(at=round(at, 1)))
            time.sleep(max(0.0, began + plan.minutes * 60 - time.monotonic()))
        outcome.seconds = time.monotonic() - began
        outcome.published = fleet.published
        _await_end(broker, cluster, buses)
        judge(cluster, fleet.sources, outcome)
    return outcome


def _kills(plan: Plan) -> Iterator[tuple[float, int]]:
    """Yield when to kill, seconds from the start, and which process."""
    chance = Random(plan.seed)  # noqa: S311 -- no secret
    for number in range(int(plan.minutes * 60 / plan.every)):
        # Not at the same second of each minute: windows end then.
        yield plan.every * (number + chance.uniform(0.2, 0.5)), chance.randrange(PROCESSES)


@contextmanager
def _cluster(broker: Broker, directory: Path, buses: Sequence[str]) -> Iterator[list[Exporter]]:
    file = directory / "config.toml"
    lines = [f'instance = "{_INSTANCE}"', 'details = "agents,endpoints"']
    # What is bounded on purpose must not look like a loss.
    lines += ["inbox_max_length = 10000000", f"inbox_max_bytes = {2**34}"]
    for bus in buses:
        lines += ["[[buses]]", f'name = "{bus}"', f'url = "{broker.url(vhost=bus)}"']
        lines += ['timezone = "UTC"']
    file.write_text("\n".join(lines))
    addresses = ";".join(f"127.0.0.1:{free_port()}" for _ in range(PROCESSES))
    cluster: list[Exporter] = []
    with ExitStack() as stack:
        for number in range(PROCESSES):
            folder = directory / f"{number}"
            folder.mkdir()
            arguments = ("--config", str(file), "--state-dir", str(folder / "state"))
            process = Exporter(
                folder, *arguments, "--process-id", f"{number}", "--addresses", addresses
            )
            stack.callback(process.close)
            cluster.append(process.start(wait=False))
        eventually(
            lambda: all(map(_is_up, cluster)) and connected_buses(cluster) == len(buses),
            timeout=60,
            what=lambda: f"the cluster reads all buses: {_logs(cluster)}",
        )
        yield cluster


def _kill(cluster: Sequence[Exporter], victim: int, fleet: Fleet, faults: list[str]) -> Downtime:
    """Kill a process, start each one again some seconds after its end, and wait for all."""
    killed = time.monotonic()
    cluster[victim].kill()
    ends: dict[Exporter, float] = {}
    has_ended: dict[Exporter, float] = {}
    while not (len(has_ended) == len(cluster) and all(map(_is_up, cluster))):
        now = time.monotonic()
        assert now < killed + _RECOVERY_SECONDS, f"the cluster does not recover: {_logs(cluster)}"
        for number, process in enumerate(cluster):
            if process.running:
                continue
            if process not in ends:
                ends[process] = now
                has_ended.setdefault(process, now)
                wanted = _KILLED if number == victim and has_ended[process] == now else _FAILED
                if (status := process.wait()) != wanted:
                    faults.append(f"process {number} ended with status {status}, not {wanted}")
            elif now >= ends[process] + RESTART_SECONDS:
                del ends[process]
                process.start(wait=False)
        time.sleep(_POLL_SECONDS)
    ready = time.monotonic()
    wanted = fleet.published
    backlog = max(0, wanted - _processed(cluster))
    eventually(
        lambda: _processed(cluster) >= wanted,
        timeout=_RECOVERY_SECONDS,
        interval=_POLL_SECONDS,
        what=lambda: f"all {wanted} events are processed: {_logs(cluster)}",
        ignoring=(OSError,),
    )
    return Downtime(
        0.0,
        victim,
        round(max(has_ended.values()) - killed, 2),
        round(ready - killed, 2),
        round(time.monotonic() - killed, 2),
        backlog,
    )


def _await_end(broker: Broker, cluster: Sequence[Exporter], buses: Sequence[str]) -> None:
    for bus in buses:
        eventually(
            # But for the bookmark, which stays unacknowledged.
            lambda b=bus: broker.queues(b)[f"xivo-exporter.{_INSTANCE}.{b}"]["messages"] == 1,  # type: ignore[misc]  # mypy infers no default of a lambda
            timeout=_RECOVERY_SECONDS,
            interval=0.5,
            what=lambda: f"all but one is acknowledged: {_logs(cluster)}",
        )
    # A logout counts some seconds later.
    time.sleep(COUNT_SECONDS + 1)


def _is_up(process: Exporter) -> bool:
    with suppress(OSError):
        return process.running and bool(process.logged("listening")) and is_ready(process)
    return False


def _processed(cluster: Sequence[Exporter]) -> int:
    """Return how many messages were processed, without those that came again."""
    total = 0.0
    for process in cluster:
        for name, value in _COUNTED.findall(process.get("/metrics").body):
            total += float(value) if name == b"deliveries" else -float(value)
    return int(total)


def _logs(cluster: Sequence[Exporter]) -> str:
    return "\n\n".join(process.log()[-1500:] for process in cluster)
