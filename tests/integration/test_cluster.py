"""Several processes that share the work: together they are one exporter."""

import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from uuid import uuid4

import pytest

from tests.integration.bus import Wire, connected_buses, event, is_ready, publish
from tests.integration.conftest import RunExporter
from tests.program import Exporter, Series
from tests.servers import Broker
from tests.support import eventually, free_port

BUSES = ("lyon", "nantes", "paris")
ORIGINS = {
    bus: [f"ca7f87e9-c2c8-5fad-ba1b-{n:012}" for n in range(6 * i, 6 * i + 6)]
    for i, bus in enumerate(BUSES)
}
"""The servers of each bus."""

StartCluster = Callable[..., list[Exporter]]


@pytest.fixture
def vhosts(broker: Broker) -> Iterator[Broker]:
    """The broker with a vhost for each bus."""
    with broker.vhosts(*BUSES):
        yield broker


def write_settings(broker: Broker, folder: Path, buses: Sequence[str]) -> Path:
    """Write a settings file with these buses."""
    file = folder / "config.toml"
    tables = (f'[[buses]]\nname = "{b}"\nurl = "{broker.url(vhost=b)}"\n' for b in buses)
    file.write_text("\n".join(tables))
    return file


@pytest.fixture
def cluster(vhosts: Broker, exporter: RunExporter, tmp_path: Path) -> StartCluster:
    """A function that starts a cluster of so many processes; all of them keep their state."""

    def start(size: int, buses: Sequence[str] = BUSES) -> list[Exporter]:
        file = write_settings(vhosts, tmp_path, buses)
        addresses = ";".join(f"127.0.0.1:{free_port()}" for _ in range(size))
        common = ("--config", str(file), "--instance", "i", "--state-dir", str(tmp_path / "state"))
        return [
            exporter(None, *common, "--process-id", str(n), "--addresses", addresses, wait=False)
            for n in range(size)
        ]

    return start


def at_work(processes: list[Exporter], buses: int = len(BUSES)) -> list[Exporter]:
    """Wait until all processes are ready, and all buses connected."""
    for process in processes:
        eventually(lambda p=process: p.logged("listening"), timeout=30, what="it listens")  # type: ignore[misc]  # mypy infers no default of a lambda
    eventually(
        lambda: all(map(is_ready, processes)) and connected_buses(processes) == buses,
        timeout=30,
        what=lambda: f"the cluster is at work: {[p.log()[-500:] for p in processes]}",
    )
    return processes


def sums(processes: list[Exporter]) -> Counter[Series]:
    """Add up what the buses told, and what became of it."""
    total: Counter[Series] = Counter()
    for process in processes:
        for (name, labels), value in process.samples().items():
            is_domain = name.startswith("xivo_") and not name.startswith("xivo_exporter_")
            if (is_domain and "window" not in dict(labels)) or name == "xivo_exporter_used_total":
                assert (name, labels) not in total, f"two processes show {name}"
                total[name, labels] = value  # type: ignore[assignment]  # typeshed has a Counter count in int
    return total


def chats(processes: list[Exporter]) -> dict[str, float]:
    """Give the number of chat messages by origin."""
    return {
        dict(labels)["origin_uuid"]: value
        for (name, labels), value in sums(processes).items()
        if name == "xivo_chat_messages_total"
    }


def send(broker: Broker, rounds: int, buses: Sequence[str] = BUSES) -> None:
    """Publish so many chat messages of each origin on each bus, no two of them alike."""
    for bus in buses:
        users = {"to": [ORIGINS[bus][0], 42], "from": [ORIGINS[bus][0], 22], "alias": "Alice"}
        publish(
            broker,
            "xivo",
            [
                Wire(event("chat_message_event", {**users, "msg": f"{uuid4()}"}, origin))
                for _ in range(rounds)
                for origin in ORIGINS[bus]
            ],
            vhost=bus,
        )


