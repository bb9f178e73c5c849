"""What the exporter leaves on somebody else's broker: one inbox, bounded, and not for long."""

from collections.abc import Iterable
from itertools import pairwise

import pytest

from dataflows.subsystems import SUBSYSTEMS, kept, metrics_of
from exporter.consumer import bindings
from exporter.settings import ExchangeType
from tests.integration.bus import (
    INBOX,
    Wire,
    chat,
    chats,
    connected,
    count_of,
    domain,
    event,
    own,
    problems,
    processed,
    publish,
    publish_chats,
)
from tests.integration.conftest import RunExporter
from tests.program import Exporter, Series
from tests.servers import Broker
from tests.support import eventually

pytestmark = pytest.mark.usefixtures("with_exchange")


def test_the_inbox_is_there_with_its_bounds_and_is_gone_after_its_expiry(
    broker: Broker, exporter: RunExporter
) -> None:
    program = exporter(
        broker.url(),
        *("--instance", "i", "--inbox-expires", "1.5"),
        *("--inbox-max-length", "2000", "--inbox-max-bytes", "2000000"),
    )
    connected(program)
    queues = broker.queues()
    assert list(queues) == [INBOX]
    inbox = queues[INBOX]
    assert inbox["arguments"] == {
        "x-queue-type": "classic",
        "x-expires": 1500,
        "x-max-length": 2000,
        "x-max-length-bytes": 2_000_000,
        "x-overflow": "drop-head",
    }
    assert (inbox["durable"], inbox["auto_delete"], inbox["exclusive"]) == (True, False, False)
    assert inbox["consumers"] == 1
    assert program.terminate() == 0
    # Not by a passive declare, which would start the expiry anew.
    eventually(lambda: broker.queues() == {}, what="the inbox expires")


def test_nothing_else_is_left_after_ten_starts(broker: Broker, exporter: RunExporter) -> None:
    before = broker.exchanges()
    program = exporter(broker.url(), "--instance", "i")
    for turn in range(10):
        connected(program)
        if turn % 2:
            program.kill()
        else:
            assert program.terminate() == 0
        program.start()
    connected(program)
    assert list(broker.queues()) == [INBOX]
    assert broker.exchanges() == before
    # A connection that was killed is found dead by the broker at once, and takes nothing along.
    assert broker.queues()[INBOX]["consumers"] == 1


def test_bindings_do_not_pile_up(broker: Broker, exporter: RunExporter) -> None:
    program = connected(exporter(broker.url(), "--instance", "i"))
    before = broker.bindings()
    assert program.terminate() == 0
    connected(program.start())
    assert broker.bindings() == before


def test_the_inbox_overflows_at_its_head(broker: Broker, exporter: RunExporter) -> None:
    flags = ("--instance", "i", "--inbox-max-length", "1000")
    program = connected(exporter(broker.url(), *flags))
    assert program.terminate() == 0
    old = chats(0, 500)
    new = [Wire(event("call_form_result", {"user_id": 1, "variables": {}}), "call_form_result")]
    publish(broker, "xivo", old + new * 1000)
    samples = processed(connected(program.start()), 1000)
    assert count_of(samples, "xivo_call_forms_total") == 1000


def test_a_second_exporter_of_the_instance_stands_by_and_takes_over(
    broker: Broker, exporter: RunExporter
) -> None:
    first = connected(exporter(broker.url(), "--instance", "i"))
    second = exporter(broker.url(), "--instance", "i")
    eventually(lambda: problems(second), what="the second tells that it stands by")
    publish_chats(broker, 0, 100)
    processed(first, 100)
    # What was not acknowledged when the first is killed would count for the second as well.
    eventually(lambda: broker.queues()[INBOX]["messages"] == 1, what="all but the bookmark")
    # It has knocked some more times by then, and says so once.
    ready = second.get("/-/ready")
    assert ready.status == 503
    assert "a standby on the bus default: another exporter of the instance i" in ready.text
    assert own(second.samples(), "deliveries_total") == 0
    first.kill()
    publish_chats(broker, 100, 150)
    connected(second)
    # The first was killed, so its bookmark is there, and the second does not know it.
    samples = processed(second, 51)
    assert count_of(samples, "xivo_chat_messages_total") == 51
    [problem] = problems(second)
    assert "another exporter of this instance" in problem
    assert own(samples, "bus_gaps_total") == 0


