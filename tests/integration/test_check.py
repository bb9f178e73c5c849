"""Each wrong state of a broker and of this machine is named, with what to do, and nothing else."""

import io
import json
import os
import re
import resource
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from exporter.__main__ import main
from exporter.checks import bus, limits, network
from exporter.checks.report import Findings, Result
from exporter.commands import check as command
from exporter.consumer import connection
from exporter.consumer.probe import RefusedError
from tests.certificates import Certificates, dated, make_certificates
from tests.integration.bus import INBOX, Wire, chat, connected, event, raw_headers
from tests.integration.checking import (
    INSTANCE,
    QUICK,
    Checked,
    answering,
    assert_names,
    check,
    publishing,
    stamped,
    tls_server,
)
from tests.integration.conftest import RunExporter
from tests.program import Exporter
from tests.servers import GUEST, Broker
from tests.support import REPOSITORY, eventually, free_port

pytestmark = pytest.mark.usefixtures(
    "with_exchange", "no_settings_of_the_developer", "restored_logging"
)

SECRET = "s3cr3t-p4ss"
OURS = r"^xivo-exporter\."


def traces(broker: Broker) -> tuple[Any, ...]:
    """Return all that a check could leave on a broker."""
    return broker.queues(), broker.bindings(), broker.exchanges()


def assert_no_traces(broker: Broker, before: tuple[Any, ...]) -> None:
    """Assert that a broker is as before; RabbitMQ 4.3 needs a moment after a connection ended."""
    eventually(lambda: traces(broker) == before, what="nothing is left")


# What is right


def test_all_is_good_and_nothing_is_left(broker: Broker) -> None:
    before = traces(broker)
    with publishing(broker, stamped):
        checked = check("--bus-url", broker.url(), *INSTANCE)
    assert checked.status == 0
    assert checked.document["result"] == "good"
    assert {*checked.named("good")} >= {"login", "vhost", "exchange", "inbox", "events", "clock"}
    assert not checked.named("not_tried")
    assert_no_traces(broker, before)
    eventually(lambda: broker.connections("pid") == "[]", what="no connection is left")


