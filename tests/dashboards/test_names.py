"""The names of servers and of queues for people.

One server has an API and one has none. Two exporters have different names for a third one, because
the settings of one of them have just changed. The name of a fourth one is missing: it is a server
of a cluster, and the process with its info series is down. Two more servers have the same name:
that of a bus without a name in the settings.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dashboards.grafana import Choices, merged, name, panel, variables
from tests.dashboards.prometheus import Prometheus, served

pytestmark = pytest.mark.promtool

DECISION = Path(__file__).parents[2] / "docs" / "adr" / "0034-tenants-by-info-series.md"

EXPOSITION = """\
xivo_origin_info{origin_uuid="with",bus="paris",server="Paris"} 1
xivo_origin_info{origin_uuid="without",bus="lyon",server="Lyon"} 1
xivo_origin_info{origin_uuid="11111111-1",bus="default",server="default"} 1
xivo_origin_info{origin_uuid="22222222-2",bus="default",server="default"} 1
xivo_state_known{origin_uuid="11111111-1",subsystem="services"} 0
xivo_state_known{origin_uuid="22222222-2",subsystem="services"} 0
xivo_service_up{origin_uuid="11111111-1",service_name="agentd"} 1
xivo_service_up{origin_uuid="22222222-2",service_name="agentd"} 0
xivo_service_up{origin_uuid="with",service_name="agentd"} 1
xivo_service_up{origin_uuid="without",service_name="agentd"} 0
xivo_service_up{origin_uuid="renamed",service_name="agentd"} 1
xivo_service_up{origin_uuid="0d6c1e5b-7a55-4d4e-9a3c-2f1b8f0c7b11",service_name="agentd"} 1
xivo_state_known{origin_uuid="0d6c1e5b-7a55-4d4e-9a3c-2f1b8f0c7b11",subsystem="services"} 0
xivo_state_known{origin_uuid="0d6c1e5b-7a55-4d4e-9a3c-2f1b8f0c7b11",subsystem="agents"} 1
xivo_state_known{origin_uuid="with",subsystem="agents"} 1
xivo_queue_members{origin_uuid="with",queue="support-88511897",membership="dynamic"} 3
xivo_queue_members_available{origin_uuid="with",queue="support-88511897"} 2
xivo_queue_members{origin_uuid="with",queue="grp-77",membership="static"} 4
xivo_queue_members_available{origin_uuid="with",queue="grp-77"} 1
xivo_queue_callers_waiting{origin_uuid="with",queue="support-88511897"} 2
xivo_queue_callers_waiting{origin_uuid="with",queue="grp-77"} 1
xivo_queue_callers_waiting{origin_uuid="with",queue="other"} 4
xivo_queue_callers_waiting{origin_uuid="without",queue="support"} 8
xivo_queue_info{origin_uuid="with",queue="support-88511897",display_name="Support",\
kind="queue",tenant_uuid="t"} 1
xivo_queue_info{origin_uuid="with",queue="other",display_name="Other",kind="queue",\
tenant_uuid="u"} 1
xivo_queue_info{origin_uuid="with",queue="grp-77",display_name="Ventes",kind="group",\
tenant_uuid="t"} 1
xivo_queue_info{origin_uuid="with",queue="unused",display_name="Unused",kind="queue",\
tenant_uuid="t"} 1
xivo_queue_members{origin_uuid="without",queue="support",membership="dynamic"} 5
xivo_queue_members_available{origin_uuid="without",queue="support"} 0
xivo_queue_service_level_threshold_seconds{origin_uuid="with",queue="grp-77"} 10
xivo_queue_service_level_threshold_seconds{origin_uuid="without",queue="support"} 30
xivo_queue_window_service_level_calls{origin_uuid="with",queue="grp-77",\
result="in_time",window="today"} 2
xivo_queue_window_service_level_calls{origin_uuid="with",queue="grp-77",\
result="missed",window="today"} 1
xivo_queue_window_service_level_calls{origin_uuid="without",queue="support",\
result="in_time",window="today"} 1
xivo_queue_window_service_level_calls{origin_uuid="without",queue="support",\
result="missed",window="today"} 0
"""
RENAMED = 'xivo_origin_info{{origin_uuid="renamed",bus="b",server="{}"}} 1\n'


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus that has scraped two exporters of the same servers."""
    directory = tmp_path_factory.mktemp("names")
    with (
        served(EXPOSITION + RENAMED.format("Old")) as one,
        served(EXPOSITION + RENAMED.format("New")) as other,
        Prometheus(directory, {"xivo": [one, other]}) as server,
    ):
        yield server


