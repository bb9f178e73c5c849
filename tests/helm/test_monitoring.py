"""The chart contains the rules and dashboards of the repository, unchanged."""

import json
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.chart import of_kind, render, the
from tests.support import REPOSITORY, missing
from tests.support import promtool as find_promtool

BUS = ("--set", "bus.url=amqp://pbx.example.com")
DASHBOARDS = sorted((REPOSITORY / "dashboards").glob("*.json"))
RULES = sorted((REPOSITORY / "dashboards" / "alerts").glob("*.yaml"))

# The limit of Kubernetes for a ConfigMap.
MAX_BYTES = 1024 * 1024


def test_the_rule_of_the_operator_has_all_rules() -> None:
    groups = the(render(*BUS, "--set", "prometheusRule.enabled=true"), "PrometheusRule")["spec"]
    files = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in RULES]
    assert groups["groups"] == [group for file in files for group in file["groups"]]
    assert groups["groups"]


@pytest.mark.promtool
def test_prometheus_accepts_the_rules_of_the_operator(tmp_path: Path) -> None:
    promtool = find_promtool() or missing("promtool", "apt-get install prometheus")
    rule = the(render(*BUS, "--set", "prometheusRule.enabled=true"), "PrometheusRule")
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump(rule["spec"]))
    done = subprocess.run(
        [promtool, "check", "rules", file], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "SUCCESS" in done.stdout


def test_every_dashboard_has_its_own_config_map() -> None:
    options = ("dashboards.enabled=true", "dashboards.namespace=grafana")
    manifests = render(*BUS, *(word for option in options for word in ("--set", option)))
    maps = [each for each in of_kind(manifests, "ConfigMap") if "settings.toml" not in each["data"]]
    assert DASHBOARDS
    assert len({each["metadata"]["name"] for each in maps}) == len(DASHBOARDS)
    for path, found in zip(DASHBOARDS, maps, strict=True):
        ((name, text),) = found["data"].items()
        assert name == f"xivo-exporter-{path.name}"
        assert json.loads(text) == json.loads(path.read_text(encoding="utf-8"))
        assert len(text.encode()) < MAX_BYTES
        assert found["metadata"]["namespace"] == "grafana"
        assert found["metadata"]["labels"]["grafana_dashboard"] == "1"