def test_a_running_exporter_does_not_notice_a_check(
    broker: Broker, exporter: RunExporter, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    program = connected(exporter(broker.url(), "--instance", "i", "--state-dir", f"{state}"))
    host, port = program.address
    before, metrics = traces(broker), len(program.samples())
    arguments = ("--listen", f"{host}:{port}", "--state-dir", f"{state}")
    checked = check("--bus-url", broker.url(), *QUICK, *arguments)
    assert checked.status == 0
    assert {*checked.named("warning")} == {"inbox", "port", "state directory"}
    assert "an exporter listens" in checked.text("port")
    assert "an exporter uses" in checked.text("state directory")
    assert "an exporter reads" in checked.text("inbox")
    assert_no_traces(broker, before)
    assert broker.queues()[INBOX]["consumers"] == 1
    assert len(program.samples()) == metrics
    with publishing(broker, stamped):
        checked = check("--bus-url", broker.url(), *INSTANCE)
        assert "events" in checked.named("good")
    queues = broker.queues()
    assert [*queues] == [INBOX]
    assert queues[INBOX]["arguments"] == before[0][INBOX]["arguments"]
    assert broker.bindings() == before[1]
    assert program.value("xivo_exporter_bus_disconnects_total", bus="default") == 0
    assert program.value("xivo_exporter_bus_gaps_total", bus="default") == 0


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_check_that_is_killed_leaves_nothing(
    broker: Broker, tmp_path: Path, number: signal.Signals
) -> None:
    before = traces(broker)
    program = Exporter(
        tmp_path,
        *("--bus-url", broker.url(), *INSTANCE, "--wait", "1h"),
        program=(sys.executable, "-m", "exporter", "check"),
    ).start(wait=False)
    try:
        eventually(lambda: len(broker.queues()) > len(before[0]), what="it waits for events")
        os.kill(program.pid, number)
        assert program.wait() != 0
    finally:
        program.close()
    assert_no_traces(broker, before)
    assert "Traceback" not in program.log()


def test_a_check_that_is_interrupted_shows_what_it_found(broker: Broker) -> None:
    before = traces(broker)
    command = ("--bus-url", broker.url(), *INSTANCE, "--wait", "1h", "--json")
    with subprocess.Popen(
        [sys.executable, "-m", "exporter", "check", *command],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
    ) as program:
        eventually(lambda: len(broker.queues()) > len(before[0]), what="it waits for events")
        program.send_signal(signal.SIGINT)
        output, _ = program.communicate()
    assert_no_traces(broker, before)
    checked = Checked(program.returncode, json.loads(output))
    assert checked.status == 1
    assert not checked.failed
    assert "login" in checked.named("good")
    assert {each["detail"] for each in checked.named("not_tried").values()} == {"interrupted"}


def test_a_user_with_rights_on_the_inbox_only_needs_no_more(broker: Broker) -> None:
    exact = rf"^{INBOX}$".replace(".", r"\.")
    broker.add_user("exact", "p", exact, exact, rf"^({INBOX}|xivo)$")
    url = broker.url(user="exact", password="p")
    with publishing(broker, stamped):
        assert check("--bus-url", url, *INSTANCE).status == 0
    assert broker.queues() == {}


def test_two_addresses_of_a_broker_for_such_a_user(broker: Broker) -> None:
    exact = rf"^{INBOX}$".replace(".", r"\.")
    broker.add_user("exact", "p", exact, exact, rf"^({INBOX}|xivo)$")
    url = broker.url(user="exact", password="p")
    url = f"{url};{url.replace('127.0.0.1', 'localhost')}"
    checked = check("--bus-url", url, *INSTANCE, "--wait", "2s")
    assert {*checked.failed} == {"events"}
    reasons = {each["detail"] for each in checked.named("not_tried").values()}
    assert "another address of the bus is that of the same broker" in reasons


def test_an_inbox_with_messages_is_as_it_was_for_such_a_user(
    broker: Broker, exporter: RunExporter
) -> None:
    exact = rf"^{INBOX}$".replace(".", r"\.")
    broker.add_user("exact", "p", exact, exact, rf"^({INBOX}|xivo)$")
    url = broker.url(user="exact", password="p")
    program = connected(exporter(url, "--instance", "i"))
    program.terminate()
    broker.publish("xivo", "chat.message.x.1", chat())
    before = traces(broker)
    assert before[0][INBOX]["messages"] == 1
    checked = check("--bus-url", url, *INSTANCE)
    assert checked.status == 0
    assert {*checked.named("not_tried")} == {"events", "clock"}
    assert_no_traces(broker, before)


def test_each_address_and_each_bus_is_checked_at_the_same_time(
    broker: Broker, tmp_path: Path
) -> None:
    file = tmp_path / "config.toml"
    closed = f"amqp://127.0.0.1:{free_port()}"
    file.write_text(
        f'[[buses]]\nname = "a"\nurl = "{broker.url()};{closed}"\n'
        f'[[buses]]\nname = "b"\nurl = "{broker.url()}"\nexchange = "none"\n'
    )
    checked = check("--config", f"{file}", *QUICK)
    assert checked.status == 1
    failed = [
        (each["subject"].partition(",")[0], each["check"])
        for each in checked.document["findings"]
        if each["result"] == "failed"
    ]
    assert failed == [("bus a", "TCP"), ("bus b", "exchange")]


# The way to the broker


def test_an_unknown_host() -> None:
    checked = check("--bus-url", "amqp://no-such-host.invalid", *QUICK)
    assert_names(checked, "name", "--bus-url", "no-such-host.invalid")


def test_a_closed_port() -> None:
    checked = check("--bus-url", f"amqp://127.0.0.1:{free_port()}", *QUICK)
    assert_names(checked, "TCP", "Connection refused", "--bus-url")


def test_a_port_that_accepts_and_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "CONNECT_SECONDS", 0.3)
    monkeypatch.setattr(connection, "IO_SECONDS", 0.3)
    monkeypatch.setattr(network, "CONNECT_SECONDS", 0.3)
    with answering(lambda _: None) as port:
        checked = check("--bus-url", f"amqp://127.0.0.1:{port}", *QUICK)
    assert_names(checked, "AMQP", "does not answer", "check the port in --bus-url")


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "a web server answers"),
        (b"<!DOCTYPE HTML>", "a web server answers"),
        (b"AMQP\x00\x01\x00\x00", "another version of AMQP"),
        (b"220 mail ESMTP\r\n", "does not speak AMQP"),
    ],
)
def test_a_server_that_is_no_broker(
    monkeypatch: pytest.MonkeyPatch, said: bytes, words: str
) -> None:
    monkeypatch.setattr(connection, "IO_SECONDS", 0.3)

    def answer(client: socket.socket) -> None:
        # As web servers do, it waits for a line.
        client.settimeout(3)
        with client.makefile("rb") as lines:
            lines.readline()
        client.sendall(said)
        client.shutdown(socket.SHUT_WR)

    with answering(answer) as port:
        checked = check("--bus-url", f"amqp://127.0.0.1:{port}", *QUICK)
    assert_names(checked, "AMQP", words, "port")


