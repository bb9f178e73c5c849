"""The values: all are described and checked, and wrong ones are refused."""

import json
import re
from typing import Any

import pytest
import yaml

from dataflows.subsystems import OPTIONAL
from exporter import __version__
from exporter.logs import LogFormat, LogLevel
from exporter.settings import DETAILS, SINGLE_BUS, Settings, settings_of
from tests.chart import CHART, refusal, render
from tests.helm.readme import README, readme, values

BUS = "bus.url=amqp://pbx.example.com"
API, OWN = "bus.api.url=https://h/api", "bus.api.existingSecret=s"
SCHEMA: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
DEFAULTS: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))

# Settings that the chart itself sets, and settings for one start only.
OF_THE_CHART = {
    *("instance", "listen", "state_dir", "addresses", "process_id", "discard_state"),
    *("web_config_file", "web_open_health", "web_allow_reload"),
}


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ("bus.exchangeType=fanout", "one of '', 'topic', 'headers'"),
        ("bus.name=a b", "'/bus/name'"),
        ("bus.bindAll=maybe", "got string, want boolean"),
        ("bus.timezone=Europe Paris", "'/bus/timezone'"),
        ("bus.tls.ca=/etc/ssl/ca.pem", "BEGIN"),
        ("bus.secret=s3cret", "'secret' not allowed"),
        ("bus.api.services.ctid=https://h", "'ctid' not allowed"),
        ("bus.api.interval=5", "got 5, want 30"),
        ("bus.api.ca=/etc/ssl/ca.pem", "BEGIN"),
        ("bus.passwordKey=", "'/bus/passwordKey'"),
        ("buses[0].name=a", "missing property 'url'"),
        ("buses[0].url=amqp://a", "missing property 'name'"),
        ("settings.windows=5", "'/settings/windows'"),
        ("settings.windows=1 minute", "'/settings/windows'"),
        ("settings.details=queues", "'/settings/details'"),
        ("settings.subsystems=queue", "'/settings/subsystems'"),
        ("settings.subsystems={agents,bus}", "'/settings/subsystems/1'"),
        ("settings.subsystems=", "'/settings/subsystems'"),
        ("settings.max_series=0", "got 0, want 1"),
        ("settings.forget_origin=30", "'/settings/forget_origin'"),
        ("settings.stall_after=0", "'/settings/stall_after'"),
        ("settings.inbox_max_length=10", "got 10, want"),
        ("settings.log_level=trace", "'debug', 'info', 'warning', 'error'"),
        ("settings.state_dir=/tmp", "'state_dir' not allowed"),
        ("image.pullPolicy=Sometimes", "'Always', 'IfNotPresent', 'Never'"),
        ("image.digest=sha256:abc", "'/image/digest'"),
        ("image.repository=", "'/image/repository'"),
        ("fullnameOverride=Not_A_Name", "'/fullnameOverride'"),
        ("replicas=-1", "got -1, want 0"),
        ("replicas=two", "got string, want integer"),
        ("port=70000", "maximum"),
        ("web.tls=maybe", "got string, want boolean"),
        ("web.config=s", "'config' not allowed"),
        ("serviceMonitor.tlsConfig=ca.crt", "got string, want object"),
        ("podMonitor.basicAuth=prometheus", "got string, want object"),
        ("listenHost=pbx.example.com", "'/listenHost'"),
        ("persistence.size=big", "'/persistence/size'"),
        ("persistence.retention.whenDeleted=Forget", "'Retain', 'Delete'"),
        ("serviceMonitor.interval=often", "'/serviceMonitor/interval'"),
        ("podDisruptionBudget.maxUnavailable=half", "'/podDisruptionBudget/maxUnavailable'"),
        ("terminationGracePeriodSeconds=1", "got 1, want 5"),
        ("livenessProbe.httpGet.path=/", "'httpGet' not allowed"),
        ("extraArgs=--bind-all", "got string, want array"),
        ("tolerations.key=voice", "got object, want array"),
        ("dashboard.enabled=true", "'dashboard' not allowed"),
    ],
)
def test_a_wrong_value_is_refused_with_its_place_and_the_reason(value: str, error: str) -> None:
    # The last one has priority.
    said = refusal("--set", BUS, "--set", value)
    assert error in said
    assert "at '" in said


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ([], "Say which bus to read: --set bus.url=amqp://USER@HOST"),
        ([BUS, "buses[0].name=a,buses[0].url=amqp://a"], "either bus.url or buses"),
        (["buses[0].name=a,buses[0].url=amqp://a", "buses[1].name=a,buses[1].url=amqp://b"], "two"),
        ([BUS, "bus.password=a,bus.existingSecret=b"], "Set the password of the bus default in"),
        ([BUS, "bus.tls.existingSecret=b", "bus.tls.ca=-----BEGIN X-----"], "not in both"),
        ([BUS, "bus.api.username=u"], "needs a URL: set api.url"),
        ([BUS, API], "needs a user and a password, or a key file"),
        ([BUS, API, "bus.api.username=u"], "needs a user and a password, or a key file"),
        ([BUS, API, "bus.api.password=p"], "needs a user and a password, or a key file"),
        ([BUS, API, "bus.api.username=u,bus.api.password=p,bus.api.keyFile=k"], "not both"),
        (
            [BUS, API, "bus.api.username=u,bus.api.password=p", OWN, "bus.api.passwordKey=k"],
            "Set the api_password of the bus default in",
        ),
        ([BUS, "serviceMonitor.enabled=true,podMonitor.enabled=true"], "scraped twice"),
        ([BUS, "web.tlsSecret=s"], "web.tlsSecret needs web.configSecret"),
        ([BUS, "web.clientCertificates=true"], "web.clientCertificates needs TLS"),
        (
            [BUS, "web.configSecret=s,web.tls=false,web.clientCertificates=true"],
            "web.clientCertificates needs TLS",
        ),
    ],
)
def test_values_that_do_not_fit_together_are_refused(options: list[str], error: str) -> None:
    assert error in refusal(*(word for option in options for word in ("--set", option)))


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ("bus.url=s3cr8t", "must be amqp://user@host:port/vhost"),
        ("bus.url=http://user:s3cr8t@pbx.example.com", "must be amqp://user@host:port/vhost"),
        ("bus.url=amqp://", "must be amqp://user@host:port/vhost"),
        ("bus.url=amqp://user:s3;cr8t@pbx.example.com", "write ; as %3B"),
        ("bus.url=amqp://user:s3 cr8t@pbx.example.com", "a space as %20"),
        ("bus.url=amqp://user:s3/cr8t@pbx.example.com", "write / as %2F"),
        ("bus.url=amqp://user:@/s3@cr8t@pbx.example.com", "write / as %2F"),
        ("buses[0].name=a,buses[0].url=amqp://u:s3cr8t@a", "bus a must not contain a password"),
        (f"{BUS},bus.api.url=https://u:s3cr8t@h/api", "without user and password"),
        (f"{BUS},bus.api.services.amid=https://u:s3cr8t@h", "without user and password"),
        (f"{BUS},bus.api.url=ftp://s3cr8t", "must be https://host/api"),
        (f"{BUS},bus.api.password.s3=cr8t", "at '/bus/api/password': got object, want string"),
        (f"{BUS},bus.tls.cert=-----BEGIN X-----,bus.tls.key=s3cr8t", "is not PEM"),
        (f"{BUS},bus.password.s3=cr8t", "at '/bus/password': got object, want string"),
    ],
)
def test_a_wrong_secret_is_refused_and_never_quoted(value: str, error: str) -> None:
    said = refusal("--set", value)
    assert error in said
    assert not re.search("s3|cr8t", said)


