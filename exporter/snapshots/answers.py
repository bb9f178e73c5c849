"""What an answer, or a missing answer, of a daemon means: success, or a problem in words.

The words contain the name of the daemon, the status and what to check. They contain nothing of the
answer's body, and no address.
"""

from __future__ import annotations

import os
import re
import socket
import ssl
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from exporter.exposition.problems import one_line, tls_reason
from exporter.exposition.snapshot_status import SnapshotOutcome
from exporter.snapshots.source import SnapshotError

UNAUTHORISED = (401, 403)
"""Statuses if the token is not valid, or lacks a right. Which of both it is, they do not say."""

SUCCESSES = range(200, 300)
_REDIRECTIONS = range(300, 400)
_REFUSALS = range(400, 500)

_URLS = "check --api-url and --api-services"


class Answer(NamedTuple):
    """The answer of a daemon.

    Attributes:
        status: HTTP status.
        body: Complete if the status is a success, else only its beginning.
        is_elsewhere: It redirects to another host, port or scheme.
    """

    status: int
    body: bytes
    is_elsewhere: bool = False


class _Error(msgspec.Struct):
    error_id: str = ""


_error = msgspec.json.Decoder(_Error)

_NOT_READY = {
    "not-initialized": "is not initialized yet",
    "ajam-unreachable": "cannot reach Asterisk",
}
"""Ids of errors with status 503, and what they mean."""

_LACKS = "refused: the user lacks {right}"

_MEANINGS = {
    401: (SnapshotOutcome.REFUSED, _LACKS),
    403: (SnapshotOutcome.REFUSED, _LACKS),
    404: (SnapshotOutcome.REFUSED, f"does not exist there (404): {_URLS}"),
    429: (SnapshotOutcome.NOT_READY, "refused: too many requests or sessions (429)"),
    503: (SnapshotOutcome.NOT_READY, "{error}"),
}
"""Of a status; of all others by hundreds."""


def success(answer: Answer, daemon: str, right: str) -> bytes:
    """Return the body of an answer.

    A daemon that failed (500, 502, 504) counts as unreachable: it is there again later, and
    nobody has to change a setting. A daemon that limits requests (429) counts as not ready.

    Args:
        answer: The answer.
        daemon: Its name.
        right: The access that the request needs; "" if the daemon knows no rights.

    Raises:
        SnapshotError: It is no success.
    """
    if answer.status not in SUCCESSES:
        outcome, meaning = _meaning(answer, right)
        meaning = meaning.format(right=right, error=_error_of(answer.body))
        raise SnapshotError(outcome, f"{daemon} {meaning}", daemon, answer.status)
    # Only a daemon answers in JSON; a login page of a web server does not.
    if answer.body[:_BEGINNING].lstrip()[:1] in (b"{", b"["):
        return answer.body
    raise SnapshotError(SnapshotOutcome.MALFORMED, f"{daemon} answers without JSON: {_URLS}")


_BEGINNING = 64


def _meaning(answer: Answer, right: str) -> tuple[SnapshotOutcome, str]:
    status = answer.status
    if status in _MEANINGS and (right or status not in UNAUTHORISED):
        return _MEANINGS[status]
    if status in _REDIRECTIONS:
        where = "to another host" if answer.is_elsewhere else f"({status})"
        return SnapshotOutcome.REFUSED, f"redirects {where}: {_URLS}"
    if status in _REFUSALS:
        return SnapshotOutcome.REFUSED, f"refused the request ({status})"
    return SnapshotOutcome.UNREACHABLE, f"failed ({status})"


def _error_of(body: bytes) -> str:
    try:
        error = _error.decode(body).error_id
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        error = ""
    return _NOT_READY.get(error, "is not ready (503)")


def no_answer(error: BaseException, daemon: str) -> str:
    """Return what it means that a request ended with an error of the network or of TLS."""
    for cause in _causes(error):
        if (words := _network(cause, daemon)) is not None:
            return words
    return f"{daemon} broke off the connection, or does not speak HTTP: {_URLS}"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Return the causes of an error, the first one first: httpx wraps what httpcore wraps."""
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from _causes(each)
    inner = error.__cause__ or error.__context__
    if inner is not None:
        yield from _causes(inner)
    yield error


def _network(error: BaseException, daemon: str) -> str | None:
    if isinstance(error, socket.gaierror):
        return f"the host name of {daemon} cannot be resolved: {one_line(error.strerror)}"
    if isinstance(error, ssl.SSLWantReadError | ssl.SSLWantWriteError):
        # No fault: the handshake waited for the peer.
        return None
    if isinstance(error, ssl.SSLError):
        return _tls(error, daemon)
    if isinstance(error, TimeoutError):
        return f"{daemon} does not answer in time"
    if isinstance(error, OSError) and error.errno is not None:
        # asyncio's own words contain the address.
        return f"{daemon} cannot be reached: {os.strerror(error.errno)}"
    return None


def _tls(error: ssl.SSLError, daemon: str) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"the certificate of {daemon} is not trusted ({one_line(error.verify_message)}): "
            "check --api-ca-file and --api-server-name"
        )
    # Python itself raises such errors without a reason.
    if re.search(_NO_TLS, getattr(error, "reason", None) or ""):
        return f"{daemon} does not speak TLS on this port: {_URLS}"
    return f"TLS with {daemon} failed: {tls_reason(error)}"


_NO_TLS = "WRONG_VERSION_NUMBER|HTTP_REQUEST|UNKNOWN_PROTOCOL|RECORD_LAYER_FAILURE"
"""OpenSSL's reasons if a peer answers in another protocol."""
