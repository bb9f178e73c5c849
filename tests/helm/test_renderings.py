"""The renderings of the chart: reviewed, valid for Kubernetes, hardened and minimal."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest

from tests.chart import CHART, Manifest, container, helm, of_kind, render, the
from tests.helm.golden import MATRIX, golden_of, rendering

CUSTOM = "monitoring.coreos.com/v1"
# The oldest version that Chart.yaml allows, one between, and the newest known one.
VERSIONS = ("1.27", "1.31", kubernetes_validate.latest_version())
BUS = ("--set", "bus.url=amqp://pbx.example.com")
CUSTOM_OBJECTS = (
    *("--set", "serviceMonitor.enabled=true", "--set", "prometheusRule.enabled=true"),
    *("--set", "dashboards.enabled=true"),
)

matrix = pytest.mark.parametrize("values", MATRIX, ids=lambda values: values.stem)


@matrix
def test_the_rendering_is_the_one_that_was_reviewed(values: Path) -> None:
    assert rendering(values) == golden_of(values).read_text(encoding="utf-8"), (
        "python -m tests.helm writes them"
    )


@matrix
def test_lint_finds_nothing(values: Path) -> None:
    done = helm("lint", "--strict", CHART, "--values", values)
    assert done.returncode == 0, done.stdout + done.stderr


@matrix
def test_old_and_new_versions_of_kubernetes_accept_every_object(values: Path) -> None:
    ours = [each for each in render("--values", values) if each["apiVersion"] != CUSTOM]
    assert {"StatefulSet", "Service", "ConfigMap"} <= {each["kind"] for each in ours}
    for version in VERSIONS:
        for manifest in ours:
            kubernetes_validate.validate(manifest, version, strict=True)


@pytest.mark.parametrize(
    "options", [*(("--values", values) for values in MATRIX), (*BUS, *CUSTOM_OBJECTS)]
)
def test_the_prometheus_operator_accepts_its_objects(options: tuple[str | Path, ...]) -> None:
    for manifest in render(*options):
        if manifest["apiVersion"] == CUSTOM:
            jsonschema.Draft202012Validator(_custom(manifest["kind"])).validate(manifest)


def _custom(kind: str) -> dict[str, Any]:
    """Return the schema of version 0.93 of the operator, with unknown fields as errors."""
    text = (Path(__file__).parent / "crds" / f"{kind}.json").read_text(encoding="utf-8")

    def strict(node: dict[str, Any]) -> dict[str, Any]:
        if "properties" in node:
            node.setdefault("additionalProperties", False)
        return node

    schema: dict[str, Any] = json.loads(text, object_hook=strict)
    return schema


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("serviceMonitor.enabled", "ServiceMonitor"),
        ("podMonitor.enabled", "PodMonitor"),
        ("prometheusRule.enabled", "PrometheusRule"),
        ("podDisruptionBudget.enabled", "PodDisruptionBudget"),
        ("networkPolicy.enabled", "NetworkPolicy"),
        ("serviceAccount.create", "ServiceAccount"),
    ],
)
def test_an_object_is_created_only_if_it_is_enabled(value: str, kind: str) -> None:
    assert len(of_kind(render(*BUS, "--set", f"{value}=true"), kind)) == 1
    assert not of_kind(render(*BUS, "--set", f"{value}=false"), kind)


@matrix
def test_the_pods_are_restricted(values: Path) -> None:
    manifests = render("--values", values)
    pod = the(manifests, "StatefulSet")["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container(manifests)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


@matrix
def test_secret_values_are_only_in_secrets(values: Path) -> None:
    manifests = render("--values", values)
    secrets = [
        value
        for secret in of_kind(manifests, "Secret")
        for value in secret["stringData"].values()
        if "@localhost" not in value
    ]
    others = json.dumps([each for each in manifests if each["kind"] != "Secret"])
    for value in secrets:
        assert json.dumps(value)[1:-1] not in others


def test_every_mount_has_a_volume() -> None:
    for values in MATRIX:
        manifests = render("--values", values)
        stateful = the(manifests, "StatefulSet")["spec"]
        volumes = {each["name"] for each in stateful["template"]["spec"]["volumes"]}
        volumes |= {each["metadata"]["name"] for each in stateful.get("volumeClaimTemplates", [])}
        assert {each["name"] for each in container(manifests)["volumeMounts"]} == volumes


def test_other_settings_replace_the_pods_and_another_password_does_not() -> None:
    def pods(*options: str) -> Mapping[str, str]:
        manifests = render(*BUS, *options)
        annotations: Mapping[str, str] = the(manifests, "StatefulSet")["spec"]["template"][
            "metadata"
        ]["annotations"]
        return annotations

    assert pods() == pods()
    assert pods("--set", "settings.max_series=5") != pods()
    urls = [
        "amqp://other.example.com",
        "amqps://pbx.example.com",
        "amqp://pbx.example.com:5673",
        "amqp://pbx.example.com/vhost",
        "amqp://user@pbx.example.com",
        "amqp://user@pbx.example.com;amqp://user@other.example.com",
    ]
    sums = [pods("--set", f"bus.url={url}")["checksum/settings"] for url in urls]
    assert len({pods()["checksum/settings"], *sums}) == 1 + len(urls)
    password = "bus.password=first"
    # Because the password is read at every connection.
    assert pods("--set", "bus.password=second") == pods("--set", password)


def _of(**bus: object) -> dict[str, object]:
    return {"bus": {"url": "amqp://user@pbx.example.com", **bus}}


@pytest.mark.parametrize(
    "values",
    [
        _of(url="amqp://user:PASSWORD@pbx.example.com"),
        _of(url="amqp://user:PASSWORD@pbx.example.com:5673/vhost"),
        _of(
            url="amqp://a:PASSWORD@a.example.com;amqp://b@b.example.com;amqp://:PASSWORD@[::1]:1/v"
        ),
        _of(url="amqp://user@domain:PASSWORD@pbx.example.com"),
        _of(password="PASSWORD"),
        _of(tls={"cert": "-----BEGIN CERTIFICATE-----", "key": "-----BEGIN KEY-----\nPASSWORD"}),
        {"buses": [{"name": "a", "url": "amqp://user@a.example.com", "password": "PASSWORD"}]},
    ],
)
def test_a_password_changes_nothing_but_the_secret(
    values: dict[str, object], tmp_path: Path
) -> None:
    def rendered(password: str) -> tuple[list[Manifest], str]:
        file = tmp_path / "values.yaml"
        everything = values | {
            name: {"enabled": True}
            for name in ("serviceMonitor", "prometheusRule", "dashboards", "podDisruptionBudget")
        }
        file.write_text(json.dumps(everything).replace("PASSWORD", password), encoding="utf-8")
        others = [each for each in render("--values", file) if each["kind"] != "Secret"]
        return others, _notes("--values", file)

    first = rendered("first")
    assert len(first[0]) > 8
    for password in ("second", "5673", "a:b@c:1", "?#%2F=&", "%40:x:", "-"):
        assert rendered(password) == first


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ("", "http"),
        ("web.configSecret=s", "HTTPS"),
        ("web.configSecret=s,web.tls=false", "http"),
        ("web.configSecret=s,web.openHealth=false", "https://127.0.0.1:10495"),
        ("web.configSecret=s,web.clientCertificates=true", "https://127.0.0.1:10495"),
        (
            "web.configSecret=s,web.tls=false,web.openHealth=false,listenHost=::,port=80",
            "http://[::1]:80",
        ),
        (
            "web.configSecret=s,web.openHealth=false,listenHost=192.0.2.1",
            "https://192.0.2.1:10495",
        ),
        ("web.allowReload=true", "http"),
    ],
)
def test_the_kubelet_can_probe_with_every_kind_of_access(values: str, expected: str) -> None:
    for name in ("livenessProbe", "readinessProbe"):
        probe = container(render(*BUS, "--set", values))[name]
        if "exec" in probe:
            *_, check, url = probe["exec"]["command"]
            assert check in (CHART.parent / "Containerfile").read_text(encoding="utf-8")
            assert url == expected
        else:
            assert probe["httpGet"].get("scheme", "http") == expected


def test_two_releases_never_share_an_inbox() -> None:
    def inbox(release: str, namespace: str) -> str:
        done = helm("template", release, CHART, "--namespace", namespace, *BUS)
        return next(line for line in done.stdout.splitlines() if "instance = " in line)

    assert len({inbox("a", "x"), inbox("b", "x"), inbox("a", "y")}) == 3


def test_the_longest_names_still_fit() -> None:
    done = helm("template", "r" * 53, CHART, "--namespace", "n" * 63, *BUS)
    assert done.returncode == 0, done.stderr
    assert f"  name: {'r' * 52}\n" in done.stdout


def test_the_oldest_version_is_the_one_that_is_tested() -> None:
    assert f'kubeVersion: ">={VERSIONS[0]}.0-0"' in (CHART / "Chart.yaml").read_text()


def test_fields_that_cannot_change_do_not_contain_the_version() -> None:
    manifests: list[Manifest] = render(*BUS)
    fixed = the(manifests, "StatefulSet")["spec"]
    version = manifests[0]["metadata"]["labels"]["app.kubernetes.io/version"]
    for part in ("selector", "serviceName", "podManagementPolicy", "volumeClaimTemplates"):
        assert version not in json.dumps(fixed[part])


@pytest.mark.parametrize(
    ("values", "note"),
    [
        ([], "neither user nor password"),
        ([], "Nothing scrapes it yet"),
        (["persistence.enabled=false"], "its state is lost when the pod"),
        (["replicas=2"], "There are more pods than buses"),
        (["web.configSecret=s,serviceMonitor.enabled=true"], "Set tlsConfig of the monitor"),
    ],
)
def test_the_notes_warn_of_probable_mistakes(values: list[str], note: str) -> None:
    assert note in _notes(*BUS, *(word for value in values for word in ("--set", value)))
    assert note not in _notes("--values", MATRIX[0])


def _notes(*options: str | Path) -> str:
    done = helm("install", "pbx", CHART, "--dry-run=client", *options)
    assert done.returncode == 0, done.stderr
    return done.stdout.partition("NOTES:")[2]
