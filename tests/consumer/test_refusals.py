"""What a person reads when a broker refuses: its own words, and advice only where it is right."""

import socket
import ssl

import amqp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.consumer.inbox import Inbox
from exporter.consumer.refusals import explain, is_in_use

NAME = "xivo-exporter.host.default"
INBOX = Inbox(NAME, 60, 7, 9, "xivo", ())
ADVICE_TO_DELETE = f"rabbitmqctl delete_queue {NAME}"

OPEN, EXCHANGE, DECLARE, BIND, CONSUME = (10, 40), (40, 10), (50, 10), (50, 20), (60, 20)
NO_METHOD = (0, 0)
CODES = sorted(amqp.exceptions.ERROR_MAP)


def refusal(code: int, text: str, method: tuple[int, int] = NO_METHOD) -> amqp.AMQPError:
    """Return what py-amqp raises when a broker closes the channel or the connection."""
    return amqp.exceptions.error_for_code(code, text, method, amqp.exceptions.ConnectionError)


QUEUE = f"queue '{NAME}' in vhost '/'"
REFUSALS = [
    (
        403,
        (
            "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. For details "
            "see the broker logfile."
        ),
        NO_METHOD,
        "login refused: check user and password",
    ),
    (403, f"ACCESS_REFUSED - access to {QUEUE} refused for user 'u'", DECLARE, "a permission"),
    (
        403,
        "ACCESS_REFUSED - access to exchange 'xivo' in vhost '/' refused for user 'u'",
        BIND,
        "a permission",
    ),
    (403, f"ACCESS_REFUSED - access to {QUEUE} refused for user 'u'", CONSUME, "a permission"),
    (403, f"ACCESS_REFUSED - {QUEUE} in exclusive use", CONSUME, "waiting as standby"),
    (404, "NOT_FOUND - no exchange 'xivo' in vhost '/'", EXCHANGE, "exchange xivo: check --exch"),
    (404, f"NOT_FOUND - no {QUEUE}", BIND, "the exporter creates it again"),
    (
        404,
        f"NOT_FOUND - home node 'a@b' of durable {QUEUE} is down or inaccessible",
        DECLARE,
        "is down: start it",
    ),
    (404, f"NOT_FOUND - {QUEUE} process is stopped by supervisor", DECLARE, "broker's log"),
    (404, f"NOT_FOUND - {QUEUE} has crashed and failed to restart", DECLARE, "broker's log"),
    (
        405,
        (
            f"RESOURCE_LOCKED - cannot obtain exclusive access to locked {QUEUE}. It could be "
            "originally declared on another connection or the exclusive property value does not "
            "match that of the original declaration."
        ),
        DECLARE,
        "choose another --instance",
    ),
    (
        406,
        (
            f"PRECONDITION_FAILED - inequivalent arg 'x-max-length' for {QUEUE}: received '5' but "
            "current is '1000'"
        ),
        DECLARE,
        ADVICE_TO_DELETE,
    ),
    (
        406,
        (
            f"PRECONDITION_FAILED - cannot declare queue '{NAME}': queue limit in vhost '/' (0) is "
            "reached"
        ),
        DECLARE,
        "raise max-queues",
    ),
    (
        406,
        f"PRECONDITION_FAILED - invalid arg 'x-expires' for {QUEUE}: {{value_too_large,9}}",
        DECLARE,
        "--inbox-expires",
    ),
    (
        406,
        (
            "PRECONDITION_FAILED - delivery acknowledgement on channel 1 timed out. Timeout value "
            "used: 1000 ms."
        ),
        NO_METHOD,
        "frozen",
    ),
    (530, "NOT_ALLOWED - vhost v not found", OPEN, "vhost refused: check the vhost"),
    (530, "NOT_ALLOWED - access to vhost 'v' refused for user 'u'", OPEN, "permissions"),
    (
        530,
        ("NOT_ALLOWED - access to vhost '/' refused for user 'u': connection limit (0) is reached"),
        OPEN,
        "max-connections of the vhost",
    ),
    (
        530,
        "NOT_ALLOWED - connection refused for user 'u': user connection limit (0) is reached",
        OPEN,
        "max-connections of the user",
    ),
    (
        530,
        (
            "NOT_ALLOWED - number of channels opened for user 'u' has reached the maximum allowed "
            "user limit of (0)"
        ),
        NO_METHOD,
        "max-channels of the user",
    ),
    (
        530,
        "NOT_ALLOWED - number of channels opened (1) has reached the negotiated channel_max (1)",
        NO_METHOD,
        "check channel_max",
    ),
    (
        530,
        (
            "NOT_ALLOWED - negotiated frame_max = 4000 is lower than the minimum allowed value "
            "(8192)"
        ),
        (10, 31),
        "frame_max",
    ),
    (
        541,
        "INTERNAL_ERROR - access to vhost 'v' refused for user 'u': vhost 'v' is down",
        OPEN,
        "restart the vhost",
    ),
    (541, "INTERNAL_ERROR - ", NO_METHOD, "broker's log"),
    (320, "CONNECTION_FORCED - vhost 'v' is down", NO_METHOD, "restart the vhost"),
    (320, "CONNECTION_FORCED - vhost 'v' is deleted", NO_METHOD, "the vhost was deleted"),
    (320, "CONNECTION_FORCED - user 'u' is deleted", NO_METHOD, "the user was deleted"),
    (320, "CONNECTION_FORCED - Node was put into maintenance mode", NO_METHOD, "in maintenance"),
    (
        320,
        "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'",
        NO_METHOD,
        "the broker stops",
    ),
    (320, "CONNECTION_FORCED - closed by me", NO_METHOD, "the broker or its administrator"),
    (501, "FRAME_ERROR - type 1, all octets = <<>>: {frame_too_large,9,8}", NO_METHOD, "frame_max"),
    (506, "RESOURCE_ERROR - ", NO_METHOD, "memory, disk and file descriptors"),
    (540, "NOT_IMPLEMENTED - no", DECLARE, "NOT_IMPLEMENTED"),
]
"""Texts of RabbitMQ 3.10, and what must be said about them."""


