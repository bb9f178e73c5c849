"""The stack in containers: what its files say of each other is true."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from pathlib import PurePosixPath
from typing import Any

import jsonschema
import pytest
import yaml

from exporter.commands.command_line import parse
from exporter.settings import Demo, Settings
from scripts import webhook
from tests.support import REPOSITORY

COMPOSE: dict[str, Any] = yaml.safe_load((REPOSITORY / "compose.yaml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]

each_service = pytest.mark.parametrize("name", SERVICES)


def mounts(name: str) -> dict[str, str]:
    """Give the paths in a container and what of the repository is there."""
    volumes = [volume.split(":") for volume in SERVICES[name].get("volumes", ())]
    assert all(mode == "ro" for _, _, mode in volumes)
    return {inside: outside for outside, inside, _ in volumes}


def config(path: str) -> Any:  # noqa: ANN401 -- YAML
    return yaml.safe_load((REPOSITORY / path).read_text())


def test_the_file_is_as_the_specification_of_compose_says() -> None:
    schema = json.loads(
        files("check_jsonschema").joinpath("builtin_schemas/vendor/compose-spec.json").read_text()
    )
    validator = jsonschema.Draft202012Validator(schema)
    validator.validate(COMPOSE)
    # It would notice a mistake.
    assert not validator.is_valid({**COMPOSE, "services": {"exporter": {"runs": ["run"]}}})


@each_service
def test_what_a_container_mounts_exists(name: str) -> None:
    for outside in mounts(name).values():
        assert (REPOSITORY / outside).exists(), outside


@each_service
def test_ports_are_published_on_loopback_only(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", ()))


@each_service
def test_images_are_of_one_version(name: str) -> None:
    image = SERVICES[name]["image"]
    assert re.search(r":v?\d+\.\d+", image) or "build" in SERVICES[name]


def test_prometheus_asks_containers_for_metrics_and_tells_one_of_alerts() -> None:
    told = config(mounts("prometheus")["/etc/prometheus/prometheus.yml"])
    assert {host(each) for each in told["scrape_configs"]} == {("exporter", "demo")}
    assert {host(each) for each in told["alerting"]["alertmanagers"]} == {("alertmanager",)}
    assert {"exporter", "demo", "alertmanager"} <= SERVICES.keys()
    (rules,) = told["rule_files"]
    assert rules.removesuffix("/*.yaml") in mounts("prometheus")


def host(targets: dict[str, Any]) -> tuple[str, ...]:
    (static,) = targets["static_configs"]
    return tuple(target.partition(":")[0] for target in static["targets"])


def test_alertmanager_sends_to_the_printer_in_its_own_network() -> None:
    (receiver,) = config(mounts("alertmanager")["/etc/alertmanager/alertmanager.yml"])["receivers"]
    (target,) = receiver["webhook_configs"]
    assert target["url"] == f"http://127.0.0.1:{webhook.PORT}/"
    assert SERVICES["webhook"]["network_mode"] == "service:alertmanager"


def test_the_broker_knows_the_user_of_the_exporter_and_has_its_exchange() -> None:
    loaded = config(mounts("rabbitmq")["/etc/rabbitmq/conf.d/20-stack.conf"]).split(" = ")[-1]
    definitions = json.loads((REPOSITORY / mounts("rabbitmq")[loaded]).read_text())
    (user,) = definitions["users"]
    url = SERVICES["exporter"]["environment"]["XIVO_EXPORTER_BUS_URL"]
    assert url == f"amqp://{user['name']}:{user['password']}@rabbitmq"
    assert {"xivo", "wazo-headers"} == {each["name"] for each in definitions["exchanges"]}


@pytest.mark.usefixtures("no_settings_of_the_developer")
@pytest.mark.parametrize(("name", "kind"), [("exporter", Settings), ("demo", Demo)])
def test_the_exporter_accepts_its_commands_and_settings(
    name: str, kind: type[Settings | Demo], monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in SERVICES[name]["environment"].items():
        monkeypatch.setenv(variable, value)
    settings = parse(SERVICES[name]["command"])
    assert isinstance(settings, kind)
    # Prometheus reaches it from another container.
    assert settings.listen == ("0.0.0.0", 10495)  # noqa: S104 -- inside of the container


def test_grafana_begins_with_the_overview() -> None:
    home = SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    path = PurePosixPath(home)
    outside = REPOSITORY / mounts("grafana")[f"{path.parent}"] / path.name
    assert json.loads(outside.read_text())["title"] == "XiVO: Overview"


def test_grafana_finds_prometheus_and_the_dashboards() -> None:
    inside = mounts("grafana")
    provisioned = "/etc/grafana/provisioning"
    (source,) = config(inside[f"{provisioned}/datasources/stack.yaml"])["datasources"]
    assert source["url"] == "http://prometheus:9090"
    (provider,) = config(inside[f"{provisioned}/dashboards/stack.yaml"])["providers"]
    assert inside[provider["options"]["path"]] == "./dashboards"
