"""A broker that runs on, and is changed: alarms, rights, a channel, the inbox, the exchange."""

import pytest

from tests.integration.bus import connected, processed
from tests.integration.conftest import RunExporter
from tests.integration.recovery import (
    RECOVERY_SECONDS,
    assert_recovered,
    fault,
    publish_chats,
    told,
)
from tests.program import Exporter
from tests.servers import Broker
from tests.support import eventually

INBOX = "xivo-exporter.i.default"


@pytest.fixture
def program(victim: Broker, exporter: RunExporter) -> Exporter:
    """An exporter that has counted ten messages."""
    program = connected(exporter(victim.url(), "--instance", "i"))
    publish_chats(victim, 0, 10)
    processed(program, 10)
    return program


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
    with fault(program):
        with victim.channel() as channel:
            channel.exchange_delete("xivo")
            channel.exchange_declare("xivo", "topic", durable=True, auto_delete=False)
        eventually(
            lambda: victim.ctl("list_bindings").count(INBOX) > 10,
            timeout=RECOVERY_SECONDS,
            what="it is bound",
        )
    publish_chats(victim, 10, 20)
    assert_recovered(victim, program, "i", 20)
