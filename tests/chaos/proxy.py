"""A proxy on the way to the broker, whose connections can be cut."""

import asyncio
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_RESET = struct.pack("ii", 1, 0)
"""Of SO_LINGER: what is under way is thrown away, and the peer told so."""

_CHUNK = 65536


class Proxy:
    """Passes bytes between clients and a port, in a thread with an event loop.

    Attributes:
        port: To connect to.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, target: int) -> None:
        self._loop = loop
        self._target = target
        self._open: set[asyncio.StreamWriter] = set()
        self.port = 0

    @property
    def is_used(self) -> bool:
        """Whether there is a connection all the way."""
        return bool(self._open)

    def cut(self) -> bool:
        """Reset all connections, on both sides; tell whether there was one."""
        return asyncio.run_coroutine_threadsafe(self._cut(), self._loop).result(10)

    async def _cut(self) -> bool:
        was_used = self.is_used
        for writer in [*self._open]:
            writer.transport.abort()
        return was_used

    async def serve(self, stop: asyncio.Event, is_up: threading.Event) -> None:
        """Listen until told to stop."""
        server = await asyncio.start_server(self._pass_on, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        is_up.set()
        await stop.wait()
        server.close()
        await self._cut()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*others, return_exceptions=True)

    async def _pass_on(self, here: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            there, forth = await asyncio.open_connection("127.0.0.1", self._target)
            ends = {back, forth}
            for end in ends:
                end.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self._open |= ends
            try:
                pumps = [
                    asyncio.create_task(_pump(here, forth)),
                    asyncio.create_task(_pump(there, back)),
                ]
                # The end of one direction is the end of both.
                await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            finally:
                self._open -= ends
                for end in ends:
                    end.transport.abort()
            await asyncio.wait(pumps)
            return
        back.transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while chunk := await reader.read(_CHUNK):
            writer.write(chunk)
            await writer.drain()


@contextmanager
def proxied(target: int) -> Iterator[Proxy]:
    """Run a proxy to a port of this machine."""
    loop, stop, is_up = asyncio.new_event_loop(), asyncio.Event(), threading.Event()
    proxy = Proxy(loop, target)
    thread = threading.Thread(
        target=lambda: loop.run_until_complete(proxy.serve(stop, is_up)), name="proxy"
    )
    thread.start()
    try:
        assert is_up.wait(10), "the proxy did not start"
        yield proxy
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()
