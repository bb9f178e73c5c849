"""Real servers for the tests: a shared broker, a broker to maltreat, and the exporter itself."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import pytest

from tests.certificates import Certificates, make_certificates
from tests.program import PROGRAM, RUN, Exporter
from tests.rabbitmq import INSTALL, find_rabbitmq
from tests.servers import Broker
from tests.snapshots.server import Apis, serving
from tests.snapshots.whole import tell_all
from tests.support import missing
from tests.support import promtool as find_promtool

HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder, before pytest selects by marker."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.integration)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Certificates of the brokers, for this run only."""
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def rabbitmq() -> Path:
    """Where RabbitMQ is installed; the one place that says so when it is not."""
    return find_rabbitmq() or missing("rabbitmq-server", INSTALL)


@pytest.fixture(scope="session")
def broker(rabbitmq: Path, certificates: Certificates) -> Iterator[Broker]:
    """A broker for all tests: it stays up, and is emptied after each test that uses it."""
    with Broker(tls=certificates) as broker:
        yield broker


@pytest.fixture(autouse=True)
def _emptied_broker(request: pytest.FixtureRequest) -> Iterator[None]:
    # Set up before the test's exporters, so that they have ended when the broker is emptied.
    shared = request.getfixturevalue("broker") if "broker" in request.fixturenames else None
    yield
    if shared is not None:
        shared.clear()
        # The next test would find what is left.
        assert not shared.queues()


@pytest.fixture
def quick_heartbeats(broker: Broker) -> Iterator[None]:
    """Heartbeats of 3 s on the shared broker; the shorter of both sides' is taken."""
    broker.eval("application:set_env(rabbit, heartbeat, 3).")
    yield
    broker.eval("application:set_env(rabbit, heartbeat, 60).")


@pytest.fixture
def with_exchange(broker: Broker) -> None:
    """Let the exchange of a XiVO exist."""
    broker.declare_exchange("xivo")


@pytest.fixture
def private_broker(rabbitmq: Path, certificates: Certificates) -> Iterator[Broker]:
    """A broker for one test, which may stop, kill or freeze it."""
    with Broker(tls=certificates) as broker:
        yield broker


@pytest.fixture(scope="session")
def _poor_broker(rabbitmq: Path) -> Iterator[Broker]:
    with Broker() as broker:
        yield broker


@pytest.fixture
def victim(_poor_broker: Broker) -> Iterator[Broker]:
    """A broker that tests maltreat one after the other; each finds it running and empty."""
    _poor_broker.declare_exchange("xivo")
    yield _poor_broker
    _poor_broker.thaw()
    if not _poor_broker.running:
        _poor_broker.start()
    _poor_broker.clear()


class RunExporter(Protocol):
    """Runs the exporter; it is killed when the test ends, and a failed test shows its log."""

    def __call__(
        self,
        bus_url: str | None,
        *arguments: str,
        env: Mapping[str, str] | None = None,
        wait: bool = True,
        program: Sequence[str] = PROGRAM,
    ) -> Exporter:
        """Start `exporter run` with these arguments, and wait until it listens."""
        ...


@pytest.fixture
def exporter(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RunExporter]:
    """A function that runs the exporter, as often as it is called."""
    running: list[Exporter] = []

    def run(
        bus_url: str | None,
        *arguments: str,
        env: Mapping[str, str] | None = None,
        wait: bool = True,
        program: Sequence[str] = PROGRAM,
    ) -> Exporter:
        directory = tmp_path / f"exporter-{len(running) + 1}"
        directory.mkdir()
        bus = [] if bus_url is None else ["--bus-url", bus_url]
        process = Exporter(directory, *bus, *arguments, env=env, program=(*program, *RUN))
        running.append(process)
        return process.start(wait=wait)

    yield run
    for number, process in enumerate(running, 1):
        process.close()
        request.node.add_report_section("teardown", f"log of exporter {number}", process.log())


@pytest.fixture
def promtool() -> Path:
    """The path of promtool."""
    return find_promtool() or missing("promtool", "apt-get install prometheus")


@pytest.fixture
def apis() -> Iterator[Apis]:
    """The APIs of a server; they tell everything that the exporter asks for."""
    with serving() as running:
        yield tell_all(running)
