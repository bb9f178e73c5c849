"""The TLS handshake of a connection that is accepted."""

from __future__ import annotations

import asyncio
from asyncio.sslproto import SSLProtocol
from typing import Any, cast

from exporter.web.tls import Tls

# asyncio allocates it for each connection: by default 256 KiB, 140 MB for 500 idle connections.
# A record of TLS has 16 KiB. There is no argument for it, only an attribute of a class.
_BUFFER_BYTES = 16 * 1024

NOT_TLS = (
    b"HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n"
    b"Connection: close\r\n\r\nThis port speaks HTTPS, but the request is plain HTTP.\n"
)
"""The response to a client that does not begin with a handshake."""

_HANDSHAKE_RECORD = 22


def is_handshake(first: bytes) -> bool:
    """Return whether the first bytes of a client are those of TLS."""
    return first[0] == _HANDSHAKE_RECORD


async def secured(
    lower: asyncio.Transport, protocol: asyncio.Protocol, tls: Tls, first: bytes, seconds: float
) -> asyncio.Transport | None:
    """Return a transport that encrypts what it sends over another one.

    Args:
        lower: The accepted connection; it does not read.
        protocol: Gets the decrypted data, the first of it perhaps before this returns.
        tls: The rules for the connection.
        first: What the client has sent already.
        seconds: How long a handshake may take, and how long a close waits for the client.

    Returns:
        None if the handshake failed, or the client may not connect. The lower transport may still
        be open.
    """
    if lower.is_closing():
        return None  # start_tls would never return.
    lower.set_write_buffer_limits(0)
    SSLProtocol.max_size = _BUFFER_BYTES
    handshake = asyncio.ensure_future(
        asyncio.get_running_loop().start_tls(
            lower, protocol, tls.context, server_side=True,
            ssl_handshake_timeout=seconds, ssl_shutdown_timeout=seconds,
        )
    )  # fmt: skip
    # After one round of the loop, the lower transport has a protocol of asyncio for TLS.
    await asyncio.sleep(0)
    ciphered = cast("asyncio.BufferedProtocol", lower.get_protocol())
    for start in range(0, len(first), _BUFFER_BYTES):
        piece = first[start : start + _BUFFER_BYTES]
        memoryview(ciphered.get_buffer(len(piece)))[: len(piece)] = piece
        ciphered.buffer_updated(len(piece))
    try:
        transport = await handshake
    except OSError:  # Also what the ssl module raises.
        return None
    # None if the client has closed the connection meanwhile.
    if transport is None or transport.is_closing():
        return None
    if not tls.allows(transport.get_extra_info("ssl_object")):
        return None
    # While reading is paused, asyncio would take in 256 KiB more. Only transports for TLS can.
    cast("Any", transport).set_read_buffer_limits(_BUFFER_BYTES)
    return transport
