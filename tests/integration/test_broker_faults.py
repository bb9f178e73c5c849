"""A broker that runs on, and is changed: alarms, rights, a channel, the inbox, the exchange."""

import threading

import pytest

from tests.integration.bus import INBOX, connected, processed, publish_chats
from tests.integration.conftest import RunExporter
from tests.integration.recovery import (
    RECOVERY_SECONDS,
    assert_recovered,
    fault,
    told,
)
from tests.program import Exporter
from tests.servers import Broker
from tests.support import eventually

SECRET = "s3cr3t-p4ss"

_LIMITS = """
vm_memory_monitor:set_vm_memory_high_watermark(%f),
rabbit_disk_monitor:set_disk_free_limit(%d).
"""

_PATIENCE = (
    "[application:set_env(rabbit, K, {}) || K <- [consumer_timeout, channel_tick_interval]]."
)


@pytest.fixture
def program(victim: Broker, exporter: RunExporter) -> Exporter:
    """An exporter that has counted ten messages."""
    program = connected(exporter(victim.url(), "--instance", "i"))
    publish_chats(victim, 0, 10)
    processed(program, 10)
    return program


def test_alarms_of_the_broker_hold_up_publishers_and_not_us(
    victim: Broker, program: Exporter
) -> None:
    program.freeze()
    publish_chats(victim, 10, 20)
    victim.eval(_LIMITS % (0.0001, 10**15))
    publisher = threading.Thread(target=publish_chats, args=(victim, 20, 30))
    with fault(program):
        publisher.start()
        eventually(lambda: "blocked" in victim.connections("state"), what="it is held up")
        program.thaw()
        # What waits is read while the alarm lasts, also by a new connection.
        processed(program, 20)
        victim.close_exporters()
        connected(program, times=2)
        assert publisher.is_alive()
        victim.eval(_LIMITS % (0.4, 1_000_000))
    publisher.join(60)
    assert_recovered(victim, program, "i", 30)


def test_rights_withdrawn_are_told_and_used_again_when_they_are_back(
    victim: Broker, exporter: RunExporter
) -> None:
    victim.add_user("reader", SECRET, configure=".*", write=".*", read=".*")
    program = exporter(victim.url(user="reader", password=SECRET), "--instance", "i")
    connected(program)
    publish_chats(victim, 0, 10)
    processed(program, 10)
    with fault(program):
        victim.clear_permissions("reader")
        assert INBOX in told(program, "lacks a permission")
        publish_chats(victim, 10, 20)
        assert "permissions" in told(program, "vhost refused")
    victim.set_permissions("reader")
    assert_recovered(victim, program, "i", 20)


def test_a_channel_that_the_broker_closes_is_opened_again(
    victim: Broker, exporter: RunExporter
) -> None:
    if victim.version >= (4, 3):
        pytest.skip("from RabbitMQ 4.3 on, consumers of classic queues have no timeout")
    # Consumers that do not acknowledge for half an hour lose their channel; here for a second.
    victim.eval(_PATIENCE.format(1000))
    try:
        program = connected(exporter(victim.url(), "--instance", "i"))
        publish_chats(victim, 0, 10)
        processed(program, 10)
        program.freeze()
        publish_chats(victim, 10, 20)
        eventually(lambda: "timed out" in victim.log(), what="the channel is closed")
        with fault(program):
            program.thaw()
            problem = told(program, "PRECONDITION_FAILED", "timed out")
        assert "delete" not in problem
    finally:
        victim.eval(_PATIENCE.format(60_000))
    assert_recovered(victim, program, "i", 20)


def test_an_inbox_that_is_replaced_by_another_is_told_with_what_to_do(
    victim: Broker, program: Exporter
) -> None:
    with fault(program):
        with victim.channel() as channel:
            channel.queue_delete(INBOX)
            channel.queue_declare(INBOX, durable=True, auto_delete=False)
        assert f"rabbitmqctl delete_queue {INBOX}" in told(program, "other limits or arguments")
    victim.delete_queue(INBOX)
    connected(program, times=2)
    publish_chats(victim, 10, 20)
    assert_recovered(victim, program, "i", 20, gaps=1)


def test_an_exchange_that_is_deleted_is_told_and_bound_again_when_it_is_back(
    victim: Broker, program: Exporter
) -> None:
    with fault(program):
        with victim.channel() as channel:
            channel.exchange_delete("xivo")
        told(program, "no exchange xivo")
    victim.declare_exchange("xivo")
    connected(program, times=2)
    publish_chats(victim, 10, 20)
    assert_recovered(victim, program, "i", 20, gaps=1)


def test_bindings_that_get_lost_under_us_are_made_again(victim: Broker, program: Exporter) -> None:
    bindings = victim.bindings()
    assert bindings.count(f'"{INBOX}"') > 10
    with fault(program):
        with victim.channel() as channel:
            channel.exchange_delete("xivo")
            channel.exchange_declare("xivo", "topic", durable=True, auto_delete=False)
        eventually(
            lambda: victim.bindings() == bindings,
            timeout=RECOVERY_SECONDS,
            what="it is bound",
        )
    publish_chats(victim, 10, 20)
    assert_recovered(victim, program, "i", 20)