def counted(
    broker: Broker, processes: list[Exporter], rounds: int, buses: Sequence[str] = BUSES
) -> None:
    """Wait until so many rounds are counted and kept, and check that it were no more."""
    truth = dict.fromkeys((origin for bus in buses for origin in ORIGINS[bus]), rounds)
    eventually(
        lambda: chats(processes) == truth,
        timeout=60,
        what=lambda: f"{truth} and not {chats(processes)}",
    )
    for bus in buses:
        eventually(
            lambda b=bus: broker.queues(b)[f"xivo-exporter.i.{b}"]["messages"] == 1,  # type: ignore[misc]  # as above
            what="all but the bookmark is acknowledged",
        )
    assert chats(processes) == truth
    used = {
        dict(labels)["bus"]: value
        for (name, labels), value in sums(processes).items()
        if name == "xivo_exporter_used_total"
    }
    assert used == {bus: rounds * len(ORIGINS[bus]) for bus in buses}


@contextmanager
def sending(broker: Broker, rounds: int, times: int) -> Iterator[Thread]:
    """Publish rounds again and again, while something happens."""

    def run() -> None:
        for _ in range(times):
            send(broker, rounds)

    sender = Thread(target=run)
    sender.start()
    try:
        yield sender
    finally:
        sender.join(60)


def restarted(processes: list[Exporter]) -> list[Exporter]:
    for process in processes:
        process.start(wait=False)
    return at_work(processes)


def ended_well(*told: Exporter) -> None:
    """Send SIGTERM to some, and check that these end in time with status 0."""
    for process in told:
        os.kill(process.pid, signal.SIGTERM)
    eventually(lambda: not any(process.running for process in told), timeout=5, what="all ended")
    assert [process.wait() for process in told] == [0] * len(told)


def test_a_process_that_keeps_fewer_subsystems_only_misses_the_others(
    vhosts: Broker, exporter: RunExporter, tmp_path: Path
) -> None:
    # It is a mistake, and what a StatefulSet does for a moment while its settings change.
    file = write_settings(vhosts, tmp_path, BUSES)
    addresses = ";".join(f"127.0.0.1:{free_port()}" for _ in range(2))
    common = (
        *("--config", str(file), "--instance", "i", "--state-dir", str(tmp_path / "state")),
        *("--addresses", addresses, "--process-id"),
    )
    every, few = (
        exporter(None, *common, *flags, wait=False)
        for flags in (("0",), ("1", "--subsystems", "agents"))
    )
    for _ in range(2):
        at_work([every, few])
        send(vhosts, 3)
        eventually(lambda: chats([every, few]), what="some chats are counted")
        assert not any(name.startswith("xivo_chat") for name, _ in few.samples())
        ended_well(every, few)
        for process in (every, few):
            assert "Traceback" not in process.log()
            process.start(wait=False)
    at_work([every, few])


def hung_up(process: Exporter) -> bool:
    """Whether the process says that it got a SIGHUP."""
    return bool(process.logged("settings reloaded"))


def test_the_sums_over_all_processes_are_the_truth(vhosts: Broker, cluster: StartCluster) -> None:
    processes = at_work(cluster(3))
    send(vhosts, 50)
    counted(vhosts, processes, 50)
    for process in processes:
        assert sums([process]), "a process has nothing to do"


@pytest.mark.parametrize("victim", [0, 1])
def test_when_one_is_killed_the_others_end_and_all_together_go_on(
    vhosts: Broker, cluster: StartCluster, victim: int
) -> None:
    processes = at_work(cluster(2))
    send(vhosts, 10)
    counted(vhosts, processes, 10)
    with sending(vhosts, rounds=10, times=20):
        eventually(lambda: sum(chats(processes).values()) > 300, what="it is at work")
        processes[victim].kill()
        (other,) = (process for process in processes if process is not processes[victim])
        assert other.wait(timeout=10) == 1
        (line,) = other.logged("the dataflow failed")
        assert "another process of the cluster" in line["problem"]
        assert "Traceback" not in other.log()
        counted(vhosts, restarted(processes), 210)


