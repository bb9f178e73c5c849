"""What tests of whole commands share: an occupied port."""

import socket
from collections.abc import Iterator

import pytest


@pytest.fixture
def port_in_use() -> Iterator[str]:
    """An address on which the program cannot listen, so that its start ends there."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"
