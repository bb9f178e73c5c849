"""What outlives the process: with a state directory, everything."""

import random
from pathlib import Path

import pytest

from tests.integration.bus import (
    INBOX,
    assert_account_balances,
    connected,
    count_of,
    domain,
    own,
    processed,
    publish_chats,
)
from tests.integration.conftest import RunExporter
from tests.integration.recovery import assert_counted_once
from tests.servers import Broker
from tests.support import eventually

pytestmark = pytest.mark.usefixtures("with_exchange")


@pytest.fixture
def state(tmp_path: Path) -> tuple[str, ...]:
    return ("--instance", "i", "--state-dir", str(tmp_path / "state"))


def committed(broker: Broker) -> None:
    """Wait until everything but the bookmark is acknowledged."""
    eventually(lambda: broker.queues()[INBOX]["messages"] == 1, what="all but one acknowledged")


@pytest.mark.parametrize("how", ["terminate", "kill"])
def test_after_a_restart_everything_is_shown_before_the_first_event(
    broker: Broker, exporter: RunExporter, state: tuple[str, ...], how: str
) -> None:
    program = connected(exporter(broker.url(), *state))
    publish_chats(broker, 0, 100)
    before = processed(program, 100)
    committed(broker)
    getattr(program, how)()
    program.start()
    connected(program)
    eventually(lambda: domain(program.samples()) == domain(before), what="the same is shown")
    # The bookmark is redelivered, and is known.
    after = processed(program, 101)
    assert own(after, "duplicates_total") == 1
    assert own(after, "used_total") == 100
    assert own(after, "bus_gaps_total") == 0
    assert_account_balances(after)


def test_what_comes_while_it_is_away_is_counted_once(
    broker: Broker, exporter: RunExporter, state: tuple[str, ...]
) -> None:
    program = connected(exporter(broker.url(), *state))
    publish_chats(broker, 0, 50)
    processed(program, 50)
    committed(broker)
    program.kill()
    publish_chats(broker, 50, 80)
    connected(program.start())
    samples = processed(program, 81)
    assert count_of(samples, "xivo_chat_messages_total") == 80
    assert own(samples, "bus_gaps_total") == 0


def test_an_inbox_that_was_emptied_meanwhile_is_a_gap_and_its_states_begin_again(
    broker: Broker, exporter: RunExporter, state: tuple[str, ...]
) -> None:
    program = connected(exporter(broker.url(), *state))
    publish_chats(broker, 0, 50)
    processed(program, 50)
    committed(broker)
    program.kill()
    publish_chats(broker, 50, 60)
    with broker.channel() as channel:
        channel.queue_purge(INBOX)
    publish_chats(broker, 60, 70)
    connected(program.start())
    samples = processed(program, 60)
    assert own(samples, "bus_gaps_total") == 1
    # Another exporter may have read the inbox, so what was known may be wrong.
    assert count_of(samples, "xivo_chat_messages_total") == 10
    committed(broker)
    # A gap is counted once, also over the next restart.
    program.kill()
    connected(program.start())
    assert own(processed(program, 61), "bus_gaps_total") == 1


def test_killed_again_and_again_under_load_it_loses_and_doubles_nothing(
    broker: Broker, exporter: RunExporter, state: tuple[str, ...]
) -> None:
    chance = random.Random(7)  # noqa: S311 -- any moments will do
    program = connected(exporter(broker.url(), *state))
    count = 0
    for _ in range(5):
        publish_chats(broker, count, count + 1000)
        count += 1000
        moment = chance.random() * 1000
        eventually(
            lambda floor=count - 1000 + moment: (
                count_of(  # type: ignore[misc]  # mypy infers no default of a lambda
                    program.samples(), "xivo_chat_messages_total"
                )
                >= floor
            ),
            what="it is at work",
        )
        program.kill()
        connected(program.start())
    assert_counted_once(broker, program, "i", count)


def test_stopped_again_and_again_under_load_it_loses_and_doubles_nothing(
    broker: Broker, exporter: RunExporter, state: tuple[str, ...]
) -> None:
    program = connected(exporter(broker.url(), *state))
    count = 0
    for _ in range(3):
        publish_chats(broker, count, count + 2000)
        count += 2000
        eventually(
            lambda floor=count - 1500: (  # type: ignore[misc]  # a lambda has no annotations
                count_of(program.samples(), "xivo_chat_messages_total") > floor
            ),
            what="it is at work",
        )
        assert program.terminate(timeout=5) == 0
        connected(program.start())
    assert_counted_once(broker, program, "i", count)
