"""The names of queues for people, on a server with an API and on one without."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dashboards.grafana import Choices, merged, panel
from tests.dashboards.prometheus import Prometheus, served

pytestmark = pytest.mark.promtool

DECISION = Path(__file__).parents[2] / "docs" / "adr" / "0034-tenants-by-info-series.md"

EXPOSITION = """\
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
"""


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus that has scraped two exporters of the same servers."""
    directory = tmp_path_factory.mktemp("names")
    with (
        served(EXPOSITION) as one,
        served(EXPOSITION) as other,
        Prometheus(directory, {"xivo": [one, other]}) as server,
    ):
        yield server


def test_a_queue_with_a_name_and_one_without_have_a_row_each(prometheus: Prometheus) -> None:
    table = panel("call_centre", "Queues now")
    answers = [prometheus.query(Choices().spell(query["expr"])) for query in table.queries]
    rows = merged(table, [[(each.labels, each.value) for each in one] for one in answers])
    heads = ("server", "queue", "name", "kind", "members", "available")
    assert sorted([row[head] for head in heads] for row in rows) == [
        ["with", "grp-77", "Ventes", "group", 4, 1],
        ["with", "support-88511897", "Support", "queue", 3, 2],
        ["without", "support", None, None, 5, 0],
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
