"""The asyncio loop of the snapshots, which can end whatever is going on."""

from __future__ import annotations

import asyncio
from typing import Any
from weakref import WeakSet

from exporter.snapshots.unjoined import UnjoinedThreads


class SnapshotLoop(asyncio.SelectorEventLoop):
    """An asyncio loop that neither waits for blocked threads nor leaves connections open.

    A task that is cancelled just when its connection is made loses it without closing it: anyio,
    on which httpx is built, has such a moment.
    """

    def __init__(self) -> None:
        super().__init__()
        self.set_default_executor(UnjoinedThreads())
        self._made: WeakSet[asyncio.Transport] = WeakSet()

    async def create_connection(  # type: ignore[override]  # the many arguments of the base
        self,
        *arguments: Any,  # noqa: ANN401 -- as they come
        **named: Any,  # noqa: ANN401 -- as they come
    ) -> tuple[asyncio.Transport, asyncio.BaseProtocol]:
        """Connect, and remember the connection."""
        transport, protocol = await super().create_connection(*arguments, **named)
        self._made.add(transport)
        return transport, protocol

    def close(self) -> None:
        """Close all connections, and then the loop."""
        if not self.is_closed():
            for transport in list(self._made):
                transport.abort()
            # In this call they are closed too, because that was scheduled before.
            self.run_until_complete(self.shutdown_asyncgens())
        super().close()
