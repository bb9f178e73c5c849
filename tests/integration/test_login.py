"""What stands between the exporter and the bus is told once, in words, and does not end it."""

from pathlib import Path

import pytest

from tests.certificates import Certificates, make_certificates
from tests.integration.bus import (
    Wire,
    chat,
    connected,
    count_of,
    own,
    problems,
    processed,
    publish,
    publish_chats,
)
from tests.integration.conftest import RunExporter
from tests.program import Exporter
from tests.servers import Broker
from tests.support import eventually

SECRET = "s3cr3t-p4ss"
EVERYTHING = {"configure": ".*", "write": ".*", "read": ".*"}


pytestmark = pytest.mark.usefixtures("with_exchange")


def _refused(program: Exporter, *words: str) -> None:
    """Check that the exporter has told its problem once, in words, and serves all the same."""
    eventually(lambda: problems(program), what="the problem is told")
    assert own(program.samples(), "bus_connected") == 0
    [problem] = problems(program)
    for word in words:
        assert word in problem, problem
    ready = program.get("/-/ready")
    assert ready.status == 503
    assert problem.rstrip(".") in ready.text
    assert program.get("/-/healthy").status == 200
    assert problem.partition("'")[0][:30] in program.get("/").text


def _no_secret(program: Exporter) -> None:
    pages = [program.get(path).text for path in ("/", "/-/ready", "/metrics")]
    assert SECRET not in "".join([program.log(), program.output(), *pages])


def test_a_wrong_password_is_one_line_and_mended_without_a_restart(
    broker: Broker, exporter: RunExporter, tmp_path: Path
) -> None:
    broker.add_user("reader", SECRET + "!", **EVERYTHING)
    file = tmp_path / "password"
    file.write_text(f"{SECRET}\n")
    program = exporter(
        broker.url().replace("guest:guest", "reader"), "--bus-password-file", f"{file}"
    )
    before = broker.log().count("login refused")
    eventually(
        lambda: broker.log().count("login refused") >= before + 2, what="it tries again and again"
    )
    _refused(program, "password")
    _no_secret(program)
    file.write_text(f"{SECRET}!\n")
    connected(program)
    assert program.get("/-/ready").status == 200
    assert len(problems(program)) == 1
    _no_secret(program)


def test_a_password_changed_on_the_broker_lets_the_exporter_in(
    broker: Broker, exporter: RunExporter
) -> None:
    broker.add_user("reader", "another", **EVERYTHING)
    program = exporter(broker.url(user="reader", password=SECRET))
    _refused(program, "password")
    broker.change_password("reader", SECRET)
    connected(program)
    publish(broker, "xivo", [Wire(chat())])
    assert count_of(processed(program, 1), "xivo_chat_messages_total") == 1
    _no_secret(program)


def test_the_password_may_come_from_the_environment(broker: Broker, exporter: RunExporter) -> None:
    broker.add_user("reader", SECRET, **EVERYTHING)
    url = broker.url(user="reader", password="wrong")
    program = connected(exporter(url, env={"XIVO_EXPORTER_BUS_PASSWORD": SECRET}))
    _no_secret(program)


def test_any_password_can_be_written_in_the_url(broker: Broker, exporter: RunExporter) -> None:
    broker.add_user("re@der", 'p"\\w@:/?#%\N{SNOWMAN} ', **EVERYTHING)
    connected(exporter(broker.url(user="re@der", password='p"\\w@:/?#%\N{SNOWMAN} ')))


