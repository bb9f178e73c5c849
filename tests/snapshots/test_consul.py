"""The services that consul lists."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dataflows.events.services import Instance, ServicesListed
from exporter.exposition.snapshot_status import SnapshotOutcome
from exporter.snapshots.consul import MAX_SERVICES, MODULE
from exporter.snapshots.source import SnapshotError
from tests.snapshots.answering import AT, ORIGIN, body, content, listings

CATALOG = "/v1/catalog/services"
AGENTD = "/v1/catalog/service/xivo-agentd"
OTHER = "00000000-0000-4000-8000-000000000002"
AGENTD_ID = "3f5c1a7e-7d0c-4c2b-8f1e-0a1b2c3d4e5f"

Catalog = dict[str, list[str] | None]


def entry(**changed: Any) -> dict[str, Any]:  # noqa: ANN401 -- JSON
    one: dict[str, Any] = content("consul_catalog_service_xivo-agentd")[0] | changed
    return one


def listed(catalog: Catalog, **entries: list[Any]) -> dict[str, tuple[Instance, ...]]:
    """Return what is listed; names of services have an underscore instead of a hyphen."""
    answers: dict[str, bytes | SnapshotError] = {CATALOG: json.dumps(catalog).encode()}
    for name, each in entries.items():
        path = f"/v1/catalog/service/{name.replace('_', '-')}"
        answers[path] = json.dumps(each).encode()
    (found,), _ = listings(MODULE, answers)
    assert isinstance(found, ServicesListed)
    return dict(found.services)


def test_consul_is_asked_for_the_services_and_then_for_each_of_this_server() -> None:
    catalog = {"consul": [], "xivo-agentd": [ORIGIN, "xivo-agentd"], "xivo-ctid": [OTHER]}
    answers = {
        CATALOG: json.dumps(catalog).encode(),
        AGENTD: body("consul_catalog_service_xivo-agentd"),
    }
    found, asked = listings(MODULE, answers)
    assert asked == [("GET", CATALOG, ""), ("GET", AGENTD, "")]
    services = {"xivo-agentd": (Instance(AGENTD_ID, "10.0.0.5", "9493"),)}
    assert found == (ServicesListed(ORIGIN, AT, 7, services),)


def test_instances_of_other_servers_are_left_out() -> None:
    entries = [
        entry(ServiceID="ours", ServiceTags=["x", ORIGIN.upper()]),
        entry(ServiceID="theirs", ServiceTags=[OTHER, "xivo-agentd"]),
        entry(ServiceID="nobodys", ServiceTags=None),
    ]
    found = listed({"xivo-agentd": [OTHER, ORIGIN], "consul": None}, xivo_agentd=entries)
    assert [each.service_id for each in found["xivo-agentd"]] == ["ours"]


def test_a_service_that_has_gone_meanwhile_is_left_out() -> None:
    assert listed({"xivo-agentd": [ORIGIN]}, xivo_agentd=[]) == {}


def test_newer_versions_tell_the_order_of_registrations() -> None:
    found = listed({"xivo-agentd": [ORIGIN]}, xivo_agentd=[entry(CreateIndex=17)])
    assert found["xivo-agentd"][0].index == 17


@pytest.mark.parametrize("address", ["", None])
def test_a_service_without_an_address_has_that_of_its_node(address: str | None) -> None:
    entries = [entry(ServiceAddress=address, Address="10.0.0.9")]
    found = listed({"xivo-agentd": [ORIGIN]}, xivo_agentd=entries)
    assert found["xivo-agentd"][0].address == "10.0.0.9"


def test_a_name_is_quoted_in_the_path() -> None:
    answers: dict[str, bytes | SnapshotError] = {
        CATALOG: json.dumps({"../x?y": [ORIGIN]}).encode(),
        "/v1/catalog/service/..%2Fx%3Fy": json.dumps([entry()]).encode(),
    }
    (found,), _ = listings(MODULE, answers)
    assert isinstance(found, ServicesListed)
    assert [*found.services] == ["../x?y"]


@pytest.mark.parametrize(
    ("catalog", "entries"),
    [
        ([], []),
        ({"xivo-agentd": ORIGIN}, []),
        ({"..": [ORIGIN]}, []),
        ({"": [ORIGIN]}, []),
        ({str(number): [ORIGIN] for number in range(MAX_SERVICES + 1)}, []),
        ({"xivo-agentd": [ORIGIN]}, {}),
        ({"xivo-agentd": [ORIGIN]}, [entry(ServiceID="")]),
        ({"xivo-agentd": [ORIGIN]}, [entry(ServicePort=70_000)]),
        ({"xivo-agentd": [ORIGIN]}, [entry(ServicePort="x")]),
        ({"xivo-agentd": [ORIGIN]}, [entry(ServiceTags=[1])]),
        ({"xivo-agentd": [ORIGIN]}, [{"ServiceID": "x"}]),
    ],
    ids=str,
)
def test_an_answer_that_is_not_as_expected_is_not_used(catalog: Any, entries: Any) -> None:  # noqa: ANN401 -- JSON
    with pytest.raises(SnapshotError) as caught:
        listed(catalog, xivo_agentd=entries)
    assert caught.value.outcome is SnapshotOutcome.MALFORMED


@pytest.mark.parametrize("catalog", [{}, {"consul": []}, {"xivo-agentd": [OTHER, "xivo-agentd"]}])
def test_a_catalogue_without_any_service_of_the_server_is_not_believed(catalog: Catalog) -> None:
    with pytest.raises(SnapshotError) as caught:
        listed(catalog)
    assert caught.value.outcome is SnapshotOutcome.REFUSED
    assert caught.value.problem == "consul lists no service of this server: check --api-services"
