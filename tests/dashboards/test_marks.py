"""When the graphs have a mark, as promtool computes it."""

import subprocess
from pathlib import Path

import pytest
import yaml

from tests.dashboards.grafana import Choices, load
from tests.support import missing, promtool

pytestmark = pytest.mark.promtool

INFO = 'xivo_origin_info{origin_uuid="u-1",bus="b",server="Paris"%s}'
KNOWN = 'xivo_state_known{origin_uuid="u-1",subsystem="queues"%s}'
GAP = 'xivo_exporter_bus_last_gap_timestamp_seconds{bus="%s",instance="1"}'
ONE, OTHER = ',instance="1"', ',instance="2"'


@pytest.mark.parametrize(
    ("name", "series", "marks"),
    [
        (
            "Numbers not complete any more",
            {KNOWN % ONE: "1 0", INFO % ONE: "1 1"},
            {'{origin_uuid="u-1",server="Paris",subsystem="queues"}': 1},
        ),
        # One of two replicas still knows all.
        (
            "Numbers not complete any more",
            {KNOWN % ONE: "1 0", KNOWN % OTHER: "1 1", INFO % ONE: "1 1", INFO % OTHER: "1 1"},
            {},
        ),
        # A server without an API is never complete, and that is no event.
        ("Numbers not complete any more", {KNOWN % ONE: "0 0", INFO % ONE: "1 1"}, {}),
        ("Events missed", {GAP % "b": "0 60", INFO % ONE: "1 1"}, {'{bus="b",instance="1"}': 60e3}),
        ("Events missed", {GAP % "b": "0 0", INFO % ONE: "1 1"}, {}),
        # A bus of none of the selected servers.
        ("Events missed", {GAP % "another": "0 60", INFO % ONE: "1 1"}, {}),
        (
            "Exporter started",
            {'xivo_exporter_start_timestamp_seconds{job="x",instance="1"}': "30 30"},
            {'{instance="1"}': 30e3},
        ),
    ],
    ids=["lost", "known-by-one", "never-known", "gap", "no-gap", "other-bus", "start"],
)
def test_a_mark_stands_where_something_happened(
    name: str, series: dict[str, str], marks: dict[str, float], tmp_path: Path
) -> None:
    (mark,) = (each for each in load("overview")["annotations"]["list"] if each["name"] == name)
    test = {
        "interval": "1m",
        "input_series": [{"series": key, "values": each} for key, each in series.items()],
        "promql_expr_test": [
            {
                "expr": Choices().spell(mark["expr"]),
                "eval_time": "1m",
                "exp_samples": [{"labels": key, "value": each} for key, each in marks.items()],
            }
        ],
    }
    file = tmp_path / "test.yaml"
    file.write_text(yaml.safe_dump({"tests": [test]}))
    tool = promtool() or missing("promtool", "apt-get install prometheus")
    done = subprocess.run(
        [tool, "test", "rules", file], check=False, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
