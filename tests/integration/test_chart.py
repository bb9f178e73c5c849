"""The pods of the chart: what it renders starts the program, against a real broker."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from tests.certificates import Certificates
from tests.chart import Manifest, render, the
from tests.integration.bus import chats, connected, count_of, own, processed, publish, publish_chats
from tests.pod import Pod
from tests.servers import Broker
from tests.support import eventually, free_port

OTHER_ORIGIN = "0b57b8e9-c2c8-5fad-ba1b-c3140ebb9be3"
SECRET = "p\"a\\s's: {{ word }}"
OURS = r"^xivo-exporter\."

StartPod = Callable[..., Pod]


@pytest.fixture
def pod(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StartPod]:
    """A function that starts a pod of these manifests."""
    pods: list[Pod] = []

    def start(manifests: list[Manifest], ordinal: int) -> Pod:
        pods.append(Pod(manifests, ordinal, tmp_path / f"pod-{ordinal}"))
        pods[-1].start()
        return pods[-1]

    yield start
    for each in pods:
        each.close()
        request.node.add_report_section("teardown", "log of a pod", each.log())


@pytest.fixture
def reader(broker: Broker) -> str:
    """A user with the rights of the documents."""
    broker.declare_exchange("xivo")
    broker.declare_exchange("other")
    exchanges = r"^(xivo-exporter\..*|xivo|other)$"
    broker.add_user("reader", SECRET, configure=OURS, write=OURS, read=exchanges)
    return "reader"


def rendered(folder: Path, values: Manifest, *more: Manifest) -> list[Manifest]:
    """Render the chart with these values, and put Secrets of the user's own beside it."""
    file = folder / "values.yaml"
    file.write_text(yaml.safe_dump(values))
    return [*render("--values", file), *more]


def test_a_pod_runs_by_its_manifest_alone_and_goes_on_in_the_next_pod(
    broker: Broker, reader: str, certificates: Certificates, pod: StartPod, tmp_path: Path
) -> None:
    values = {
        "port": free_port(),
        "settings": {"windows": ["30s"], "max_series": 200000, "stall_after": 2.5},
        "bus": {
            "url": broker.tls_url(user=reader).replace(":guest@", "@"),
            "existingSecret": "own",
            "timezone": "Europe/Paris",
            "tls": {"ca": certificates.ca.read_text()},
        },
    }
    own_secret = {
        "kind": "Secret",
        "metadata": {"name": "own"},
        "stringData": {"password": f"{SECRET}\n"},
    }
    manifests = rendered(tmp_path, values, own_secret)
    first = pod(manifests, 0)
    eventually(lambda: first.probe("livenessProbe") == 200, what="it is alive")
    connected(first)
    assert first.probe("readinessProbe") == 200
    publish_chats(broker, 0, 50)
    before = processed(first, 50)
    assert any(dict(labels).get("window") == "30s" for _, labels in before)
    grace = the(manifests, "StatefulSet")["spec"]["template"]["spec"][
        "terminationGracePeriodSeconds"
    ]
    assert first.terminate(timeout=grace) == 0
    publish_chats(broker, 0, 10)
    # The root of the volume is as a kubelet leaves it; the directory in it is the exporter's own.
    state = tmp_path / "pod-0" / "state"
    assert state.stat().st_mode & 0o7777 == 0o2775
    assert (state / "xivo-exporter").stat().st_mode & 0o777 == 0o700
    again = connected(first.start())
    # The bookmark is redelivered.
    samples = processed(again, 61)
    assert count_of(samples, "xivo_chat_messages_total") == 60
    assert own(samples, "bus_gaps_total") == 0
    assert [*broker.queues()] == ["xivo-exporter.monitoring-pbx-xivo-exporter.default"]


def test_access_that_a_kubelet_gives_to_the_group_at_each_mount_is_refused(
    pod: StartPod, tmp_path: Path
) -> None:
    values = {
        "port": free_port(),
        "bus": {"url": f"amqp://127.0.0.1:{free_port()}"},
        "podSecurityContext": {"fsGroupChangePolicy": "Always"},
    }
    first = pod(rendered(tmp_path, values), 0)
    assert first.terminate(timeout=10) == 0
    first.start(wait=False)
    assert first.wait() == 1
    place = tmp_path / "pod-0" / "state" / "xivo-exporter"
    assert f"other users have access to {place} (mode 2770)" in first.log()


def test_a_broker_that_refuses_keeps_the_pod_alive_and_not_ready(
    broker: Broker, reader: str, pod: StartPod, tmp_path: Path
) -> None:
    url = broker.url(user=reader, password="wrong")
    first = pod(rendered(tmp_path, {"port": free_port(), "bus": {"url": url}}), 0)
    eventually(lambda: first.logged("cannot connect, retrying"), what="it is refused")
    assert first.probe("readinessProbe") == 503
    assert first.probe("livenessProbe") == 200


def test_two_pods_are_a_cluster_that_stands_up_again_and_lets_itself_be_upgraded(
    broker: Broker, reader: str, pod: StartPod, tmp_path: Path
) -> None:
    url = broker.url(user=reader).replace(":guest@", "@")
    values = {
        "replicas": 2,
        "port": free_port(),
        "clusterPort": free_port(),
        "buses": [
            {"name": "paris", "url": url, "password": SECRET},
            {"name": "lyon", "url": url, "password": SECRET, "exchange": "other"},
        ],
    }
    manifests = rendered(tmp_path, values)
    second = pod(manifests, 1)
    # An upgrade waits for this before it replaces the first.
    eventually(lambda: second.probe("readinessProbe") == 200, what="it lets the upgrade go on")
    assert second.get("/-/ready").status == 503
    pods = [pod(manifests, 0), second]
    _ready(pods)
    publish(broker, "xivo", chats(0, 30))
    publish(broker, "other", chats(0, 30, OTHER_ORIGIN))
    _counted(pods, 60)
    # One dies: the kubelet starts anew whatever has ended.
    second.kill()
    assert pods[0].wait() != 0
    for each in pods:
        each.start()
    _ready(pods)
    publish_chats(broker, 0, 5)
    _counted(pods, 65)


def _ready(pods: list[Pod]) -> None:
    eventually(
        lambda: all(each.get("/-/ready").status == 200 for each in pods),
        timeout=30,
        what=lambda: f"the cluster is ready; {[each.log()[-1000:] for each in pods]}",
    )


def _counted(pods: list[Pod], count: int) -> None:
    def total() -> float:
        series = [each for pod in pods for each in pod.samples().items()]
        return sum(value for (name, _), value in series if name == "xivo_chat_messages_total")

    eventually(
        lambda: total() == count,
        timeout=30,
        what=lambda: f"{count} messages, counted by both together; now {total()}",
    )
