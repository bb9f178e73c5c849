"""A cluster whose connections go through a TLS tunnel, as docs/cluster-tls.md describes it."""

from pathlib import Path

from tests.certificates import Certificates
from tests.integration.bus import is_ready
from tests.integration.conftest import RunExporter
from tests.integration.test_cluster import at_work, counted, send
from tests.servers import Broker
from tests.support import free_port
from tests.tunnel import Tunnel

BUSES = ("lyon", "paris")


def test_a_process_needs_a_way_only_to_those_before_it_and_that_way_may_be_a_tunnel(
    broker: Broker, exporter: RunExporter, certificates: Certificates, tmp_path: Path
) -> None:
    file = tmp_path / "config.toml"
    first, second, nobody = free_port(), free_port(), free_port()
    with broker.vhosts(*BUSES), Tunnel(first, certificates) as tunnel:
        tables = (f'[[buses]]\nname = "{b}"\nurl = "{broker.url(vhost=b)}"\n' for b in BUSES)
        file.write_text("\n".join(tables))
        common = ("--config", str(file), "--instance", "i", "--process-id")
        there = ("--addresses", f"127.0.0.1:{tunnel.port};127.0.0.1:{second}")
        # The tunnel accepts its connection, and then has nobody to forward it to.
        two = exporter(None, *common, "1", *there, wait=False)
        assert two.wait(timeout=30) == 1
        (line,) = two.logged("the dataflow failed")
        assert "another process of the cluster has ended" in line["problem"]
        here = ("--addresses", f"127.0.0.1:{first};127.0.0.1:{nobody}")
        one = exporter(None, *common, "0", *here)
        assert not is_ready(one)
        at_work([one, two.start(wait=False)], buses=len(BUSES))
        assert tunnel.connections == 1
        send(broker, 20, BUSES)
        counted(broker, [one, two], 20, BUSES)
        assert all("level=warning" not in each.log() for each in (one, two))
