"""A standby is no problem while another exporter of its job reads the bus."""

import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from tests.dashboards.grafana import Choices, panel
from tests.support import missing, promtool

pytestmark = pytest.mark.promtool


class Exporter(NamedTuple):
    """What an exporter shows of its only bus."""

    connected: int
    standby: int
    job: str = "xivo"


READER, STANDBY, CUT_OFF = Exporter(1, 0), Exporter(0, 1), Exporter(0, 0)
OF_ANOTHER_JOB = Exporter(1, 0, "other")


@pytest.mark.parametrize(
    ("exporters", "chosen", "disconnected"),
    [
        ([READER, STANDBY], ".+", 0),
        # The reader is not selected.
        ([READER, STANDBY], "1", 0),
        ([READER, CUT_OFF], ".+", 1),
        ([READER, CUT_OFF, STANDBY], ".+", 1),
        ([STANDBY, STANDBY], ".+", 2),
        ([OF_ANOTHER_JOB, STANDBY], ".+", 1),
    ],
)
def test_a_standby_counts_as_disconnected_only_if_no_exporter_reads_its_bus(
    exporters: list[Exporter], chosen: str, disconnected: int, tmp_path: Path
) -> None:
    queries = [
        (panel("exporter", "Buses disconnected"), Choices({"instance": chosen})),
        (panel("overview", "Exporter problems"), Choices()),
    ]
    series: list[Any] = []
    for number, exporter in enumerate(exporters):
        target = f'job="{exporter.job}",instance="{number}"'
        for metric, value in (
            (f'xivo_exporter_bus_connected{{bus="default",{target}}}', exporter.connected),
            (f'xivo_exporter_bus_standby{{bus="default",{target}}}', exporter.standby),
            (f"xivo_exporter_stalled{{{target}}}", 0),
        ):
            series.append({"series": metric, "values": f"{value}"})
    expected = [
        {
            "expr": choices.spell(shown.queries[0]["expr"]),
            "eval_time": "0m",
            "exp_samples": [{"labels": "{}", "value": disconnected}],
        }
        for shown, choices in queries
    ]
    file = tmp_path / "test.yaml"
    file.write_text(
        yaml.safe_dump({"tests": [{"input_series": series, "promql_expr_test": expected}]})
    )
    tool = promtool() or missing("promtool", "apt-get install prometheus")
    done = subprocess.run(
        [tool, "test", "rules", file], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
