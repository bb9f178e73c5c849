"""What tests of whole commands share: an occupied port, and the logging of before afterwards."""

import logging
import socket
from collections.abc import Iterator

import pytest
import structlog


@pytest.fixture
def restored_logging() -> Iterator[None]:
    """Let a test start the program, which sets up logging for its process."""
    names = ("", "exporter", "dataflows")
    levels = {name: logging.getLogger(name).level for name in names}
    handlers = logging.getLogger().handlers[:]
    yield
    logging.getLogger().handlers = handlers
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
def port_in_use() -> Iterator[str]:
    """An address on which the program cannot listen, so that its start ends there."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"
