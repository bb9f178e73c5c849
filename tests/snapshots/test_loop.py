"""The asyncio loop of the snapshots."""

import asyncio
import gc
import socket

import pytest

from exporter.snapshots.loop import SnapshotLoop
from tests.certificates import make_certificates
from tests.snapshots.clients import agents, client_of
from tests.snapshots.server import serving


@pytest.mark.parametrize("has_tls", [False, True])
def test_no_connection_is_left_open_whenever_a_request_is_cancelled(
    tmp_path_factory: pytest.TempPathFactory, has_tls: bool
) -> None:
    certificates = make_certificates(tmp_path_factory.mktemp("tls")) if has_tls else None
    with serving(certificates) as apis:
        for steps in range(40):
            loop = SnapshotLoop()
            ca_file = certificates and certificates.ca
            task = loop.create_task(agents(client_of(apis, ca_file=ca_file)))
            for _ in range(steps):
                loop.run_until_complete(asyncio.sleep(0.001 if steps % 2 else 0))
            task.cancel()
            loop.run_until_complete(asyncio.gather(task, return_exceptions=True))
            loop.close()
            # An open socket would be a warning, and so an error.
            gc.collect()


def test_what_is_forgotten_is_closed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        loop = SnapshotLoop()

        async def connect() -> None:
            await asyncio.get_running_loop().create_connection(
                asyncio.Protocol, *listening.getsockname()
            )

        loop.run_until_complete(connect())
        peer, _ = listening.accept()
        loop.close()
        with peer:
            peer.settimeout(10)
            # Its end; nothing was sent.
            assert peer.recv(1) == b""
    gc.collect()