def test_every_server_has_exactly_one_name_even_if_exporters_disagree_or_do_not_know_it(
    prometheus: Prometheus,
) -> None:
    (query,) = panel("services", "Up or down").queries
    answer = prometheus.query(Choices().spell(query["expr"]))
    shown = {name(query["legendFormat"], each.labels): each.value for each in answer}
    renamed = {"agentd Old", "agentd New"} & shown.keys()
    assert len(renamed) == 1
    assert shown == dict.fromkeys(renamed, 1) | {
        "agentd Paris": 1,
        "agentd Lyon": 0,
        "agentd 0d6c1e5b": 1,
        "agentd 11111111": 1,
        "agentd 22222222": 0,
    }


def test_servers_and_queues_are_chosen_by_the_names_for_people(prometheus: Prometheus) -> None:
    servers, queues = (
        {
            each.labels[variable.text]: each.labels[variable.value]
            for each in prometheus.query(Choices().spell(variable.expr))
        }
        for variable in variables("overview")
    )
    assert servers["Paris"] == "with"
    assert servers["0d6c1e5b"].startswith("0d6c1e5b-")
    assert len(servers) == 6
    # A queue without members or callers is none of the call centre.
    assert queues == {
        "Support": "support-88511897",
        "Ventes": "grp-77",
        "Other": "other",
        "support": "support",
    }


def test_a_queue_with_a_name_and_one_without_have_a_row_each(prometheus: Prometheus) -> None:
    table = panel("call_centre", "Queues now")
    answers = [prometheus.query(Choices().spell(query["expr"])) for query in table.queries]
    rows = merged(table, [[(each.labels, each.value) for each in one] for one in answers])
    heads = ("server", "queue", "name", "kind", "waiting", "available")
    assert sorted([row[head] for head in heads] for row in rows) == [
        ["Lyon", "support", None, None, 8, 0],
        ["Paris", "grp-77", "Ventes", "group", 1, 1],
        ["Paris", "other", "Other", "queue", 4, None],
        ["Paris", "support-88511897", "Support", "queue", 2, 2],
    ]


def test_names_can_be_chosen_by_server_and_queue(prometheus: Prometheus) -> None:
    (names,) = (
        query["expr"]
        for query in panel("call_centre", "Queues now").queries
        if "xivo_queue_info" in query["expr"]
    )
    chosen = prometheus.query(Choices({"queue": "grp-77"}).spell(names))
    assert [each.labels["display_name"] for each in chosen] == ["Ventes"]
    assert prometheus.query(Choices({"origin_uuid": "without"}).spell(names)) == []


def test_the_query_of_the_decision_about_tenants_counts_each_tenant_once(
    prometheus: Prometheus,
) -> None:
    (query,) = re.findall(r"```promql\n(.*?)```", DECISION.read_text(), re.DOTALL)
    found = {each.labels["tenant_uuid"]: each.value for each in prometheus.query(query)}
    assert found == {"t": 3, "u": 4}


@pytest.mark.parametrize(
    ("queue", "within", "level"), [(".+", "10-30", 0.75), ("grp-77", "10", 2 / 3)]
)
def test_a_service_level_names_the_threshold_or_the_lowest_and_the_highest(
    prometheus: Prometheus, queue: str, within: str, level: float
) -> None:
    (query,) = panel("call_centre", "Service level today").queries
    (answer,) = prometheus.query(Choices({"queue": queue}).spell(query["expr"]))
    assert answer.labels == {"within": within}
    assert answer.value == pytest.approx(level)