def test_a_password_file_that_is_gone_is_told(
    broker: Broker, exporter: RunExporter, tmp_path: Path
) -> None:
    broker.add_user("reader", SECRET, **EVERYTHING)
    file = tmp_path / "password"
    file.write_text(SECRET)
    program = exporter(
        broker.url().replace("guest:guest", "reader"), "--bus-password-file", f"{file}"
    )
    connected(program)
    file.unlink()
    broker.close_connections()
    eventually(lambda: problems(program), what="the problem is told")
    assert f"{file}" in problems(program)[-1]
    file.write_text(SECRET)
    connected(program, times=2)


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_a_password_file_in_another_encoding_is_told_without_a_byte_of_it(
    broker: Broker, exporter: RunExporter, tmp_path: Path, encoding: str
) -> None:
    password = f"{SECRET}-\N{LATIN SMALL LETTER E WITH ACUTE}"
    broker.add_user("reader", password, **EVERYTHING)
    file = tmp_path / "password"
    file.write_bytes(password.encode(encoding))
    program = exporter(
        broker.url().replace("guest:guest", "reader"), "--bus-password-file", f"{file}"
    )
    _refused(program, f"{file}", "--bus-password-file", "is not UTF-8 text: save it as UTF-8")
    [problem] = problems(program)
    place = len(f"{SECRET}-")
    assert not {"codec", "0xe9", "xe9", "position", f"{place}"} & {*problem.split()}
    _no_secret(program)
    # A byte order mark is no part of the password.
    file.write_bytes(password.encode("utf-8-sig"))
    connected(program)
    _no_secret(program)


def test_a_wrong_vhost_is_told(broker: Broker, exporter: RunExporter) -> None:
    program = exporter(broker.url(vhost="nowhere"))
    _refused(program, "vhost")


def test_a_missing_exchange_is_told_never_made_and_used_when_it_is_there(
    broker: Broker, exporter: RunExporter
) -> None:
    program = exporter(broker.url(), "--exchange", "later")
    _refused(program, "later", "--exchange")
    assert "later" not in broker.exchanges()
    assert broker.queues() == {}
    broker.declare_exchange("later")
    connected(program)
    publish(broker, "later", [Wire(chat())])
    assert count_of(processed(program, 1), "xivo_chat_messages_total") == 1


@pytest.mark.parametrize("missing", ["configure", "write", "read"])
def test_a_missing_right_is_told(broker: Broker, exporter: RunExporter, missing: str) -> None:
    broker.add_user("reader", SECRET, **{**EVERYTHING, missing: ""})
    program = exporter(broker.url(user="reader", password=SECRET))
    _refused(program, "lacks a permission")
    _no_secret(program)
    broker.set_permissions("reader")
    connected(program)


# TLS


def test_amqps_with_the_authority_that_signed_the_broker(
    broker: Broker, exporter: RunExporter, certificates: Certificates
) -> None:
    program = exporter(broker.tls_url(), "--bus-ca-file", f"{certificates.ca}")
    connected(program)
    publish_chats(broker, 0, 500)
    assert count_of(processed(program, 500), "xivo_chat_messages_total") == 500
    assert f"amqps://localhost:{broker.tls_port}" in program.get("/").text


def test_amqps_with_a_client_certificate(
    broker: Broker, exporter: RunExporter, certificates: Certificates
) -> None:
    program = exporter(
        broker.tls_url(),
        *("--bus-ca-file", f"{certificates.ca}"),
        *("--bus-cert-file", f"{certificates.client}"),
        *("--bus-key-file", f"{certificates.client_key}"),
    )
    connected(program)
    peers = broker.connections("peer_cert_subject")
    assert "CN=exporter" in peers


def test_an_untrusted_certificate_is_told(broker: Broker, exporter: RunExporter) -> None:
    program = exporter(broker.tls_url())
    _refused(program, "certificate", "--bus-ca-file")


def test_a_client_certificate_that_the_broker_does_not_trust_is_told(
    broker: Broker, exporter: RunExporter, certificates: Certificates, tmp_path: Path
) -> None:
    other = make_certificates(tmp_path)
    program = exporter(
        broker.tls_url(),
        *("--bus-ca-file", f"{certificates.ca}"),
        *("--bus-cert-file", f"{other.client}", "--bus-key-file", f"{other.client_key}"),
    )
    eventually(lambda: problems(program), what="the problem is told")
    assert program.get("/-/ready").status == 503


def test_a_name_that_is_not_in_the_certificate_is_told_and_can_be_given(
    broker: Broker, exporter: RunExporter, certificates: Certificates
) -> None:
    ca = ("--bus-ca-file", f"{certificates.ca}")
    wrong = exporter(broker.tls_url(), *ca, "--bus-server-name", "pbx.example")
    _refused(wrong, "certificate", "--bus-server-name")
    right = exporter(
        broker.tls_url(host="127.0.0.1"), *ca, "--bus-server-name", "localhost", "--instance", "r"
    )
    connected(right)