def test_a_cluster_that_grows_keeps_its_state(vhosts: Broker, cluster: StartCluster) -> None:
    two = at_work(cluster(2))
    send(vhosts, 20)
    counted(vhosts, two, 20)
    before = sums(two)
    ended_well(*two)
    three = at_work(cluster(3))
    eventually(lambda: sums(three) == before, what="the same is shown before the first event")
    send(vhosts, 20)
    counted(vhosts, three, 40)


def test_one_program_goes_on_with_a_cluster_s_state_and_with_fewer_buses(
    vhosts: Broker, cluster: StartCluster, exporter: RunExporter, tmp_path: Path
) -> None:
    two = at_work(cluster(2))
    send(vhosts, 20)
    counted(vhosts, two, 20)
    before = sums(two)
    ended_well(*two)
    stays, leaves = BUSES[:2], BUSES[2]
    of_left = {("bus", leaves), *(("origin_uuid", origin) for origin in ORIGINS[leaves])}
    file = write_settings(vhosts, tmp_path, stays)
    state = ("--instance", "i", "--state-dir", str(tmp_path / "state"))
    alone = at_work([exporter(None, "--config", str(file), *state)], len(stays))
    expected = {key: value for key, value in before.items() if not key[1] & of_left}
    eventually(lambda: sums(alone) == expected, what="all but that of the third bus is shown")
    assert "the bus is not in the settings, so its kept state is removed" in alone[0].log()
    send(vhosts, 20, stays)
    counted(vhosts, alone, 40, stays)


def test_those_that_are_stopped_end_in_time_and_nothing_is_lost(
    vhosts: Broker, cluster: StartCluster
) -> None:
    processes = at_work(cluster(2))
    with sending(vhosts, rounds=10, times=20):
        eventually(lambda: sum(chats(processes).values()) > 300, what="it is at work")
        ended_well(*processes)
        restarted(processes)
        # One alone cannot leave the others at work.
        ended_well(processes[1])
        assert processes[0].wait(timeout=10) == 1
        counted(vhosts, restarted(processes), 200)


def test_a_hangup_ends_no_process_of_a_cluster_and_says_what_needs_a_restart(
    vhosts: Broker, cluster: StartCluster, tmp_path: Path
) -> None:
    processes = at_work(cluster(2))
    file = tmp_path / "config.toml"
    file.write_text('details = ["agents"]\nlog_format = "json"\n' + file.read_text())
    with sending(vhosts, rounds=10, times=10):
        for process in processes:
            os.kill(process.pid, signal.SIGHUP)
            eventually(lambda p=process: hung_up(p), what="it says what it does")  # type: ignore[misc]  # as above
            [told] = process.logged("changed settings need a restart of the exporter")
            assert told["settings"] == "--details"
            assert process.log().rstrip().endswith("}")
    counted(vhosts, processes, 100)
    ended_well(*processes)


def test_one_that_waits_for_the_others_is_not_ready_and_can_be_stopped(
    exporter: RunExporter,
) -> None:
    addresses = f"127.0.0.1:{free_port()};127.0.0.1:{free_port()}"
    arguments = ("--instance", "i", "--process-id", "0", "--addresses", addresses)
    process = exporter(None, *arguments)
    assert process.get("/-/ready").status == 503
    os.kill(process.pid, signal.SIGHUP)
    eventually(lambda: hung_up(process), what="it says what it does")
    ended_well(process)


def test_a_process_without_a_bus_is_ready_and_shows_its_part(
    vhosts: Broker, cluster: StartCluster
) -> None:
    processes = at_work(cluster(2, BUSES[:1]), buses=1)
    send(vhosts, 10, BUSES[:1])
    counted(vhosts, processes, 10, BUSES[:1])
    assert all(sums([process]) for process in processes)
