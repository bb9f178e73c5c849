"""What the exporter owes after every fault, and what it may cost while the fault lasts."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.integration.bus import (
    assert_account_balances,
    connected,
    count_of,
    own,
)
from tests.program import Exporter, Series, parse_log_line
from tests.servers import Broker
from tests.support import eventually

RECOVERY_SECONDS = 10
"""From the cure of a fault to a connection."""

_CPU_SHARE = 0.1
_CPU_SLACK_SECONDS = 0.5
"""What the scrapes of a test may cost besides."""


@contextmanager
def fault(*programs: Exporter) -> Iterator[None]:
    """Check that nobody runs in circles while a fault lasts."""
    before = [program.cpu_seconds() for program in programs]
    began = time.monotonic()
    yield
    allowed = _CPU_SHARE * (time.monotonic() - began) + _CPU_SLACK_SECONDS
    for program, used in zip(programs, before, strict=True):
        assert program.cpu_seconds() - used < allowed, "a busy loop"


def lost(program: Exporter) -> None:
    """Wait until the exporter has noticed that its connection is gone."""
    eventually(
        lambda: own(program.samples(), "bus_connected") == 0,
        timeout=40,
        interval=0.5,
        what="the end of the connection is noticed",
    )


def told(program: Exporter, *words: str) -> str:
    """Wait until the log tells of a problem with these words in it, and return it."""

    def problem() -> str:
        lines = map(parse_log_line, program.log().splitlines())
        problems = [line.get("problem", "") for line in lines]
        return next((each for each in problems if all(word in each for word in words)), "")

    return eventually(problem, timeout=40, what=lambda: f"{words} in {program.log()[-2000:]}")


def assert_counted_once(  # noqa: PLR0913 -- what is owed, and until when
    broker: Broker,
    program: Exporter,
    instance: str,
    published: int,
    *,
    gaps: int = 0,
    timeout: float = 15,
) -> dict[Series, float]:
    """Check that every chat message was counted once and is acknowledged; return the series."""
    eventually(
        lambda: count_of(program.samples(), "xivo_chat_messages_total") >= published,
        timeout=timeout,
        what=lambda: f"{published} messages: {program.log()[-2000:]}",
    )
    inbox = f"xivo-exporter.{instance}.default"
    # Whatever comes twice is not acknowledged before it is counted.
    eventually(lambda: broker.queues()[inbox]["messages"] == 1, what="all but the bookmark")
    samples = program.samples()
    assert count_of(samples, "xivo_chat_messages_total") == published
    assert count_of(samples, "xivo_bus_events_total", event="chat_message_event") == published
    assert own(samples, "used_total") == published
    assert own(samples, "bus_gaps_total") == gaps
    assert_account_balances(samples)
    return samples


def assert_recovered(
    broker: Broker, program: Exporter, instance: str, published: int, *, gaps: int = 0
) -> None:
    """Check, from the cure on, all that is owed.

    It is connected in time, has counted every chat message once that the broker kept, and has
    written one line for each change.
    """
    connected(program, timeout=RECOVERY_SECONDS)
    samples = assert_counted_once(broker, program, instance, published, gaps=gaps)
    assert own(samples, "bus_connects_total") == len(program.logged("connected"))
    assert own(samples, "bus_disconnects_total") == len(program.logged("disconnected"))
    assert_each_change_is_told_once(program)


def assert_each_change_is_told_once(program: Exporter) -> None:
    """Check that connections and disconnections alternate, and no outage tells a problem twice."""
    was_connected = False
    told: set[str] = set()
    for line in map(parse_log_line, program.log().splitlines()):
        match line.get("msg"):
            case "connected":
                assert not was_connected, program.log()
                was_connected, told = True, set()
            case "disconnected" | "cannot connect, retrying" as message:
                assert was_connected == (message == "disconnected"), program.log()
                assert line["problem"] not in told, f"told again:\n{program.log()}"
                was_connected = False
                told.add(line["problem"])
