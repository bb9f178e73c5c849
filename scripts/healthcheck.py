"""The health check of the image: does the web server of the exporter answer?

    healthcheck.py http://127.0.0.1:10495

It needs no user, no certificate and no code of the program, which takes half a second to import.
The exit status is 0 if the server answers, with or without TLS.
"""

from __future__ import annotations

import http.client
import os
import ssl
import sys
from collections.abc import Mapping
from urllib.parse import urlsplit

SECONDS = 4
"""Wait for each step of a request. The engine ends a check after five seconds."""

# A server that wants a user, or limits the rate, answers too.
_ANSWERS = (http.HTTPStatus.OK, http.HTTPStatus.UNAUTHORIZED, http.HTTPStatus.TOO_MANY_REQUESTS)


def is_healthy(url: str, environment: Mapping[str, str]) -> bool:
    """Return whether the server answers.

    Args:
        url: Protocol, address and port of the server. If the protocol is wrong, the other one is
            used too.
        environment: Of the container. A web configuration file in it probably means TLS.
    """
    parts = urlsplit(url)
    assert parts.hostname
    assert parts.port
    # The probable one first, because the server may log a request that it does not understand.
    is_tls = parts.scheme == "https" or "XIVO_EXPORTER_WEB_CONFIG_FILE" in environment
    for ask in (_https, _http) if is_tls else (_http, _https):
        try:
            status = ask(parts.hostname, parts.port)
            # Without TLS on a port with TLS, the exporter answers this.
            if status != http.HTTPStatus.BAD_REQUEST:
                return status in _ANSWERS
        except (TimeoutError, ConnectionRefusedError):
            return False
        except (OSError, http.client.HTTPException):
            # It speaks the other protocol, or closes all connections.
            continue
    return False


def _http(address: str, port: int) -> int:
    return _status(http.client.HTTPConnection(address, port, timeout=SECONDS))


def _https(address: str, port: int) -> int:
    # Nobody is between this process and the server, and certificates rarely name its address.
    context = ssl._create_unverified_context()  # noqa: S323, SLF001 -- as the comment says
    try:
        return _status(http.client.HTTPSConnection(address, port, timeout=SECONDS, context=context))
    except (TimeoutError, ConnectionRefusedError):
        raise
    except (OSError, http.client.HTTPException) as error:
        if isinstance(error, ssl.SSLError) and error.reason == "WRONG_VERSION_NUMBER":
            raise
        # It requires a client certificate: it answers, but not to this client.
        return http.HTTPStatus.UNAUTHORIZED


def _status(connection: http.client.HTTPConnection) -> int:
    try:
        connection.request("GET", "/-/healthy")
        return connection.getresponse().status
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(not is_healthy(sys.argv[1], os.environ))
