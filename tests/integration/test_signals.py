"""SIGHUP ends nothing of the real program, and SIGTERM ends it well at any time."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.bus import INBOX, connected, count_of, own, processed, publish_chats
from tests.program import PROGRAM, Exporter
from tests.servers import Broker
from tests.support import eventually, free_port

RUN = (*PROGRAM, "run", "--listen", "127.0.0.1:0")
DEMO = (*PROGRAM, "demo", "--listen", "127.0.0.1:0")
SAYS = "nothing is reloaded: this command reads its settings only at the start"
# The program may write so many lines of one kind in a minute.
PER_MINUTE = 6


def hang_up(program: Exporter, times: int = 1) -> None:
    """Send SIGHUP so many times, each after the program has taken the one before."""
    for _ in range(times):
        os.kill(program.pid, signal.SIGHUP)
        eventually(lambda: not _waits(program, signal.SIGHUP), interval=0.01, what="it is taken")


def _waits(program: Exporter, number: signal.Signals) -> bool:
    return bool(_mask(Path(f"/proc/{program.pid}/status"), "ShdPnd") & (1 << (number - 1)))


def _mask(status: Path, name: str) -> int:
    (line,) = (each for each in status.read_text().splitlines() if each.startswith(f"{name}:"))
    return int(line.split()[1], 16)


@pytest.mark.parametrize("parent", [(), ("nohup",)], ids=["alone", "nohup"])
@pytest.mark.usefixtures("with_exchange")
def test_after_a_hangup_it_serves_and_consumes_and_a_stop_acknowledges_everything(
    broker: Broker, tmp_path: Path, parent: tuple[str, ...]
) -> None:
    arguments = ("--bus-url", broker.url(), "--instance", "i")
    with Exporter(tmp_path, *arguments, program=(*parent, *RUN)) as program:
        connected(program)
        publish_chats(broker, 0, 100)
        processed(program, 100)
        hang_up(program)
        (line,) = eventually(lambda: program.logged("settings reloaded"), what="it says so")
        assert (line["level"], line["changed"]) == ("info", "")
        assert program.get("/-/ready").status == 200
        publish_chats(broker, 100, 200)
        samples = processed(program, 200)
        assert count_of(samples, "xivo_chat_messages_total") == 200
        assert own(samples, "bus_disconnects_total") == 0
        hang_up(program)
        os.kill(program.pid, signal.SIGTERM)
        assert program.wait(timeout=5) == 0
    assert broker.queues()[INBOX]["messages"] == 0
    assert "Traceback" not in program.log()


def test_hangups_and_the_stop_that_follows_write_few_lines(tmp_path: Path) -> None:
    with Exporter(tmp_path, program=DEMO) as program:
        eventually(lambda: program.get("/-/ready").status == 200, what="the demonstration runs")
        hang_up(program, times=PER_MINUTE + 4)
        for _ in range(1000):
            os.kill(program.pid, signal.SIGHUP)
        os.kill(program.pid, signal.SIGTERM)
        assert program.wait(timeout=5) == 0
    lines = program.logged(SAYS)
    # On a very busy machine, it took more than a minute.
    assert len(lines) == PER_MINUTE or "held_back" in lines[PER_MINUTE]
    assert program.logged("stopped")
    assert "Traceback" not in program.log()


def _alone(_: Path) -> tuple[str, ...]:
    return RUN


def _with_state(folder: Path) -> tuple[str, ...]:
    return (*RUN, "--state-dir", f"{folder / 'state'}")


def _in_a_cluster(_: Path) -> tuple[str, ...]:
    addresses = f"127.0.0.1:{free_port()}"
    return (*RUN, "--instance", "i", "--process-id", "0", "--addresses", addresses)


def _as_demonstration(_: Path) -> tuple[str, ...]:
    return DEMO


@pytest.mark.parametrize("command", [_alone, _with_state, _in_a_cluster, _as_demonstration])
@pytest.mark.usefixtures("with_exchange")
def test_every_thread_but_one_blocks_the_signals(
    broker: Broker, tmp_path: Path, command: Callable[[Path], tuple[str, ...]]
) -> None:
    # The kernel may give a signal to any thread that does not block it, and there it would kill.
    ours = sum(1 << (n - 1) for n in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM))
    environment = {"XIVO_EXPORTER_BUS_URL": broker.url()}
    with Exporter(tmp_path, env=environment, program=command(tmp_path)) as program:
        eventually(lambda: program.get("/-/ready").status == 200, what="all threads run")
        threads = [*Path(f"/proc/{program.pid}/task").iterdir()]
        open_to_them = [each for each in threads if _mask(each / "status", "SigBlk") & ours != ours]
        assert len(threads) > 3
        # While a thread waits for signals, the kernel shows them as not blocked.
        assert len(open_to_them) == 1
        assert program.terminate(timeout=5) == 0