def test_a_url_is_enough() -> None:
    kinds = [each["kind"] for each in render("--set", BUS)]
    assert sorted(kinds) == [
        *("ConfigMap", "NetworkPolicy", "Secret", "Service", "ServiceAccount", "StatefulSet"),
    ]


def test_the_schema_has_exactly_the_values() -> None:
    assert SCHEMA["properties"].keys() - {"global"} == DEFAULTS.keys()
    for name, default in DEFAULTS.items():
        known = _resolved(SCHEMA["properties"][name])
        # Values of Kubernetes and of the program have more fields than their defaults.
        if known.get("additionalProperties") is False and default and name not in _OPEN:
            assert known["properties"].keys() == default.keys(), name


_OPEN = {"settings", "livenessProbe", "readinessProbe", "resources"}


def _resolved(schema: dict[str, Any]) -> dict[str, Any]:
    reference = schema.get("$ref", "").rpartition("/")[2]
    found: dict[str, Any] = SCHEMA["$defs"][reference] if reference else schema
    return found


def test_the_schema_has_every_setting_of_the_program_with_its_bounds() -> None:
    ours = {n: f for n, f in settings_of(Settings).items() if n not in OF_THE_CHART | {*SINGLE_BUS}}
    known = SCHEMA["properties"]["settings"]["properties"]
    assert known.keys() == ours.keys()
    for name, field in ours.items():
        for bound in field.metadata:
            for ours_is, schema_is in (("ge", "minimum"), ("le", "maximum")):
                if hasattr(bound, ours_is):
                    assert known[name][schema_is] == getattr(bound, ours_is), name
    for name, words in (("details", DETAILS), ("subsystems", OPTIONAL)):
        text, each = known[name]["anyOf"]
        assert each["items"]["enum"] == [*words]
        assert text["pattern"] == "^({0})(,({0}))*$".format("|".join(words))
    assert known["log_level"]["enum"] == [*LogLevel]
    assert known["log_format"]["enum"] == [*LogFormat]


def test_every_value_is_described() -> None:
    described = {value.path for value in values()}

    def undescribed(node: object, path: str) -> list[str]:
        if path in described:
            return []
        if not isinstance(node, dict) or not node:
            return [path]
        return [p for k, v in node.items() for p in undescribed(v, f"{path}.{k}".lstrip("."))]

    assert undescribed(DEFAULTS, "") == []


def test_the_readme_is_up_to_date() -> None:
    assert (CHART / README).read_text(encoding="utf-8") == readme(), "python -m tests.helm"


def test_the_chart_has_the_version_of_the_program() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))
    assert chart["version"] == chart["appVersion"] == __version__