def test_two_instances_read_the_same_events(broker: Broker, exporter: RunExporter) -> None:
    programs = [connected(exporter(broker.url(), "--instance", name)) for name in ("a", "b")]
    publish(broker, "xivo", [Wire(chat())])
    for program in programs:
        assert count_of(processed(program, 1), "xivo_chat_messages_total") == 1


def test_an_inbox_deleted_under_us_is_made_anew_and_the_gap_is_counted(
    broker: Broker, exporter: RunExporter
) -> None:
    program = connected(exporter(broker.url(), "--instance", "i"))
    publish(broker, "xivo", [Wire(chat())])
    assert own(processed(program, 1), "bus_gaps_total") == 0
    broker.delete_queue(INBOX)
    connected(program, times=2)
    publish(broker, "xivo", [Wire(chat())])
    samples = processed(program, 2)
    assert count_of(samples, "xivo_chat_messages_total") == 2
    assert own(samples, "bus_gaps_total") == 1
    assert own(samples, "bus_last_gap_timestamp_seconds") > 1e9
    assert own(samples, "bus_disconnects_total") == 1
    assert len(program.logged("events were missed: the inbox was gone")) == 1
    assert broker.queues()[INBOX]["arguments"]["x-overflow"] == "drop-head"


def test_an_inbox_with_other_arguments_is_named_and_how_to_delete_it(
    broker: Broker, exporter: RunExporter
) -> None:
    broker.declare_queue(INBOX, {"x-expires": 60_000})
    program = exporter(broker.url(), "--instance", "i")
    eventually(lambda: problems(program), what="the problem is told")
    reason = program.get("/-/ready").text
    assert f"rabbitmqctl delete_queue {INBOX}" in reason
    assert "--instance" in reason
    assert program.get("/metrics").status == 200
    # Nobody's messages are thrown away by us; who follows the advice is helped at once.
    assert list(broker.queues()) == [INBOX]
    broker.ctl("delete_queue", INBOX)
    connected(program)
    assert len(problems(program)) == 1


def test_events_wait_in_the_inbox_for_an_exporter_that_is_away(
    broker: Broker, exporter: RunExporter
) -> None:
    program = connected(exporter(broker.url(), "--instance", "i"))
    program.kill()
    publish_chats(broker, 0, 3000)
    samples = processed(connected(program.start()), 3000)
    assert count_of(samples, "xivo_chat_messages_total") == 3000


# The bindings follow the settings

XIVO = ("--exchange", "xivo")
WAZO = ("--exchange", "wazo-headers")
OTHER = ("--exchange", "other")


def _publish_to_all(broker: Broker, exchanges: Iterable[str], count: int) -> None:
    """Publish the same events to each of these exchanges."""
    for exchange in exchanges:
        headers = {"name": "chat_message_event"}
        publish(broker, exchange, [Wire(chat(i), headers=headers) for i in range(count)])


def _counted_until(program: Exporter, broker: Broker, exchange: str) -> dict[Series, float]:
    """Return the series when all that was published before is processed."""
    last = event("call_form_result", {"user_id": 1, "variables": {}})
    publish(broker, exchange, [Wire(last, "call_form_result", {"name": "call_form_result"})])

    def samples() -> dict[Series, float]:
        now = program.samples()
        return now if count_of(now, "xivo_call_forms_total") == 1 else {}

    return eventually(samples, what="the last event is counted")


@pytest.mark.parametrize(
    "settings",
    [(XIVO, WAZO, XIVO), (WAZO, XIVO, WAZO), (XIVO, OTHER)],
    ids=["xivo, wazo and back", "wazo, xivo and back", "another name"],
)
def test_after_a_change_of_the_exchange_each_event_counts_once_and_none_is_lost(
    broker: Broker, exporter: RunExporter, settings: tuple[tuple[str, str], ...]
) -> None:
    broker.declare_exchange("wazo-headers", "headers")
    broker.declare_exchange("other")
    program = connected(exporter(broker.url(), "--instance", "i", *settings[0]))
    for before, now in pairwise(settings):
        assert program.terminate() == 0
        _publish_to_all(broker, [before[1]], 10)
        program = connected(exporter(broker.url(), "--instance", "i", *now))
        _publish_to_all(broker, [before[1], now[1]], 100)
        samples = _counted_until(program, broker, now[1])
        assert count_of(samples, "xivo_chat_messages_total") == 110
        assert own(samples, "deliveries_total") == 111
        assert own(samples, "bus_disconnects_total") == 0


