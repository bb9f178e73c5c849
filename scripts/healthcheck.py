"""The health check of the image: does the web server of the exporter answer?

    healthcheck.py PORT

It needs no user, no certificate and no code of the program, which takes half a second to import.
The exit status is 0 if the server of this container answers, with or without TLS.
"""

from __future__ import annotations

import http.client
import os
import ssl
import sys
from collections.abc import Mapping

SECONDS = 4
"""Wait for each step of a request. The engine ends a check after five seconds."""

# A server that wants a user, or limits the rate, answers too.
_ANSWERS = (http.HTTPStatus.OK, http.HTTPStatus.UNAUTHORIZED, http.HTTPStatus.TOO_MANY_REQUESTS)


def is_healthy(port: int, environment: Mapping[str, str]) -> bool:
    """Return whether the server on a loopback port answers.

    Args:
        port: Where it listens, on 127.0.0.1.
        environment: Of the container. A web config file in it probably means TLS.
    """
    # The probable one first, because the server may log a request that it does not understand.
    is_tls = "XIVO_EXPORTER_WEB_CONFIG_FILE" in environment
    for ask in (_https, _http) if is_tls else (_http, _https):
        try:
            return ask(port) in _ANSWERS
        except (TimeoutError, ConnectionRefusedError):
            return False
        except (OSError, http.client.HTTPException):
            # It speaks the other protocol, or closes all connections.
            continue
    return False


def _http(port: int) -> int:
    return _status(http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS))


def _https(port: int) -> int:
    # Nobody is between this process and the server, and certificates rarely name 127.0.0.1.
    context = ssl._create_unverified_context()  # noqa: S323, SLF001 -- as the comment says
    try:
        return _status(
            http.client.HTTPSConnection("127.0.0.1", port, timeout=SECONDS, context=context)
        )
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
    sys.exit(not is_healthy(int(sys.argv[1]), os.environ))
