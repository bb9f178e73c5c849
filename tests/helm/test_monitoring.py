"""The chart contains the rules and dashboards of the repository."""

import json
import subprocess
from pathlib import Path
from typing import Any

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


def groups_of(*options: str) -> Any:  # noqa: ANN401 -- YAML
    rule = the(render(*BUS, "--set", "prometheusRule.enabled=true", *options), "PrometheusRule")
    return rule["spec"]["groups"]


def test_the_rule_of_the_operator_has_all_rules() -> None:
    files = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in RULES]
    assert groups_of() == [group for file in files for group in file["groups"]]
    assert groups_of()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ((), 1),
        (("--set", "replicas=3"), 3),
        (("--set", "replicas=3", "--set", "prometheusRule.expectedExporters=4"), 4),
    ],
)
def test_as_many_exporters_are_expected_as_there_are_replicas(
    options: tuple[str, ...], expected: int
) -> None:
    rules = [rule for group in groups_of(*options) for rule in group["rules"]]
    found = [rule["expr"] for rule in rules if rule.get("record") == "xivo:exporters:expected"]
    assert found == [f"vector({expected})"]


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


@pytest.mark.parametrize(("language", "folder"), [("en", ""), ("fr", "fr")])
def test_every_dashboard_has_its_own_config_map(language: str, folder: str) -> None:
    options = (
        *("dashboards.enabled=true", "dashboards.namespace=grafana"),
        f"dashboards.language={language}",
    )
    manifests = render(*BUS, *(word for option in options for word in ("--set", option)))
    maps = [each for each in of_kind(manifests, "ConfigMap") if "config.toml" not in each["data"]]
    assert DASHBOARDS
    assert len({each["metadata"]["name"] for each in maps}) == len(DASHBOARDS)
    for english, found in zip(DASHBOARDS, maps, strict=True):
        path = english.parent / folder / english.name
        ((name, text),) = found["data"].items()
        assert name == f"xivo-exporter-{path.name}"
        assert json.loads(text) == json.loads(path.read_text(encoding="utf-8"))
        assert len(text.encode()) < MAX_BYTES
        assert found["metadata"]["namespace"] == "grafana"
        assert found["metadata"]["labels"]["grafana_dashboard"] == "1"
