"""Prometheus reads the same from the exporter with every protocol of scraping that it knows."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.dashboards.prometheus import Prometheus
from tests.integration.bus import Wire, chat, connected, event, processed, publish
from tests.integration.conftest import RunExporter
from tests.servers import Broker

pytestmark = [pytest.mark.promtool, pytest.mark.usefixtures("with_exchange")]

DEFAULT = "its own choice"
PROTOCOLS = (
    *("PrometheusProto", "OpenMetricsText1.0.0", "OpenMetricsText0.0.1"),
    *("PrometheusText1.0.0", "PrometheusText0.0.4"),
)


def is_known(protocol: str, promtool: Path, directory: Path) -> bool:
    """Whether this Prometheus lets one choose a protocol: before 2.49 there was no choice."""
    scrape = {"job_name": "any", "scrape_protocols": [protocol]}
    configuration = directory / "any.yml"
    configuration.write_text(json.dumps({"scrape_configs": [scrape]}))
    check = (promtool, "check", "config", "--syntax-only", configuration)
    return subprocess.run(check, capture_output=True, check=False).returncode == 0


def test_all_protocols_show_the_same_series_with_the_same_values(
    broker: Broker, exporter: RunExporter, promtool: Path, tmp_path: Path
) -> None:
    program = connected(exporter(broker.url(), "--instance", "i"))
    service = {"service_name": 'a "service" \\ \N{SNOWMAN}\n', "service_id": "1", "tags": []}
    gone = event("service_deregistered_event", service)
    publish(broker, "xivo", [Wire(chat()), Wire(gone, "service.deregistered.a")])
    processed(program, 2)
    known = [each for each in PROTOCOLS if is_known(each, promtool, tmp_path)]
    jobs = {job: [program.address[1]] for job in (DEFAULT, *known)}
    further = {each: {"scrape_protocols": [each]} for each in known}
    with Prometheus(tmp_path, jobs, further=further) as prometheus:
        shown = {
            job: {
                tuple(sorted(set(each.labels.items()) - {("job", job)})): each.value
                for each in prometheus.query(
                    f'{{job="{job}", __name__=~"xivo_.*", __name__!~"xivo_exporter_.*"}}'
                )
            }
            for job in jobs
        }
    assert len(shown[DEFAULT]) > 2
    for job in known:
        assert shown[job] == shown[DEFAULT], job
