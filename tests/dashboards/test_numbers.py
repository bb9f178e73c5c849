"""What panels show equals what the oracles computed from the history of the events.

That is tested with one exporter, with two replicas, which show everything twice, with a standby,
and with a cluster of two processes, each of which shows a part.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack

import pytest

from dashboards.wallboard import MANY
from tests.contract.test_dashboard_queries import COMPARE_EXPORTERS
from tests.dashboards.calls import THRESHOLD
from tests.dashboards.grafana import STEMS, Choices, panel, panels
from tests.dashboards.prometheus import Prometheus, served
from tests.dashboards.world import BUS, World

pytestmark = pytest.mark.promtool

LAYOUTS: Mapping[str, Callable[[World], tuple[str, ...]]] = {
    "one": lambda world: (world.text,),
    "replicas": lambda world: (world.text, world.text),
    # A standby shows nothing of the servers.
    "standby": lambda world: (world.text, f'xivo_exporter_bus_standby{{bus="{BUS}"}} 1\n'),
    "cluster": World.split,
}

Shown = dict[tuple[str, ...], float]
"""Values, by the values of the labels in the order of the declaration."""

Expected = Callable[[World], Shown]


@pytest.fixture(scope="module")
def world() -> World:
    """Two servers, computed once for all tests."""
    return World()


@pytest.fixture(scope="module", params=list(LAYOUTS))
def prometheus(
    request: pytest.FixtureRequest, world: World, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    """A Prometheus that has scraped the exporters."""
    with ExitStack() as stack:
        pages = LAYOUTS[request.param](world)
        ports = [stack.enter_context(served(page)) for page in pages]
        directory = tmp_path_factory.mktemp(request.param)
        yield stack.enter_context(Prometheus(directory, {"xivo": ports}))


def each(metric: str, window: str = "", factor: float = 1) -> Expected:
    """Expect each series of a metric, of one window if the metric has windows."""

    def expected(world: World) -> Shown:
        return {
            labels[:-1] if window else labels: factor * value
            for labels, value in world.of(metric)
            if not window or labels[-1] == window
        }

    return expected


def summed(metric: str, *places: int, last: str = "") -> Expected:
    """Expect sums by the labels at some places; `last` selects a value of the last label."""

    def expected(world: World) -> Shown:
        sums: dict[tuple[str, ...], float] = {}
        for labels, value in world.of(metric):
            if not last or labels[-1] == last:
                place = tuple(labels[place] for place in places)
                sums[place] = sums.get(place, 0) + value
        return sums

    return expected


def number(metric: str, value: float | None = None) -> Expected:
    """Expect the number of series, or of series that have a value."""

    def expected(world: World) -> Shown:
        return {(): sum(value in (None, each) for _, each in world.of(metric))}

    return expected


def share(metric: str, last: str) -> Expected:
    """Expect the share of those that have a value of the last label."""

    def expected(world: World) -> Shown:
        return {(): summed(metric, last=last)(world)[()] / summed(metric)(world)[()]}

    return expected


def window_states(world: World) -> Shown:
    highest = each("xivo_service_up_max", WINDOW)(world)
    lowest = each("xivo_service_up_min", WINDOW)(world)
    return {labels: value + highest[labels] for labels, value in lowest.items()}


def complete_since(world: World) -> Shown:
    since = each(SINCE, factor=1000)(world)
    return {labels: value for labels, value in since.items() if value}


def nothing(_: World) -> Shown:
    """Expect no series: the servers have no API, and are not Wazo."""
    return {}


def all_complete(*subsystems: str) -> Expected:
    """Expect since when the states of some subsystems are complete for every server, or 0."""

    def expected(world: World) -> Shown:
        since = [value for labels, value in world.of(SINCE) if labels[1] in subsystems]
        return {(): 1000 * max(since) * all(since)}

    return expected


def service_level_today(world: World) -> Shown:
    """Expect the share of all judged calls, beside the threshold as a label."""
    results = summed("xivo_queue_window_service_level_calls", 2, 3)(world)
    in_time, missed = (results[result, "today"] for result in ("in_time", "missed"))
    return {(f"{THRESHOLD}",): in_time / (in_time + missed)}


def ended_today(outcome: str, *places: int) -> Expected:
    """Expect the calls of today with an outcome, by the labels at some places."""

    def expected(world: World) -> Shown:
        sums: dict[tuple[str, ...], float] = {}
        for labels, value in world.of("xivo_queue_window_calls"):
            if labels[2:] == (outcome, "today"):
                place = tuple(labels[place] for place in places)
                sums[place] = sums.get(place, 0) + value
        return sums

    return expected


WINDOW = "5m"
KNOWN, SINCE = "xivo_state_known", "xivo_state_known_since_timestamp_seconds"
COMPLETENESS = "Numbers complete since"
AGENTS, MEMBERS, FREE = "xivo_agents", "xivo_queue_members", "xivo_queue_members_available"
CALLERS = "xivo_queue_callers_waiting"
ACTIVITIES = ("available", "on_call", "ringing", "wrap_up", "paused", "unavailable")
WAITING = "xivo_switchboard_calls"
PHONES, USERS, UP = "xivo_endpoints", "xivo_users", "xivo_service_up"
REGISTERED = "xivo_service_registered_timestamp_seconds"
DEREGISTERED = "xivo_service_deregistered_timestamp_seconds"
EXTREMES = (
    ("call_centre", "Agents logged in per window", "xivo_agents_logged_in"),
    ("endpoints", "Phones in use per window", "xivo_endpoints_in_use"),
    ("endpoints", "Phones unavailable per window", "xivo_endpoints_unavailable"),
    ("endpoints", "Users available per window", "xivo_users_available"),
    ("telephony", "Lines in a call per window", "xivo_lines_in_call"),
    ("telephony", "Calls under way per window", "xivo_calls"),
)

TRUNK = "xivo_trunk_registered"

EXPECTED: dict[tuple[str, str, str], Expected] = {
    ("overview", "Services down", "A"): number(UP, 0),
    ("overview", "Queues with nobody available", "A"): number(FREE, 0),
    ("overview", "Agents logged in", "A"): summed(AGENTS, last="logged_in"),
    ("overview", "Phones unavailable", "A"): share(PHONES, "unavailable"),
    ("overview", "Components failing", "A"): nothing,
    ("overview", "Trunks lost", "A"): number(TRUNK, 0),
    ("overview", "Lines not registered", "A"): share("xivo_lines", "no"),
    ("overview", "Calls under way", "A"): summed("xivo_calls"),
    ("overview", "Calls queued at switchboards", "A"): summed(WAITING, last="queued"),
    ("overview", "Services", "A"): each(UP),
    ("overview", "Members available, by queue", "A"): each(FREE),
    ("overview", "Agents", "A"): summed(AGENTS, 1),
    ("overview", "Phones", "A"): summed(PHONES, 1),
    ("overview", "Lines", "A"): summed("xivo_lines", 1),
    ("overview", "Users", "A"): summed(USERS, 1),
    ("wallboard", "waiting", "A"): summed(CALLERS),
    ("wallboard", "queues with nobody available", "A"): number(FREE, 0),
    ("wallboard", "percentunit", "A"): service_level_today,
    ("wallboard", "answered today", "A"): ended_today("answered"),
    ("wallboard", "abandoned today", "A"): ended_today("abandoned"),
    **{
        ("wallboard", "available", letter): summed("xivo_agents_by_activity", last=activity)
        for letter, activity in zip("ABCDEF", ACTIVITIES, strict=True)
    },
    ("wallboard", COMPLETENESS, "A"): all_complete("queue_calls"),
    ("call_centre", "Callers waiting", "A"): summed(CALLERS),
    ("call_centre", "Service level today", "A"): service_level_today,
    ("call_centre", "Answered today", "A"): ended_today("answered"),
    ("call_centre", "Abandoned today", "A"): ended_today("abandoned"),
    ("call_centre", "Queues with nobody available", "A"): number(FREE, 0),
    ("call_centre", "Queues now", "A"): each(CALLERS),
    ("call_centre", "Queues now", "C"): each(FREE),
    ("call_centre", "Queues now", "D"): each("xivo_queue_members_in_call"),
    ("call_centre", "Queues now", "E"): each("xivo_queue_members_paused"),
    ("call_centre", "Queues now", "F"): each("xivo_queue_members_wrap_up"),
    ("call_centre", "Queues now", "G"): ended_today("answered", 0, 1),
    ("call_centre", "Queues now", "H"): ended_today("abandoned", 0, 1),
    ("call_centre", "Queues now", "I"): each("xivo_queue_service_level_ratio", "today"),
    ("call_centre", "Queues now", "J"): nothing,
    ("call_centre", "Agents now, by activity", "A"): summed("xivo_agents_by_activity", 1),
    ("call_centre", COMPLETENESS, "A"): all_complete("queue_calls"),
    ("call_centre", "Callers waiting and members in call", "B"): summed(
        "xivo_queue_members_in_call"
    ),
    ("call_centre", "Ended calls today, by outcome", "A"): summed(
        "xivo_queue_window_calls", 2, last="today"
    ),
    ("call_centre", "Service level of each queue", "A"): each(
        "xivo_queue_service_level_threshold_seconds"
    ),
    ("call_centre", "Service level of each queue", "F"): each(
        "xivo_queue_service_level_ratio", WINDOW
    ),
    ("call_centre", "Agents logged in", "A"): summed(AGENTS, last="logged_in"),
    ("call_centre", "Agents logged out", "A"): summed(AGENTS, last="logged_out"),
    ("call_centre", "Queues in the last window", "A"): each(f"{CALLERS}_min", WINDOW),
    ("call_centre", "Queues in the last window", "B"): each(f"{CALLERS}_avg", WINDOW),
    ("call_centre", "Queues in the last window", "C"): each(f"{CALLERS}_max", WINDOW),
    ("call_centre", "Queues in the last window", "D"): each("xivo_queue_wait_max_seconds", WINDOW),
    ("call_centre", "Queues in the last window", "E"): each(f"{FREE}_min", WINDOW),
    ("call_centre", "Queues in the last window", "F"): each(f"{FREE}_avg", WINDOW),
    ("call_centre", "Queues in the last window", "G"): each(f"{FREE}_max", WINDOW),
    ("call_centre", "Queues in the last window", "H"): each("xivo_queue_wait_max_seconds", "today"),
    ("call_centre", "Members", "A"): summed(MEMBERS),
    ("call_centre", "Members available", "A"): summed(FREE),
    ("call_centre", "Members in call", "A"): summed("xivo_queue_members_in_call"),
    ("call_centre", "Members paused", "A"): summed("xivo_queue_members_paused"),
    ("call_centre", "Members by phone state", "A"): summed("xivo_queue_member_states", 2),
    ("call_centre", "Static and dynamic members", "A"): summed(MEMBERS, 2),
    ("call_centre", "Agents by activity", "A"): summed("xivo_agents_by_activity", 1),
    ("call_centre", "Agents paused, by reason", "A"): summed("xivo_agents_paused", 1),
    ("call_centre", "Users who submitted call forms", "A"): summed(
        "xivo_call_form_submitters", last=WINDOW
    ),
    ("endpoints", "Phones", "A"): summed(PHONES),
    ("endpoints", "Phones unavailable", "A"): summed(PHONES, last="unavailable"),
    ("call_centre", "Users who submitted call forms", "B"): summed(
        "xivo_call_form_submitters", last="today"
    ),
    ("endpoints", "Users who chatted", "B"): summed("xivo_chat_senders", last="today"),
    ("endpoints", "Flapping phones", "A"): summed("xivo_endpoints_flapping", last=WINDOW),
    ("endpoints", "Users", "A"): summed(USERS),
    ("endpoints", "Users available", "A"): summed(USERS, last="available"),
    # The servers are of XiVO, which tells only presences.
    ("endpoints", "Users by state of their lines", "A"): nothing,
    ("endpoints", "Users connected, and in do-not-disturb", "A"): nothing,
    ("endpoints", "Users connected, and in do-not-disturb", "B"): nothing,
    ("endpoints", "Users who chatted", "A"): summed("xivo_chat_senders", last=WINDOW),
    **{
        ("overview", COMPLETENESS, letter): all_complete(subsystem)
        for letter, subsystem in (
            ("A", "services"),
            ("B", "queues"),
            ("C", "agents"),
            ("D", "endpoints"),
            ("E", "users"),
        )
    },
    ("overview", COMPLETENESS, "F"): all_complete("lines", "trunks", "calls"),
    ("telephony", "Trunks lost", "A"): number(TRUNK, 0),
    ("telephony", "Calls on trunks", "A"): summed("xivo_trunk_calls"),
    ("telephony", "Lines", "A"): summed("xivo_lines"),
    ("telephony", "Lines not registered", "A"): share("xivo_lines", "no"),
    ("telephony", "Lines without registration", "A"): summed("xivo_lines", last="no"),
    ("telephony", "Lines in a call", "A"): summed("xivo_lines_in_call"),
    ("telephony", "Lines by registration", "A"): summed("xivo_lines", 1),
    ("telephony", "Registration of trunks", "A"): each(TRUNK),
    ("telephony", "Calls by trunk", "A"): each("xivo_trunk_calls"),
    ("telephony", "Trunks now", "E"): nothing,
    ("telephony", "Lines now", "A"): nothing,
    ("telephony", "Lines now", "B"): nothing,
    ("telephony", "Calls under way", "A"): summed("xivo_calls"),
    ("telephony", "Calls by direction", "A"): summed("xivo_calls", 1),
    ("telephony", "Calls by state", "A"): summed("xivo_calls", 2),
    ("telephony", COMPLETENESS, "A"): all_complete("calls"),
    ("telephony", COMPLETENESS, "B"): all_complete("lines"),
    ("telephony", COMPLETENESS, "C"): all_complete("trunks"),
    ("switchboards", "Calls queued", "A"): summed(WAITING, last="queued"),
    ("switchboards", "Calls held", "A"): summed(WAITING, last="held"),
    ("switchboards", "Parked calls", "A"): summed("xivo_parked_calls"),
    ("switchboards", "Participants of conferences", "A"): summed("xivo_conference_participants"),
    ("switchboards", "Switchboards now", "A"): summed(WAITING, 0, 1, last="queued"),
    ("switchboards", "Switchboards now", "B"): summed(WAITING, 0, 1, last="held"),
    ("switchboards", "Switchboards now", "C"): nothing,
    ("switchboards", "Calls at switchboards", "A"): summed(WAITING, 2),
    ("switchboards", COMPLETENESS, "A"): all_complete("switchboards"),
    ("switchboards", COMPLETENESS, "B"): all_complete("parking"),
    ("services", "Services", "A"): number(UP),
    ("services", COMPLETENESS, "A"): all_complete("services"),
    ("services", "Up or down per window", "A"): window_states,
    ("services", "Up or down", "A"): each(UP),
    ("services", "Daemons of Wazo", "A"): nothing,
    ("services", "Components now", "A"): nothing,
    ("services", "Instances", "A"): each("xivo_service_info"),
    ("services", "Instances", "C"): each(REGISTERED, factor=1000),
    ("services", "Instances", "D"): each(DEREGISTERED, factor=1000),
    ("exporter", "Servers", "A"): each("xivo_origin_info"),
    ("exporter", "What is known", "A"): each(KNOWN),
    ("exporter", "What is known", "B"): complete_since,
    **{
        (stem, title, letter): each(f"{metric}_{end}", WINDOW)
        for stem, title, metric in EXTREMES
        for letter, end in (("A", "max"), ("B", "avg"), ("C", "min"))
    },
    **{(stem, title, "D"): each(f"{metric}_max", "today") for stem, title, metric in EXTREMES},
}

RANKED = {"suffix:waiting": (CALLERS, -1), "suffix:available": (FREE, 1)}
"""Lists of the wallboard: the metric, and the sign by which the first ones sort."""
FEW = 4
"""Of the six queues of the two servers, so that a list leaves some out."""

NOT_OF_ONE_MOMENT = ("rate(", "increase(", "_over_time(", "time()")


# The order of the declaration, which is not alphabetical.
ORDER = (
    *("origin_uuid", "queue", "switchboard"),
    *("service_name", "service_id", "address", "port", "bus", "server"),
)


def by_labels(labels: Mapping[str, str]) -> tuple[str, ...]:
    """Return the values of the labels that a metric has, without the names that a join added."""
    # Only `xivo_origin_info` has both.
    added = set() if "bus" in labels else {"server", "display_name"}
    known = [labels[name] for name in ORDER if name in labels and name not in added]
    others = labels.keys() - {*ORDER, "window"} - added
    return (*known, *(value for name, value in labels.items() if name in others))


def query_of(stem: str, title: str, letter: str) -> str:
    (expr,) = (one["expr"] for one in panel(stem, title).queries if one["refId"] == letter)
    return str(expr)


def without_names(expr: str) -> str:
    """Remove the joins that add names for people."""
    return re.sub(r" \* on \([\w, ]+\) group_left \((server|display_name)\).*", "", expr).strip(
        "()"
    )


@pytest.mark.parametrize(
    ("place", "expected"), EXPECTED.items(), ids=["-".join(place) for place in EXPECTED]
)
def test_a_panel_shows_what_the_oracle_computed(
    prometheus: Prometheus,
    world: World,
    place: tuple[str, str, str],
    expected: Expected,
) -> None:
    answer = prometheus.query(Choices(window=WINDOW).spell(query_of(*place)))
    shown = {by_labels(one.labels): one.value for one in answer}
    assert len(shown) == len(answer)
    assert shown == pytest.approx(expected(world))
    named = [one.labels for one in answer if "server" in one.labels]
    servers = {labels[0]: labels[-1] for labels, _ in world.of("xivo_origin_info")}
    assert all(labels["server"] == servers[labels["origin_uuid"]] for labels in named)


@pytest.mark.parametrize("title", RANKED)
def test_a_list_of_the_wallboard_has_the_first_queues_in_order(
    prometheus: Prometheus, world: World, title: str
) -> None:
    metric, sign = RANKED[title]
    query = query_of("wallboard", title, "A").replace(f"k({MANY}, ", f"k({FEW}, ")
    answer = prometheus.query(Choices().spell(query))
    expected = each(metric)(world)
    assert len(expected) > FEW
    assert all(expected[by_labels(one.labels)] == one.value for one in answer)
    shown = [sign * one.value for one in answer]
    assert shown == sorted(sign * value for value in expected.values())[:FEW]


def test_every_query_about_the_present_state_of_servers_is_compared() -> None:
    places = [*EXPECTED, *(("wallboard", title, "A") for title in RANKED)]
    compared = {without_names(query_of(*place)) for place in places}
    for stem in STEMS:
        for each_panel in panels(stem):
            for query in each_panel.queries:
                expr = query["expr"]
                is_own = "xivo_exporter_" in expr or expr in COMPARE_EXPORTERS
                if not is_own and not any(word in expr for word in NOT_OF_ONE_MOMENT):
                    assert without_names(expr) in compared, f"{each_panel}: {expr}"


def test_the_history_has_what_the_panels_are_about(world: World) -> None:
    assert number(UP, 0)(world)[()]
    assert number(FREE, 0)(world)[()]
    assert each(DEREGISTERED)(world)
    assert summed("xivo_queue_callers_waiting")(world)[()]
    assert summed("xivo_queue_members_in_call")(world)[()]
    outcomes = summed("xivo_queue_window_calls", 2, last=WINDOW)(world)
    assert outcomes["answered",]
    assert sum(outcomes.values()) > outcomes["answered",]
    assert summed(PHONES, last="unavailable")(world)[()]


def test_the_time_without_events_is_since_the_newest_event(
    prometheus: Prometheus, world: World
) -> None:
    (query,) = panel("overview", "Longest time without events").queries
    (answer,) = prometheus.query(Choices().spell(query["expr"]))
    oldest = min(value for _, value in world.of("xivo_bus_last_event_timestamp_seconds"))
    assert answer.value == pytest.approx(time.time() - oldest, abs=5)


def test_a_plain_sum_would_count_replicas_twice(prometheus: Prometheus, world: World) -> None:
    (shown,) = prometheus.query("sum(xivo_agents)")
    replicas = prometheus.query("max(count by (origin_uuid, status) (xivo_agents))")[0].value
    assert shown.value == replicas * summed(AGENTS)(world)[()]


def test_one_of_several_servers_can_be_chosen(prometheus: Prometheus, world: World) -> None:
    (query,) = panel("overview", "Agents logged in").queries
    for origin, _ in world.of("xivo_agent_logins_total"):
        choice = Choices({"origin_uuid": origin[0]})
        (answer,) = prometheus.query(choice.spell(query["expr"]))
        assert answer.value == world.numbers["xivo_agents", (origin[0], "logged_in")]