@pytest.mark.parametrize(
    ("before", "now", "kind"),
    [
        ((*OTHER, "--exchange-type", "topic"), (*OTHER, "--exchange-type", "headers"), "headers"),
        ((*OTHER, "--exchange-type", "headers"), (*OTHER, "--exchange-type", "topic"), "topic"),
        ((*OTHER, "--bind-all"), OTHER, "topic"),
        (OTHER, (*OTHER, "--bind-all"), "topic"),
        (
            (*OTHER, "--exchange-type", "topic", "--bind-all"),
            (*OTHER, "--exchange-type", "headers"),
            "headers",
        ),
        ((*XIVO, "--bind-all"), OTHER, "topic"),
        (OTHER, (*OTHER, "--subsystems", "agents,chat"), "topic"),
        ((*OTHER, "--subsystems", "agents,chat"), OTHER, "topic"),
        (
            (*OTHER, "--exchange-type", "headers", "--subsystems", "queues"),
            (*OTHER, "--exchange-type", "headers", "--subsystems", "calls,lines"),
            "headers",
        ),
    ],
    ids=[
        *("headers", "topic", "some", "all", "all of the wrong type", "all of another exchange"),
        *("fewer subsystems", "more subsystems", "other subsystems"),
    ],
)
def test_after_a_change_of_settings_the_bindings_are_those_of_a_new_inbox(
    broker: Broker,
    exporter: RunExporter,
    before: tuple[str, ...],
    now: tuple[str, ...],
    kind: str,
) -> None:
    broker.declare_exchange("other", kind)
    found = []
    for flags in (now, before, now):
        program = connected(exporter(broker.url(), "--instance", "i", *flags))
        found.append(broker.bindings())
        assert program.terminate() == 0
        if len(found) == 1:
            broker.delete_queue(INBOX)
    new, other, changed = found
    assert changed == new
    assert other != new


@pytest.mark.parametrize("kind", ExchangeType)
def test_only_what_the_kept_subsystems_need_is_bound_and_arrives(
    broker: Broker, exporter: RunExporter, kind: ExchangeType
) -> None:
    broker.declare_exchange("other", kind)
    flags = ("--exchange", "other", "--exchange-type", kind, "--subsystems", "chat,call_forms")
    program = connected(exporter(broker.url(), "--instance", "i", *flags))
    bound, wanted = broker.bindings(), bindings(kept(("chat", "call_forms")), kind)
    for each in bindings(SUBSYSTEMS, kind):
        # The routing key, or the name among the headers.
        term = dict(each.arguments).get("name", each.routing_key)
        assert (f'<<"{term}">>' in bound) is (each in wanted), term
    status = event("agent_status_update", {"agent_id": 1, "status": "logged_in"})
    headers = {"name": "agent_status_update"}
    publish(broker, "other", [Wire(status, "status.agent", headers)] * 100)
    _publish_to_all(broker, ["other"], 10)
    samples = _counted_until(program, broker, "other")
    assert count_of(samples, "xivo_chat_messages_total") == 10
    assert own(samples, "deliveries_total") == 11
    shown = {name for name, _ in domain(samples)}
    assert shown <= {spec.name for spec in metrics_of(kept(("chat", "call_forms")))}
    assert "xivo_agent" not in program.metrics()


def test_a_user_who_may_read_one_exchange_only_is_told_of_no_problem(
    broker: Broker, exporter: RunExporter
) -> None:
    broker.add_user("u", "p", INBOX, INBOX, f"^({INBOX}|xivo)$")
    program = connected(exporter(broker.url(user="u", password="p"), "--instance", "i"))
    _publish_to_all(broker, ["xivo"], 10)
    samples = _counted_until(program, broker, "xivo")
    assert count_of(samples, "xivo_chat_messages_total") == 10
    assert own(samples, "bus_disconnects_total") == 0
    assert "level=warning" not in program.log()


def test_the_inbox_is_a_classic_queue_also_where_quorum_queues_are_the_default(
    broker: Broker, exporter: RunExporter
) -> None:
    with broker.vhosts("quorum", queue_type="quorum"):
        url = broker.url(vhost="quorum")
        with broker.channel("quorum") as channel:
            channel.queue_declare("other", durable=True, auto_delete=False)
            assert broker.queues("quorum")["other"]["type"] == "quorum"
        connected(exporter(url, "--instance", "i"))
        assert broker.queues("quorum")[INBOX]["type"] == "classic"
        # A quorum queue would have two readers.
        standby = exporter(url, "--instance", "i")
        eventually(lambda: own(standby.samples(), "bus_standby") == 1, what="it stands by")