def test_a_server_that_sends_a_byte_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "MAX_SECONDS", 1.0)

    def trickle(client: socket.socket) -> None:
        client.recv(8)
        # The begin of a frame that is large.
        for byte in b"\x01\x00\x00\x00\x00\x10\x00" + bytes(20):
            client.sendall(bytes((byte,)))
            time.sleep(0.1)

    with answering(trickle) as port:
        checked = check("--bus-url", f"amqp://127.0.0.1:{port}", *QUICK)
    assert_names(checked, "AMQP", "no end within 1 s", "slowly")


def test_a_broker_that_is_silent_at_the_login(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "CONNECT_SECONDS", 0.5)

    def begin(client: socket.socket) -> None:
        if hello := client.recv(8):
            with socket.create_connection(("127.0.0.1", broker.port)) as server:
                server.sendall(hello)
                time.sleep(0.1)
                client.sendall(server.recv(65536))

    with answering(begin) as port:
        checked = check("--bus-url", f"amqp://guest:guest@127.0.0.1:{port}", *QUICK)
    assert_names(checked, "login", "does not answer", "loopback_users")


def test_a_port_without_tls(broker: Broker) -> None:
    checked = check("--bus-url", f"amqps://127.0.0.1:{broker.port}", *QUICK)
    assert_names(checked, "TLS", "does not speak TLS", "amqp://")


def test_a_port_with_tls(broker: Broker) -> None:
    checked = check("--bus-url", f"amqp://127.0.0.1:{broker.tls_port}", *QUICK)
    assert_names(checked, "AMQP", "speaks TLS", "amqps://")


def test_an_unknown_authority(broker: Broker) -> None:
    checked = check("--bus-url", broker.tls_url(), *QUICK)
    assert_names(checked, "TLS", "not trusted", "--bus-ca-file")


def test_a_wrong_name_in_the_certificate(broker: Broker, certificates: Certificates) -> None:
    flags = ("--bus-ca-file", f"{certificates.ca}", "--bus-server-name", "pbx.example.com")
    checked = check("--bus-url", broker.tls_url(), *QUICK, *flags)
    assert_names(checked, "TLS", "valid for localhost, 127.0.0.1", "--bus-server-name")


def test_a_certificate_that_has_ended_or_ends_soon(
    broker: Broker, certificates: Certificates
) -> None:
    now = datetime.now(UTC)
    ended = dated(certificates, now - timedelta(days=9), now - timedelta(days=2))
    trusted = (*QUICK, "--bus-ca-file", f"{certificates.ca}")
    with tls_server(ended) as port:
        checked = check("--bus-url", f"amqps://localhost:{port}", *trusted)
    assert_names(checked, "TLS", f"to {now - timedelta(days=2):%Y-%m-%d}", "renew")
    # That of the broker is valid for two days.
    checked = check("--bus-url", broker.tls_url(), *trusted)
    assert checked.status == 0
    assert "ends in 1 day" in checked.text("TLS")
    assert checked.text("TLS").startswith("warning")


def test_a_server_that_wants_a_client_certificate(certificates: Certificates) -> None:
    trusted = ("--bus-ca-file", f"{certificates.ca}", *QUICK)
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        # With TLS 1.3, the handshake itself is good.
        with tls_server(certificates, asks=True, version=version) as port:
            checked = check("--bus-url", f"amqps://localhost:{port}", *trusted)
        assert_names(checked, "TLS", "client certificate")