@pytest.mark.parametrize(("code", "text", "method", "says"), REFUSALS)
def test_a_refusal_is_explained_and_quoted(
    code: int, text: str, method: tuple[int, int], says: str
) -> None:
    told = explain(refusal(code, text, method), INBOX)
    assert says in told
    assert text.strip() in told
    assert len(told) < 600


@pytest.mark.parametrize(("code", "text", "method", "says"), REFUSALS)
def test_the_advice_to_delete_is_given_for_other_arguments_only(
    code: int, text: str, method: tuple[int, int], says: str
) -> None:
    told = explain(refusal(code, text, method), INBOX)
    assert ("delete" in told.replace("deleted", "")) == (says == ADVICE_TO_DELETE)


@pytest.mark.parametrize(("code", "text", "method", "says"), REFUSALS)
def test_only_a_refusal_to_consume_beside_another_consumer_makes_a_standby(
    code: int, text: str, method: tuple[int, int], says: str
) -> None:
    assert is_in_use(refusal(code, text, method)) == (says == "waiting as standby")


def test_a_text_that_the_broker_has_cut_is_understood() -> None:
    name = "n" * 230
    cut = [
        (403, f"ACCESS_REFUSED - queue '{name}...", CONSUME, "waiting as standby"),
        (403, f"ACCESS_REFUSED - access to queue '{name}...", CONSUME, "a permission"),
        (530, f"NOT_ALLOWED - vhost {name}...", OPEN, "check the vhost"),
        (406, f"PRECONDITION_FAILED - cannot declare queue '{name}...", DECLARE, "max-queues"),
    ]
    for code, text, method, says in cut:
        assert says in explain(refusal(code, text, method), INBOX)
    # Which of two problems it is has been cut off: no advice is better than a wrong one.
    text = f"NOT_ALLOWED - access to vhost '{name}..."
    assert explain(refusal(530, text, OPEN), INBOX) == text


