"""Explanations of faults for administrators: the broker's own words, and what to check.

Advice is added only where it fits these words. An explanation is one printable line, and
contains no secret.
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Sequence

from amqp.exceptions import AccessRefused, AMQPError, ConsumerCancelled, NotFound
from kombu.exceptions import OperationalError

from exporter.consumer.inbox import Inbox
from exporter.exposition.problems import one_line, tls_reason

_SHORTEST_SECRET = 4
"""Characters. Shorter text occurs in any sentence by chance."""

_VHOST = "check the vhost in the bus URL"
_RESTART_VHOST = "the vhost is down: see the broker's log, then restart the vhost or the broker"
_CHANNELS = "the broker allows too few channels: the exporter needs 2; check channel_max"

_REFUSALS: tuple[tuple[int, str, str], ...] = (
    (320, "heartbeats missed", "the broker or the network was silent for too long"),
    (320, "vhost .* is down", _RESTART_VHOST),
    (320, "vhost .* is deleted", f"the vhost was deleted: {_VHOST}"),
    (320, "user .* is deleted", "the user was deleted: check the user of the bus"),
    (320, "maintenance", "the broker's node is in maintenance and accepts no clients"),
    (320, "broker forced connection closure", "the broker stops"),
    (320, "", "the broker or its administrator closed the connection"),
    (402, "", f"vhost refused: {_VHOST}"),
    # The broker answers a wrong password outside of any method, some brokers at Connection.open.
    (403, r"^(Connection\.\S+)? ", "login refused: check user and password of the bus"),
    (403, "access to (queue|exchange|topic) ", "the user lacks a permission on the broker"),
    (404, "no queue ", "the inbox was deleted meanwhile; the exporter creates it again"),
    (404, "home node ", "the node of the broker's cluster that has the inbox is down: start it"),
    (404, "stopped by supervisor|has crashed", "the inbox has crashed: see the broker's log"),
    (405, "", "another client owns the inbox: end that client, or choose another --instance"),
    (
        406,
        r"^Queue\.declare .*inequivalent arg ",
        (
            "the inbox {inbox} exists with other limits or arguments: delete it "
            "(rabbitmqctl delete_queue {inbox}) or choose another --instance"
        ),
    ),
    (406, "cannot declare queue '", "the broker has reached a limit of queues: raise max-queues"),
    (
        406,
        "delivery acknowledgement .*timed out",
        "the exporter did not acknowledge in time: was it frozen?",
    ),
    (
        406,
        r"^Queue\.declare .*invalid arg ",
        (
            "the broker does not accept a limit of the inbox: check --inbox-expires, "
            "--inbox-max-length and --inbox-max-bytes"
        ),
    ),
    (
        501,
        "",
        (
            "the broker could not read a frame: check its log, its frame_max, and programs between "
            "the exporter and the broker"
        ),
    ),
    (506, "No free channel ids", _CHANNELS),
    (506, "", "the broker lacks resources: check its memory, disk and file descriptors"),
    (530, "negotiated channel_max", _CHANNELS),
    (
        530,
        "^Connection.tune-ok|negotiated ",
        (
            "the broker does not accept the connection: check heartbeat, frame_max and channel_max "
            "in the broker's configuration"
        ),
    ),
    (
        530,
        "user connection limit ",
        "the user has reached its limit of connections: raise max-connections of the user",
    ),
    (
        530,
        "maximum allowed user limit",
        "the user has reached its limit of channels: raise max-channels of the user",
    ),
    (
        530,
        "connection limit ",
        "the vhost has reached its limit of connections: raise max-connections of the vhost",
    ),
    (530, "^Connection.open NOT_ALLOWED - vhost ", f"vhost refused: {_VHOST}"),
    (
        530,
        "access to vhost .* refused for user '.*'$",
        f"vhost refused: {_VHOST} and the user's permissions on it",
    ),
    (541, "vhost .* is down", _RESTART_VHOST),
    (541, "", "internal error of the broker: see the broker's log"),
)
"""Reply code, pattern of the method and the words, and what they mean. The first match counts."""

_TLS_FAULTS = (
    (
        "WRONG_VERSION_NUMBER|HTTP_REQUEST|UNKNOWN_PROTOCOL|RECORD_LAYER_FAILURE",
        "the peer does not speak TLS on this port: check scheme and port of the bus URL",
    ),
    (
        "ALERT.*(UNKNOWN_CA|CERTIFICATE|ACCESS_DENIED|DECRYPT_ERROR)",
        (
            "the broker refuses the client certificate: check --bus-cert-file and --bus-key-file, "
            "and which certificates the broker trusts"
        ),
    ),
    (
        "PROTOCOL_VERSION|HANDSHAKE_FAILURE|NO_SHARED_CIPHER|UNSUPPORTED_PROTOCOL",
        "the broker and the exporter have no TLS version or cipher in common",
    ),
)
"""Patterns of the reason that OpenSSL names, and what they mean."""


_IN_USE = r" in exclusive use$|^ACCESS_REFUSED - queue .*\.\.\.$"
"""RabbitMQ cuts a text of more than 255 bytes, for example because of a long name."""


def is_in_use(error: BaseException) -> bool:
    """Return whether the broker refused to consume because the inbox has another consumer."""
    return (
        isinstance(error, AccessRefused)
        and error.method_name == "Basic.consume"
        and re.search(_IN_USE, str(error.reply_text)) is not None
    )


def is_exchange_missing(error: BaseException) -> bool:
    """Return whether the broker has no such exchange; other things can be missing too."""
    return isinstance(error, NotFound) and "no exchange '" in str(error.reply_text)


def explain(
    error: BaseException,
    inbox: Inbox,
    secrets: Sequence[str] = (),
    other_exchanges: Sequence[str] = (),
) -> str:
    """Return in one line what went wrong, in the broker's words, and what to check.

    Args:
        error: What was raised.
        inbox: The inbox that is read.
        secrets: A text from the broker or a library that contains one of these is not shown.
        other_exchanges: Exchanges that the broker has, of which one may be meant.
    """
    if isinstance(error, OperationalError) and error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, ConsumerCancelled):
        # The broker says no more than the name of the consumer.
        return (
            f"the broker cancelled the consumer: the inbox {inbox.name} was deleted, or its node "
            "stopped"
        )
    if isinstance(error, AMQPError):
        return _explain_refusal(error, inbox, secrets, other_exchanges)
    if isinstance(error, OSError):
        return _explain_network(error)
    name = type(error).__name__
    if isinstance(error, UnicodeError):
        # Its text quotes what cannot be decoded, which may be a piece of a secret.
        return f"text cannot be encoded or decoded ({name})"
    # A mere ValueError is ours, about a setting.
    text = str(error) if type(error) is ValueError else f"{name}: {error}"
    return _words(text, name, secrets)


def _explain_network(error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return f"the broker's host name cannot be resolved: {one_line(error.strerror)}"
    if isinstance(error, TimeoutError):
        return "the broker does not answer"
    if isinstance(error, ssl.SSLError):
        return _explain_tls(error)
    if isinstance(error, ConnectionRefusedError):
        return "Connection refused: check that the broker runs, and the port of the bus URL"
    text = error.strerror or str(error) or type(error).__name__
    return one_line(f"{text}: {error.filename}" if error.filename else text)


def _words(text: str, instead: str, secrets: Sequence[str]) -> str:
    """Return a text on one line; `instead` if it is empty or contains a secret."""
    has_secret = any(len(each) >= _SHORTEST_SECRET and each in text for each in secrets)
    return instead if has_secret else one_line(text) or instead


def _explain_refusal(
    error: AMQPError, inbox: Inbox, secrets: Sequence[str], other_exchanges: Sequence[str]
) -> str:
    if is_in_use(error):
        meaning: str | None = (
            "another exporter of this instance reads the inbox, or the broker has not noticed "
            "yet that the last connection of this exporter ended; waiting as standby"
        )
    else:
        meaning = _meaning(error, inbox, other_exchanges)
    words = _words(str(error.reply_text or ""), type(error).__name__, secrets)
    return f"{meaning} ({words})" if meaning else words


def _meaning(error: AMQPError, inbox: Inbox, other_exchanges: Sequence[str]) -> str | None:
    code, text = int(error.reply_code or 0), str(error.reply_text or "")
    if code == _NOT_FOUND and (found := re.search("no exchange '(.+)' in vhost ", text)):
        name = found[1]
        if name != inbox.exchange:
            return f"there is no exchange {one_line(name)}"
        also = f", but there is {' and '.join(other_exchanges)}" if other_exchanges else ""
        return f"there is no exchange {one_line(name)}{also}: check --exchange and the vhost"
    said = f"{error.method_name} {text}"
    for known, pattern, meaning in _REFUSALS:
        if code == known and re.search(pattern, said):
            return meaning.format(inbox=inbox.name)
    return None


_NOT_FOUND = 404


def _explain_tls(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"the broker's certificate is not trusted ({one_line(error.verify_message)}): "
            "check --bus-ca-file and --bus-server-name"
        )
    # Python itself raises such errors without a reason.
    reason = getattr(error, "reason", None) or ""
    for pattern, meaning in _TLS_FAULTS:
        if re.search(pattern, reason):
            return f"{meaning} ({tls_reason(error)})"
    return f"TLS failed: {tls_reason(error)}"