def test_a_server_with_an_old_version_of_tls(certificates: Certificates) -> None:
    with tls_server(certificates, version=ssl.TLSVersion.TLSv1) as port:
        url = f"amqps://localhost:{port}"
        checked = check("--bus-url", url, "--bus-ca-file", f"{certificates.ca}", *QUICK)
    assert_names(checked, "TLS", "no version of TLS", "TLS 1.2")


# The login


@pytest.mark.parametrize("user", [GUEST, "nobody"])
def test_a_wrong_password_or_an_unknown_user(broker: Broker, user: str) -> None:
    checked = check("--bus-url", broker.url(user=user, password=SECRET), *QUICK)
    assert_names(checked, "login", "--bus-password-file", f"change_password {user}")
    assert SECRET not in json.dumps(checked.document)


def test_an_empty_password_file(broker: Broker, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.touch()
    url = broker.url().replace("guest:guest", "guest")
    checked = check("--bus-url", url, "--bus-password-file", f"{file}", *QUICK)
    assert_names(checked, "login", "--bus-password-file")


def test_an_unknown_vhost(broker: Broker) -> None:
    checked = check("--bus-url", broker.url(vhost="nowhere"), *QUICK)
    assert_names(checked, "vhost", "vhost nowhere not found", "list_vhosts")


def test_a_user_without_rights_on_the_vhost(broker: Broker) -> None:
    broker.add_user("u", "p")
    broker.clear_permissions("u")
    checked = check("--bus-url", broker.url(user="u", password="p"), *QUICK)
    assert_names(checked, "vhost", "refused for user 'u'", "rabbitmqctl set_permissions -p / u")


_VHOST_LIMITS = 'rabbit_vhost_limit:set(<<"/">>, [{%s, 0}], <<"tests">>).'
_USER_LIMITS = 'rabbit_auth_backend_internal:set_user_limits(<<"guest">>, #{%s => 1}, <<"tests">>).'
_NO_LIMITS = """
rabbit_vhost_limit:clear(<<"/">>, <<"tests">>),
rabbit_auth_backend_internal:clear_user_limits(<<"guest">>, <<"max-channels">>, <<"tests">>).
"""


@pytest.mark.parametrize(
    ("limit", "name"),
    [
        (_VHOST_LIMITS % '<<"max-connections">>', "vhost"),
        (_USER_LIMITS % '<<"max-channels">>', "user"),
        (_VHOST_LIMITS % '<<"max-queues">>', "queues"),
    ],
)
def test_a_limit_that_is_reached(broker: Broker, limit: str, name: str) -> None:
    with _limited(broker, limit):
        checked = check("--bus-url", broker.url(), *QUICK)
    assert_names(checked, "limits", name)


def test_a_limit_that_the_broker_notices_late_is_no_missing_exchange(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus, "CHANNELS", 0)
    with _limited(broker, _USER_LIMITS % '<<"max-channels">>'):
        checked = check("--bus-url", broker.url(), *QUICK)
    assert_names(checked, "limits", "user", "clear_user_limits")


@pytest.mark.parametrize(("code", "failed"), [(530, limits.LIMITS), (403, "a right")])
def test_only_a_limit_is_told_as_one(code: int, failed: str) -> None:
    findings = Findings("a bus", (limits.LIMITS, "a right"))
    findings.good(limits.LIMITS, "")
    limits.tell_refused(findings, "a right", RefusedError("refused", code), "ask for it")
    assert [each.check for each in findings.all() if each.result is Result.FAILED] == [failed]


_COUNTED = 'rabbit_channel_tracking:count_tracked_items_in({user, <<"guest">>}).'


@contextmanager
def _limited(broker: Broker, limit: str) -> Iterator[None]:
    """Open a channel, wait until the broker has counted it, and set a limit meanwhile."""
    with broker.channel():
        eventually(lambda: broker.eval(_COUNTED) == "1", what="the broker counts the channel")
        broker.eval(limit)
        try:
            yield
        finally:
            broker.eval(_NO_LIMITS)


# Rights, of which each is tried alone


@pytest.mark.parametrize("has_inbox", [False, True], ids=["no inbox", "inbox"])
@pytest.mark.parametrize(
    ("configure", "write", "read", "name"),
    [
        ("^other$", OURS, rf"({OURS}|^xivo$)", "right to configure the inbox"),
        (OURS, "^other$", rf"({OURS}|^xivo$)", "right to write to the inbox"),
        (OURS, OURS, "^xivo$", "right to read the inbox"),
        (OURS, OURS, OURS, "right to read the exchange"),
    ],
)
def test_a_missing_right(  # noqa: PLR0913 -- the three rights
    broker: Broker, configure: str, write: str, read: str, *, name: str, has_inbox: bool
) -> None:
    if has_inbox:
        broker.declare_queue(INBOX, arguments())
        broker.bind(INBOX, "xivo", "chat.message.#")
    broker.add_user("u", "p", configure, write, read)
    before = traces(broker)
    checked = check("--bus-url", broker.url(user="u", password="p"), *QUICK)
    assert_names(checked, name, "access to ", "rabbitmqctl set_permissions -p / u")
    assert_no_traces(broker, before)


def arguments(**others: object) -> dict[str, object]:
    """Return the arguments of an inbox by default."""
    return {
        "x-queue-type": "classic",
        "x-expires": 1_800_000,
        "x-max-length": 100_000,
        "x-max-length-bytes": 64 * 1024 * 1024,
        "x-overflow": "drop-head",
        **others,
    }


# Exchange and inbox


def test_rights_on_topics(broker: Broker) -> None:
    broker.add_user("u", "p", ".*", ".*", ".*")
    rights = "rabbit_auth_backend_internal:set_topic_permissions"
    where = '<<"u">>, <<"/">>, <<"xivo">>, <<".*">>'
    # Those that it has are no right on those that it lacks.
    broker.eval(rf'{rights}({where}, <<"^(chat|xivo-exporter)">>, <<>>).')
    checked = check("--bus-url", broker.url(user="u", password="p"), *QUICK)
    name = "right to read the exchange"
    assert_names(checked, name, "access to topic", "clear_topic_permissions -p / u xivo")
    broker.eval(rf'{rights}({where}, <<"^[a-w]">>, <<>>).')
    assert check("--bus-url", broker.url(user="u", password="p"), *QUICK).status == 0


def test_a_missing_exchange_and_what_there_is_instead(broker: Broker) -> None:
    flags = (*QUICK, "--exchange", "wazo-headers")
    checked = check("--bus-url", broker.url(), *flags)
    assert_names(checked, "exchange", "no exchange wazo-headers", "set --exchange xivo")
    checked = check("--bus-url", broker.url(), *QUICK, "--exchange", "nothing")
    assert_names(checked, "exchange", "set --exchange xivo")


def test_the_wrong_exchange_of_two(broker: Broker) -> None:
    broker.declare_exchange("wazo-headers", "headers")

    def wazo() -> Wire:
        return Wire(chat(), "", {"name": "chat_message_event"})

    with publishing(broker, wazo, "wazo-headers"):
        checked = check("--bus-url", broker.url(), *INSTANCE, "--wait", "2s")
    assert_names(checked, "exchange", "on wazo-headers", "set --exchange wazo-headers")
    # Without events, it may be the right one.
    checked = check("--bus-url", broker.url(), *QUICK)
    assert checked.status == 0
    assert {*checked.named("warning")} == {"exchange"}
    with publishing(broker, stamped):
        checked = check("--bus-url", broker.url(), *INSTANCE)
    assert not checked.named("warning")


def test_exchanges_that_are_bound_to_each_other(broker: Broker) -> None:
    """Wazo 21.08 to 22 publishes on `xivo`, to which `wazo-headers` is bound."""
    broker.declare_exchange("wazo-headers", "headers")
    with broker.channel() as channel:
        channel.exchange_bind("wazo-headers", "xivo", "#")

    def wazo() -> Wire:
        return replace(stamped(), headers={"name": "chat_message_event"})

    with publishing(broker, wazo):
        for exchange in ("wazo-headers", "xivo"):
            checked = check("--bus-url", broker.url(), *INSTANCE, "--exchange", exchange)
            assert checked.status == 0, checked.failed
            assert "events" in checked.named("good")


def test_an_inbox_with_other_arguments(broker: Broker) -> None:
    broker.declare_queue(INBOX, arguments(**{"x-expires": 60_000}))
    before = traces(broker)
    checked = check("--bus-url", broker.url(), *QUICK)
    assert_names(checked, "inbox", "x-expires", f"rabbitmqctl delete_queue {INBOX}")
    assert_no_traces(broker, before)


def test_an_inbox_whose_node_is_down(broker: Broker) -> None:
    if broker.version >= (4,):
        pytest.skip("RabbitMQ keeps its queues elsewhere since 4.0")
    broker.declare_queue(INBOX, arguments())
    name = f'{{resource, <<"/">>, queue, <<"{INBOX}">>}}'
    # So the broker knows a queue whose node is away.
    kept = f"[Q] = mnesia:dirty_read(rabbit_queue, {name}), persistent_term:put(kept, Q)"
    broker.eval(f"{kept}, mnesia:dirty_delete(rabbit_queue, {name}).")
    try:
        checked = check("--bus-url", broker.url(), *QUICK)
    finally:
        broker.eval("mnesia:dirty_write(rabbit_queue, persistent_term:get(kept)).")
    assert_names(checked, "inbox", "home node", "broker's log")


def test_a_limit_that_leaves_no_temporary_inbox(broker: Broker) -> None:
    broker.declare_queue(INBOX, arguments())
    broker.eval('rabbit_vhost_limit:set(<<"/">>, [{<<"max-queues">>, 1}], <<"tests">>).')
    try:
        checked = check("--bus-url", broker.url(), *INSTANCE)
    finally:
        broker.eval(_NO_LIMITS)
    assert checked.status == 0
    assert "queue limit in vhost" in checked.named("not_tried")["events"]["detail"]


def test_an_inbox_of_another_connection(broker: Broker) -> None:
    with broker.channel() as channel:
        channel.queue_declare(INBOX, exclusive=True)
        checked = check("--bus-url", broker.url(), *QUICK)
    assert_names(checked, "inbox", "RESOURCE_LOCKED", "choose another --instance")


# Events and clocks


def test_nothing_is_published(broker: Broker) -> None:
    checked = check("--bus-url", broker.url(), *INSTANCE, "--wait", "2s")
    assert_names(checked, "events", "nothing came within 2 s", "--wait 5m")


def test_events_of_an_unknown_form(broker: Broker) -> None:
    unknown = Wire(event("chat_message_event", {"from": 5}))
    with publishing(broker, lambda: unknown):
        checked = check("--bus-url", broker.url(), *INSTANCE, "--wait", "2s")
    assert_names(checked, "events", "bad_field")


def test_headers_that_no_client_can_decode(broker: Broker) -> None:
    # A time of which the C library knows no date.
    odd = raw_headers((b"t", b"T", b"\xff" * 8))
    with publishing(broker, lambda: Wire(stamped().body, raw_properties=odd)):
        checked = check("--bus-url", broker.url(), *INSTANCE)
    assert "events" in checked.named("good")


def test_messages_that_are_no_events(broker: Broker) -> None:
    with publishing(broker, lambda: Wire(b"\x1b[31m no JSON")):
        checked = check("--bus-url", broker.url(), *INSTANCE, "--wait", "2s")
    assert_names(checked, "events", "not_json")


@pytest.mark.parametrize("offset", [3600, 90, -90])
def test_a_clock_that_is_wrong(broker: Broker, offset: float) -> None:
    with publishing(broker, lambda: stamped(offset)):
        checked = check("--bus-url", broker.url(), *INSTANCE)
    assert_names(checked, "clock", "ahead" if offset > 0 else "behind", "NTP")


def test_a_wrong_time_zone(broker: Broker) -> None:
    with publishing(broker, lambda: stamped(3600, "")):
        checked = check("--bus-url", broker.url(), *INSTANCE, "--bus-timezone", "UTC")
    assert_names(checked, "clock", "1 h ahead of those of --bus-timezone")


def test_an_unknown_time_zone_is_found_by_the_exporter_itself(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    with publishing(broker, lambda: stamped(3600, "")):
        checked = check("--bus-url", broker.url(), *INSTANCE)
    assert checked.status == 0
    assert checked.text("clock").startswith("warning: ")
    assert "set --bus-timezone" in checked.text("clock")


# This machine


CheckedHere = Callable[..., Checked]


@pytest.fixture
def checked_here(broker: Broker) -> CheckedHere:
    """Run a check of a good bus."""

    def run(*arguments: str) -> Checked:
        return check("--bus-url", broker.url(), *QUICK, *arguments)

    return run


def test_a_state_directory_that_cannot_be_used(checked_here: CheckedHere, tmp_path: Path) -> None:
    name = "state directory"
    file = tmp_path / "file"
    file.touch()
    for path, words in ((file, "Not a directory"), (file / "below", "Not a directory")):
        assert_names(checked_here("--state-dir", f"{path}"), name, words, "--state-dir")
    assert_names(checked_here("--state-dir", "/proc/nowhere"), name, "no directory can be made")
    others = tmp_path / "others"
    others.mkdir()
    others.chmod(0o777)
    assert_names(checked_here("--state-dir", f"{others}"), name, "other users have access")
    newer = tmp_path / "newer"
    (newer / "process-0").mkdir(parents=True, mode=0o700)
    newer.chmod(0o700)
    manifest = newer / "process-0" / "manifest.json"
    manifest.write_text("{}")
    assert_names(checked_here("--state-dir", f"{newer}"), name, "is damaged")
    assert checked_here("--state-dir", f"{newer}", "--discard-state").status == 0
    assert manifest.exists()
    manifest.unlink()
    (newer / "process-0" / "part-0.sqlite3").touch()
    assert_names(checked_here("--state-dir", f"{newer}"), name, "not made by this program")


def test_a_state_directory_on_a_full_disk(checked_here: CheckedHere, tmp_path: Path) -> None:
    # A limit on the size of files is what a test can have of it.
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        found = checked_here("--state-dir", f"{tmp_path / 'state'}")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert_names(found, "state directory", "File too large")


def test_a_state_directory_is_not_changed(checked_here: CheckedHere, tmp_path: Path) -> None:
    state = tmp_path / "state"
    assert checked_here("--state-dir", f"{state}").status == 0
    assert not state.exists()
    state.mkdir(mode=0o700)
    assert checked_here("--state-dir", f"{state}").status == 0
    assert not [*state.iterdir()]


def test_a_port_that_another_program_uses(checked_here: CheckedHere) -> None:
    with answering(lambda client: client.close()) as port:
        checked = checked_here("--listen", f"127.0.0.1:{port}")
    assert_names(checked, "port", "Address already in use", "choose another port")


def test_an_exporter_that_asks_for_client_certificates(
    checked_here: CheckedHere,
    certificates: Certificates,
    tmp_path: Path,
) -> None:
    file = tmp_path / "web.yml"
    file.write_text(
        f"tls_server_config:\n  cert_file: {certificates.server}\n"
        f"  key_file: {certificates.server_key}\n  client_ca_file: {certificates.ca}\n"
        "  client_auth_type: RequireAndVerifyClientCert\n"
    )
    with tls_server(certificates, asks=True) as port:
        flags = ("--web-config-file", f"{file}", "--listen", f"127.0.0.1:{port}")
        assert checked_here(*flags).text("port").startswith("warning: an exporter listens")


def test_an_address_of_another_machine(checked_here: CheckedHere) -> None:
    checked = checked_here("--listen", "192.0.2.1:10495")
    assert_names(checked, "port", "choose an address of this machine")


def test_a_port_that_needs_rights(broker: Broker) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root, to run as a user who has no rights")
    low = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text()
    if int(low) <= 1:
        pytest.skip("this kernel lets everybody use every port")
    arguments = ("--bus-url", broker.url(), *QUICK, "--json", "--listen", "127.0.0.1:1")
    done = subprocess.run(
        (
            *("setpriv", "--bounding-set=-net_bind_service", "--inh-caps=-all"),
            *(sys.executable, "-m", "exporter", "check", *arguments),
        ),
        cwd=REPOSITORY,
        capture_output=True,
        timeout=60,
        check=False,
    )
    checked = Checked(done.returncode, json.loads(done.stdout))
    assert_names(checked, "port", "choose a port from 1024 on")


def test_a_web_configuration_that_cannot_be_used(
    checked_here: CheckedHere,
    certificates: Certificates,
    tmp_path: Path,
) -> None:
    file = tmp_path / "web.yml"
    flags = ("--web-config-file", f"{file}")
    file.write_text("a: [")
    assert_names(checked_here(*flags), "web configuration", "correct the file")
    tls = "tls_server_config:\n  cert_file: {}\n  key_file: {}\n"
    other = make_certificates(tmp_path)
    file.write_text(tls.format(certificates.server, other.server_key))
    assert_names(checked_here(*flags), "web configuration", "does not belong to the certificate")
    now = datetime.now(UTC)
    ended = dated(certificates, now - timedelta(days=9), now - timedelta(days=2))
    file.write_text(tls.format(ended.server, ended.server_key))
    assert_names(checked_here(*flags), "web configuration", "ended on", "renew")
    file.write_text(tls.format(certificates.server, certificates.server_key))
    assert checked_here(*flags).text("web configuration").startswith("warning: ")


# What is printed


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_an_encoding_that_lacks_characters(broker: Broker, encoding: str) -> None:
    flags = ("--bus-url", broker.url(), *QUICK, "--state-dir", "/proc/é…")
    with redirect_stdout(io.TextIOWrapper(io.BytesIO(), encoding)) as output:
        assert main(["check", *flags]) == 1
    output.seek(0)
    assert "cannot write to /proc/" in output.read()


def test_wrong_settings_have_a_document_of_their_own(capsys: pytest.CaptureFixture[str]) -> None:
    checked = check("--bus-url", f"http://u:{SECRET}@h", "--wait", "1x")
    assert checked.status == 2
    assert {*checked.failed} == {"settings"}
    assert len(checked.document["findings"]) == 2
    assert SECRET not in json.dumps(checked.document)
    assert "--wait (XIVO_EXPORTER_WAIT): must be a length" in capsys.readouterr().err


def test_the_sample_in_the_documents_is_real(
    broker: Broker, capsys: pytest.CaptureFixture[str]
) -> None:
    if broker.version >= (4, 3):
        pytest.skip("RabbitMQ 4.3 tells nothing about an exchange without a right on it")
    broker.add_user("xivo-exporter", "p", OURS, OURS, OURS)
    flags = ("--instance", "monitor", "--listen", "127.0.0.1:0")
    url = broker.url(user="xivo-exporter", password="p")
    assert main(["check", "--bus-url", url, *flags]) == 1
    shown = capsys.readouterr().out
    shown = shown.replace("127.0.0.1:0", "localhost:10495").replace(f":{broker.port}", ":5672")
    shown = shown.replace("amqp://127.0.0.1", "amqp://pbx.example.com")
    shown = shown.replace("127.0.0.1 is", "pbx.example.com is").replace("127.0.0.1", "192.0.2.10")
    page = (REPOSITORY / "docs" / "check.md").read_text(encoding="utf-8")
    sample = page.partition("```console\n")[2].partition("```")[0].partition("\n")[2]
    version = r"RabbitMQ [\d.]+"
    assert re.sub(version, "", sample) == re.sub(version, "", shown)


def test_who_can_read_the_metrics(
    checked_here: CheckedHere,
    tmp_path: Path,
) -> None:
    file = tmp_path / "web.yml"
    file.write_text(
        "basic_auth_users: {a: $2y$04$OwGlA5uS0uTQwS7CQ3sN0eq.jcHQVAS.GFSs2X2C6Z/UqH0NRm/vO}"
    )
    everywhere = ("--listen", "0.0.0.0:0")
    with_users = ("--web-config-file", f"{file}")
    assert checked_here(*everywhere).text("access").startswith("warning: everybody who can reach")
    for flags in ((*everywhere, *with_users), with_users, ()):
        assert checked_here(*flags).text("access").startswith("good: "), flags
    file.write_text("a: [")
    assert checked_here(*with_users).text("access").startswith("not_tried: web configuration must")
