"""What a real broker says when it refuses is in the log and on the page, with the right advice."""

from collections.abc import Callable

import pytest

from tests.integration.bus import INBOX, connected, problems
from tests.integration.conftest import RunExporter
from tests.integration.recovery import told
from tests.program import Exporter
from tests.servers import GUEST, Broker, erlang
from tests.support import eventually

Act = Callable[[Broker], object]

_VHOST, _GUEST, _ME = erlang("/"), erlang(GUEST), erlang("tests")


def _vhost_limit(name: str) -> Act:
    limits = f"[{{{erlang(name)}, 0}}]"
    return lambda broker: broker.eval(f"rabbit_vhost_limit:set({_VHOST}, {limits}, {_ME}).")


def _user_limit(name: str) -> Act:
    limits = f"#{{{erlang(name)} => 0}}"
    call = f"rabbit_auth_backend_internal:set_user_limits({_GUEST}, {limits}, {_ME})."
    return lambda broker: broker.eval(call)


def _unlimited(broker: Broker) -> None:
    broker.eval(f"rabbit_vhost_limit:clear({_VHOST}, {_ME}).")
    for name in ("max-connections", "max-channels"):
        broker.eval(
            f"rabbit_auth_backend_internal:clear_user_limits({_GUEST}, {erlang(name)}, {_ME})."
        )


# As after the crash of its node: only the durable record of the queue is left.
_HIDE = """
[rabbit_misc:execute_mnesia_transaction(fun() ->
    mnesia:delete({rabbit_queue, amqqueue:get_name(Q)}) end)
    || Q <- rabbit_amqqueue:list(<<"/">>)], ok.
"""
_SHOW = """
rabbit_misc:execute_mnesia_transaction(fun() ->
    [mnesia:write(rabbit_queue, Q, write) ||
        Q <- mnesia:match_object(rabbit_durable_queue, amqqueue:pattern_match_all(), read)]
end), ok.
"""

_DRAIN = """
rabbit_maintenance:suspend_all_client_listeners(),
rabbit_maintenance:close_all_client_connections().
"""
_REVIVE = "rabbit_maintenance:resume_all_client_listeners()."


@pytest.mark.parametrize(
    ("refuse", "says", "words"),
    [
        (_vhost_limit("max-queues"), "raise max-queues", "queue limit in vhost"),
        (
            _vhost_limit("max-connections"),
            "raise max-connections of the vhost",
            "connection limit (0) is reached",
        ),
        (
            _user_limit("max-connections"),
            "raise max-connections of the user",
            "user connection limit (0) is reached",
        ),
        (
            _user_limit("max-channels"),
            "raise max-channels of the user",
            "the maximum allowed user limit of ",
        ),
    ],
)
def test_a_refusal_is_told_in_the_words_of_the_broker_with_the_right_advice(
    victim: Broker, exporter: RunExporter, refuse: Act, says: str, words: str
) -> None:
    refuse(victim)
    try:
        program = exporter(victim.url(), "--instance", "i")
        eventually(lambda: problems(program), what="the problem is told")
    finally:
        _unlimited(victim)
    problem = problems(program)[0]
    assert says in problem
    assert words in problem
    assert "delete" not in problem
    connected(program)


def test_an_inbox_that_another_client_owns_is_told(victim: Broker, exporter: RunExporter) -> None:
    with victim.channel() as channel:
        channel.queue_declare(INBOX, exclusive=True, durable=True)
        program = exporter(victim.url(), "--instance", "i")
        problem = told(program, "choose another --instance", "RESOURCE_LOCKED")
        assert "delete" not in problem
    connected(program)


@pytest.fixture
def program(victim: Broker, exporter: RunExporter) -> Exporter:
    """An exporter that is connected."""
    return connected(exporter(victim.url(), "--instance", "i"))


def test_a_node_that_is_down_with_the_inbox_is_told(victim: Broker, program: Exporter) -> None:
    if victim.version >= (4,):
        pytest.skip("RabbitMQ 4 offers no transaction of mnesia, in which a queue can be hidden")
    victim.eval(_HIDE)
    victim.close_exporters()
    problem = told(program, "that has the inbox is down: start it", "is down or inaccessible")
    assert "delete" not in problem
    victim.eval(_SHOW)
    connected(program, times=2)


def test_an_administrator_who_closes_the_connection_is_quoted(
    victim: Broker, program: Exporter
) -> None:
    victim.close_exporters()
    told(program, "the broker or its administrator closed the connection", "closed by the test")
    connected(program, times=2)


def test_a_node_in_maintenance_is_told(victim: Broker, program: Exporter) -> None:
    victim.eval(_DRAIN)
    try:
        told(program, "is in maintenance", "Node was put into maintenance mode")
        told(program, "Connection refused: check that the broker runs")
    finally:
        victim.eval(_REVIVE)
    connected(program, times=2)


def test_a_vhost_that_is_down_or_deleted_is_told(victim: Broker, exporter: RunExporter) -> None:
    with victim.vhosts("v"):
        program = connected(exporter(victim.url(vhost="v"), "--instance", "i"))
        victim.eval('{ok, P} = rabbit_vhost_sup_sup:get_vhost_sup(<<"v">>), exit(P, kill).')
        told(program, "restart the vhost", "CONNECTION_FORCED - vhost 'v' is down")
    told(program, "vhost refused: check the vhost in the bus URL", "vhost v not found")
    with victim.vhosts("v"):
        connected(program)


def test_a_vhost_whose_long_name_the_broker_cuts_within_a_character_is_quoted(
    victim: Broker, exporter: RunExporter
) -> None:
    if victim.version >= (4,):
        pytest.skip("RabbitMQ 4 ends the connection without a word")
    vhost = "v" + 127 * "\N{LATIN SMALL LETTER E WITH ACUTE}"
    program = exporter(victim.url(vhost=vhost))
    told(program, "check the vhost in the bus URL", f"NOT_ALLOWED - vhost {vhost[:90]}")
