"""A TLS tunnel as stunnel makes one of two processes: each side shows a certificate."""

import asyncio
import ssl
import threading
from contextlib import suppress
from typing import Self

from tests.certificates import Certificates

_LOOPBACK = "127.0.0.1"
_CHUNK = 65536


class Tunnel:
    """Forwards connections from a port to another one, both on loopback; in between is TLS.

    As stunnel does, it accepts a connection before it knows whether the target accepts it.

    Attributes:
        connections: How many connections came out of the tunnel.
    """

    def __init__(self, target: int, certificates: Certificates) -> None:
        """Prepare a tunnel to a port."""
        self.connections = 0
        self._target = target
        self._inner = ssl.create_default_context(cafile=certificates.ca)
        self._inner.load_cert_chain(certificates.client, certificates.client_key)
        self._outer = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=certificates.ca)
        self._outer.verify_mode = ssl.CERT_REQUIRED
        self._outer.load_cert_chain(certificates.server, certificates.server_key)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._servers: list[asyncio.Server] = []

    @property
    def port(self) -> int:
        """The port where it accepts connections without TLS."""
        return _port(self._servers[1])

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(60)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(60)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(60)
        self._loop.close()

    async def _listen(self) -> None:
        self._servers += [
            await asyncio.start_server(self._leave, _LOOPBACK, 0, ssl=self._outer),
            await asyncio.start_server(self._enter, _LOOPBACK, 0),
        ]

    async def _close(self) -> None:
        for server in self._servers:
            server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _enter(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far = asyncio.open_connection(_LOOPBACK, _port(self._servers[0]), ssl=self._inner)
        await _join(reader, writer, *await far)

    async def _leave(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            target = await asyncio.open_connection(_LOOPBACK, self._target)
        except OSError:
            writer.close()
            return
        self.connections += 1
        await _join(reader, writer, *target)


async def _join(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    far_reader: asyncio.StreamReader,
    far_writer: asyncio.StreamWriter,
) -> None:
    """Forward in both directions until one side ends, then end the other."""
    ways = (_forward(reader, far_writer), _forward(far_reader, writer))
    tasks = [asyncio.ensure_future(way) for way in ways]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        for each in (writer, far_writer):
            each.close()


async def _forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()


def _port(server: asyncio.Server) -> int:
    port: int = server.sockets[0].getsockname()[1]
    return port