@given(
    st.sampled_from(CODES),
    st.text(max_size=400),
    st.sampled_from([NO_METHOD, OPEN, EXCHANGE, DECLARE, BIND, CONSUME, (10, 31), (60, 30)]),
)
def test_whatever_a_broker_says_is_one_short_printable_line(
    code: int, text: str, method: tuple[int, int]
) -> None:
    told = explain(refusal(code, text, method), INBOX)
    assert told
    assert told.isprintable()
    assert len(told) < 600
    # Two characters are never cut apart or lost, if they are printable.
    words = " ".join(text.split())
    assert words[:300] in told or not words.isprintable()


@given(
    st.sampled_from(CODES),
    st.text(max_size=40),
    st.text(st.characters(codec="utf-8", categories=["L", "N", "P"]), min_size=4, max_size=40),
    st.text(max_size=40),
)
def test_a_broker_that_quotes_the_password_is_not_quoted(
    code: int, before: str, password: str, behind: str
) -> None:
    error = refusal(code, f"{before}{password}{behind}")
    plain = explain(refusal(code, ""), INBOX)
    told = explain(error, INBOX, (password,))
    assert password not in told or password in plain or password in type(error).__name__


def _untrusted() -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_message = "self-signed certificate"
    return error


def _tls(reason: str) -> ssl.SSLError:
    error = ssl.SSLError(1, f"[SSL: {reason}] in small letters (_ssl.c:1006)")
    error.reason = reason
    return error


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (ConnectionRefusedError(111, "Connection refused"), "Connection refused: check that"),
        (FileNotFoundError(2, "No such file or directory", "/pw"), "directory: /pw"),
        (_untrusted(), "--bus-ca-file"),
        (_tls("WRONG_VERSION_NUMBER"), "does not speak TLS on this port"),
        (_tls("TLSV1_ALERT_UNKNOWN_CA"), "--bus-cert-file"),
        (_tls("TLSV13_ALERT_CERTIFICATE_REQUIRED"), "--bus-cert-file"),
        (_tls("SSLV3_ALERT_HANDSHAKE_FAILURE"), "no TLS version or cipher in common"),
        (_tls("SOMETHING_ELSE"), "TLS failed: [SSL: SOMETHING_ELSE] in small letters"),
        (ValueError("odd frame"), "odd frame"),
        (KeyError("odd"), "KeyError: 'odd'"),
        (TimeoutError("timed out"), "does not answer"),
        (TimeoutError(110, "Connection timed out"), "does not answer"),
        (socket.gaierror(-2, "Name or service not known"), "host name"),
        (amqp.ConsumerCancelled(NAME, (60, 30)), "was deleted, or its node stopped"),
        (amqp.ConnectionForced("Too many heartbeats missed"), "was silent for too long"),
        (amqp.ResourceError("No free channel ids, current=1, channel_max=1", (20, 10)), "needs 2"),
        (amqp.RecoverableConnectionError("Connection already closed"), "Connection already closed"),
    ],
)
def test_a_fault_is_explained_in_one_line(error: Exception, says: str) -> None:
    told = explain(error, INBOX)
    assert says in told
    assert "\n" not in told
    assert len(told) < 600
    assert not is_in_use(error)


def test_a_long_explanation_is_cut() -> None:
    assert len(explain(ValueError("x" * 10_000), INBOX)) < 600


def test_an_exchange_of_other_settings_is_named_without_advice() -> None:
    told = explain(refusal(404, "NOT_FOUND - no exchange 'old' in vhost '/'", EXCHANGE), INBOX)
    assert "no exchange old" in told
    assert "--exchange" not in told
