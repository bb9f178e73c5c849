"""A server of Wazo, which has told of agents, queues and users, but of nothing else."""

import json
from collections.abc import Iterator, Mapping

import pytest

from dataflows.envelope import Delivery
from tests.dashboards.grafana import Choices, Panel, all_panels
from tests.dashboards.pictures.page import Painter
from tests.dashboards.prometheus import Prometheus, served
from tests.pipeline import Pipeline
from tests.support import eventually

pytestmark = pytest.mark.promtool

CHOICES = Choices(window="1m", seconds=300)
ORIGIN = "ca7f87e9-c2c8-5fad-ba1b-c3140ebb9be3"
MEMBER = {
    "Queue": "support",
    "MemberName": "Agent/1042",
    "Interface": "Local/id-42@agentcallback",
    "Membership": "dynamic",
    "Status": "1",
    "Paused": "0",
}
USER = {
    "uuid": "u-1",
    "state": "available",
    "do_not_disturb": False,
    "connected": True,
    "line_state": "talking",
}
EVENTS: tuple[tuple[str, Mapping[str, object]], ...] = (
    ("agent_status_update", {"agent_id": 42, "status": "logged_in"}),
    ("QueueMemberAdded", MEMBER),
    ("chatd_presence_updated", USER),
)
TOLD = ("agents", "queues", "users")
NOT_TOLD = (
    *("phones", "lines", "trunks", "services", "chat messages", "call forms", "calls"),
    *(
        "switchboards",
        "parked calls",
        "conferences",
        "voicemail",
        "faxes",
        "components",
        "activities",
    ),
)
NOTHING = ("nothing known yet", "none")
WALL = "wallboard"
# The page has no metrics of the exporter itself, and the server has no API.
PANELS = [
    panel
    for panel in all_panels()
    if "xivo_exporter_" not in str(panel.queries) and panel.json["title"] != "Drift, by kind"
]


def exposition() -> str:
    pipeline = Pipeline(windows="1m")
    for name, data in EVENTS:
        body = {"origin_uuid": ORIGIN, "name": name, "data": data}
        pipeline.take([Delivery("default", json.dumps(body).encode(), pipeline.now)])
    pipeline.wait(120)
    return pipeline.text()


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus that has scraped the exporter twice, as `rate` needs it."""
    directory = tmp_path_factory.mktemp("wazo")
    with served(exposition()) as port, Prometheus(directory, {"xivo": [port]}) as server:
        eventually(
            lambda: server.query("rate(xivo_agent_logins_total[60s])"),
            timeout=20,
            what="Prometheus has scraped twice",
        )
        yield server


@pytest.mark.parametrize("panel", PANELS, ids=str)
def test_a_panel_without_data_says_what_the_server_has_not_told(
    prometheus: Prometheus, panel: Panel
) -> None:
    expressions = [query["expr"] for query in panel.queries]
    has_data = any(prometheus.query(CHOICES.spell(expr)) for expr in expressions)
    text = panel.defaults.get("noValue", "")
    if has_data:
        assert not any(about in text for about in NOT_TOLD)
    else:
        assert any(about in text for about in NOT_TOLD) or text in NOTHING or panel.stem == WALL
        assert panel.stem != WALL or text.endswith("not known yet")
        assert not any(about in text for about in TOLD)


@pytest.mark.parametrize(
    ("stem", "texts"),
    [
        ("overview", ("no services known", "queues: partial, may be too low")),
        ("call_centre", ("No events about call forms from the selected servers yet",)),
        ("wallboard", ("waiting: not known yet", "calls: not known yet")),
        ("endpoints", ("no phones known", "No events about phones from the selected servers yet")),
        ("switchboards", ("no switchboards known", "No events about faxes from the selected")),
        (
            "services",
            (
                "No events about services from the selected servers yet",
                "No API of the selected servers lists components",
            ),
        ),
        ("telephony", ("no trunks known", "no lines known", "nothing known yet")),
        ("exporter", ("partial",)),
    ],
)
def test_a_dashboard_can_be_drawn_and_explains_what_is_missing(
    prometheus: Prometheus, stem: str, texts: tuple[str, ...]
) -> None:
    now = prometheus.query("time()")[0].value
    page = Painter(prometheus, CHOICES, now).page(stem, is_open=True)
    for text in texts:
        assert text in page.text
