"""How a process learns which one of a cluster it is."""

import sys
from pathlib import Path
from typing import Any

import pytest

from exporter.engine.cluster import Cluster, cluster_of
from exporter.settings import Settings, SettingsError, load

TWO = "a:1;b:2"


def told_or_alone(
    host: str = "host",
    environment: dict[str, str] | None = None,
    **flags: Any,  # noqa: ANN401 -- settings
) -> Cluster | None:
    settings = load(Settings, {"instance": "i", **flags}, {})
    return cluster_of(settings, environment or {}, host)


def told(*arguments: Any, **more: Any) -> Cluster:  # noqa: ANN401 -- as above
    cluster = told_or_alone(*arguments, **more)
    assert cluster is not None
    return cluster


def test_a_process_is_alone_unless_it_is_told() -> None:
    assert told_or_alone() is None
    assert told_or_alone("pod-1") is None


def test_settings_tell() -> None:
    assert told(process_id=1, addresses=TWO) == Cluster(1, ["a:1", "b:2"])
    assert told(process_id=0, addresses=["a:1"]) == Cluster(0, ["a:1"])


def test_a_pod_of_a_stateful_set_has_its_number_in_its_name() -> None:
    assert told("xivo-exporter-1", addresses=TWO) == Cluster(1, ["a:1", "b:2"])
    assert told("xivo-exporter-1", process_id=0, addresses=TWO) == Cluster(0, ["a:1", "b:2"])


def test_the_variables_of_bytewax_are_understood_and_settings_win(tmp_path: Path) -> None:
    file = tmp_path / "hosts"
    file.write_text("a:1\n\nb:2\n")
    by_id = {"BYTEWAX_PROCESS_ID": "1", "BYTEWAX_ADDRESSES": TWO}
    by_pod = {
        "BYTEWAX_POD_NAME": "x-1",
        "BYTEWAX_STATEFULSET_NAME": "x",
        "BYTEWAX_HOSTFILE_PATH": str(file),
    }
    for environment in (by_id, by_pod):
        assert told(environment=environment) == Cluster(1, ["a:1", "b:2"])
    assert told(environment=by_id, process_id=0) == Cluster(0, ["a:1", "b:2"])
    assert told(environment=by_id, addresses="c:1;d:2") == Cluster(1, ["c:1", "d:2"])


@pytest.mark.parametrize(
    "address", ["127.0.0.1:1", "127.255.255.254:1", "[::1]:1", "localhost:1", "LocalHost:1"]
)
def test_a_loopback_address_is_not_exposed(address: str) -> None:
    assert told(process_id=0, addresses=f"{address};127.0.0.1:2").exposed == []


@pytest.mark.parametrize(
    "address",
    [
        *("10.0.0.1:1", "128.0.0.1:1", "0.0.0.0:1", "[::]:1", "[fe80::1]:1", "[2001:db8::1]:1"),
        *("a:1", "localhost.example.com:1", "localhost6:1", "127.0.0.1.example.com:1", "127:1"),
    ],
)
def test_every_other_address_is_exposed_whichever_process_it_is_of(address: str) -> None:
    for process_id in (0, 1):
        cluster = told(process_id=process_id, addresses=f"127.0.0.1:2;{address}")
        assert cluster.exposed == [address]


def test_an_address_without_a_host_is_exposed() -> None:
    assert told(process_id=0, addresses=":1").exposed == ["0.0.0.0:1"]
    by_id = {"BYTEWAX_PROCESS_ID": "1", "BYTEWAX_ADDRESSES": ":1;localhost:2"}
    assert told(environment=by_id).exposed == ["0.0.0.0:1"]


@pytest.mark.parametrize(
    ("flags", "environment", "says"),
    [
        ({"process_id": 0}, {}, "--process-id (XIVO_EXPORTER_PROCESS_ID): needs --addresses"),
        ({"addresses": TWO}, {}, "--addresses (XIVO_EXPORTER_ADDRESSES): needs --process-id"),
        (
            {"process_id": 2, "addresses": TWO},
            {},
            "must be at most 1, the last of --addresses, not 2",
        ),
        ({}, {"BYTEWAX_PROCESS_ID": "x", "BYTEWAX_ADDRESSES": TWO}, "BYTEWAX_PROCESS_ID"),
        ({}, {"BYTEWAX_PROCESS_ID": "9" * 5000, "BYTEWAX_ADDRESSES": TWO}, "must have a number"),
        (
            {"process_id": 0},
            {"BYTEWAX_HOSTFILE_PATH": "/nowhere"},
            "BYTEWAX_HOSTFILE_PATH: cannot read /nowhere: No such file",
        ),
        ({"process_id": 0}, {"BYTEWAX_HOSTFILE_PATH": sys.executable}, "is not UTF-8 text"),
        ({"process_id": 0}, {"BYTEWAX_ADDRESSES": "a"}, "BYTEWAX_ADDRESSES: must be HOST:PORT"),
        ({"process_id": 0}, {"BYTEWAX_HOSTFILE_PATH": "/dev/null"}, "needs --addresses"),
    ],
)
def test_what_does_not_fit_together_is_refused(
    flags: dict[str, Any], environment: dict[str, str], says: str
) -> None:
    with pytest.raises(SettingsError) as refused:
        told(environment=environment, **flags)
    assert any(says in problem for problem in refused.value.problems)


def test_a_cluster_must_agree_on_its_instance() -> None:
    settings = load(Settings, {"process_id": 3, "addresses": TWO}, {})
    with pytest.raises(SettingsError) as refused:
        cluster_of(settings, {}, "host")
    place, instance = refused.value.problems
    assert "--process-id" in place
    assert "--instance" in instance


@pytest.mark.parametrize("addresses", ["a", "a:b", "a:1;b", "a:1;:99999999"])
def test_an_address_needs_a_port(addresses: str) -> None:
    with pytest.raises(SettingsError, match="addresses"):
        load(Settings, {"addresses": addresses}, {})
