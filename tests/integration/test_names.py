"""The name of the broker's host, which can be looked up at one time and not at another."""

import sys
from pathlib import Path

from tests.integration.bus import connected, problems, processed, publish_chats
from tests.integration.recovery import assert_recovered, fault
from tests.program import Exporter
from tests.proxy import Proxy
from tests.servers import Broker
from tests.support import eventually

# The program, with a resolver that a file steers: the address, or nothing.
_WITH_RESOLVER = """
import itertools, pathlib, socket, sys
file = pathlib.Path(sys.argv.pop(1))
getaddrinfo = socket.getaddrinfo
errors = itertools.cycle([socket.EAI_NONAME, socket.EAI_AGAIN])
def resolve(host, *arguments, **options):
    if host == "pbx.test":
        host = file.read_text()
        if not host:
            print("asked in vain", flush=True)
            number = next(errors)
            raise socket.gaierror(number, f"it says {number}")
    return getaddrinfo(host, *arguments, **options)
socket.getaddrinfo = resolve
from exporter.__main__ import main
sys.exit(main())
"""


def _asked_in_vain(exporter: Exporter, times: int) -> None:
    def asked() -> int:
        return exporter.output().count("asked in vain")

    eventually(
        lambda: asked() >= times,
        timeout=30,
        what=lambda: f"asked {times} times: {exporter.log()}",
    )
    # On a busy machine a loop without pauses shows in this rather than in processor time.
    assert asked() < times + 5


def test_a_name_that_cannot_be_looked_up_is_tried_again(broker: Broker, tmp_path: Path) -> None:
    broker.declare_exchange("xivo")
    file = tmp_path / "address"
    file.write_text("")
    program = (sys.executable, "-c", _WITH_RESOLVER, f"{file}", "run", "--listen", "127.0.0.1:0")
    with Proxy(broker.port) as network:
        url = network.url(broker.url()).replace("127.0.0.1", "pbx.test")
        flags = ("--bus-url", url, "--instance", "i")
        with Exporter(tmp_path, *flags, program=program) as exporter:
            with fault(exporter):
                _asked_in_vain(exporter, 3)
            assert len(problems(exporter)) == 2
            assert all("host name" in problem for problem in problems(exporter))
            file.write_text("127.0.0.1")
            connected(exporter)
            publish_chats(broker, 0, 10)
            processed(exporter, 10)
            with fault(exporter):
                file.write_text("")
                network.reset()
                publish_chats(broker, 10, 20)
                _asked_in_vain(exporter, 4)
            file.write_text("127.0.0.1")
            assert_recovered(broker, exporter, "i", 20)
