"""What the live page must show, from the text of `/metrics` alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from exporter.web.board import ServerBoard

Numbers = Mapping[str, float]

_OF_QUEUE = {
    "oldest_at": "xivo_queue_oldest_wait_timestamp_seconds",
    "waiting": "xivo_queue_callers_waiting",
    "members": "xivo_queue_members",
    "available": "xivo_queue_members_available",
    "in_call": "xivo_queue_members_in_call",
    "wrap_up": "xivo_queue_members_wrap_up",
    "paused": "xivo_queue_members_paused",
}


class _Metrics:
    """The samples of a text."""

    def __init__(self, text: str) -> None:
        self.samples = [
            each for family in text_string_to_metric_families(text) for each in family.samples
        ]

    def total(self, metric: str, **labels: str) -> float | None:
        """Return the sum over the series that have these labels; None if there are none."""
        wanted = labels.items()
        found = [
            each.value
            for each in self.samples
            if each.name == metric and wanted <= each.labels.items()
        ]
        return sum(found) if found else None

    def labels(self, metric: str, name: str, *, value: float | None = None, **labels: str) -> Any:  # noqa: ANN401 -- of any order
        """Return a label of the series that have a value and these labels."""
        wanted = labels.items()
        return [
            each.labels[name]
            for each in self.samples
            if each.name == metric
            and wanted <= each.labels.items()
            and (value is None or each.value == value)
        ]


def expected(text: str) -> dict[str, dict[str, Any]]:
    """Return the board of each server, by origin. What has an order there is here a set."""
    metrics = _Metrics(text)
    origins = {
        each.labels["origin_uuid"] for each in metrics.samples if "origin_uuid" in each.labels
    }
    boards = {origin: _server(metrics, origin) for origin in origins}
    # A process of a cluster may have only series of a server that the page does not show.
    return {origin: board for origin, board in boards.items() if any(board.values())}


def _server(metrics: _Metrics, origin: str) -> dict[str, Any]:
    info = {
        label: metrics.labels("xivo_origin_info", label, origin_uuid=origin)
        for label in ("server", "bus")
    }
    down = metrics.labels("xivo_service_up", "service_name", value=0, origin_uuid=origin)
    component = "xivo_service_component_up"
    for daemon in {*metrics.labels(component, "service_name", origin_uuid=origin)}:
        fails = metrics.labels(
            component, "component", value=0, origin_uuid=origin, service_name=daemon
        )
        down += [f"{daemon} ({each})" for each in fails]
    activities = {
        activity: metrics.total("xivo_agents_by_activity", origin_uuid=origin, activity=activity)
        for activity in metrics.labels("xivo_agents_by_activity", "activity", origin_uuid=origin)
    }
    agents = {
        (agent, activity)
        for activity in activities
        for agent in metrics.labels(
            "xivo_agent_activity", "agent_id", value=1, origin_uuid=origin, activity=activity
        )
    }
    return {
        "name": info["server"][0] if info["server"] else "",
        "bus": info["bus"][0] if info["bus"] else "",
        "events": metrics.total("xivo_bus_events_total", origin_uuid=origin) or 0,
        "last_event_at": metrics.total("xivo_bus_last_event_timestamp_seconds", origin_uuid=origin),
        "today_from": metrics.total(
            "xivo_exporter_window_start_timestamp_seconds", origin_uuid=origin, window="today"
        ),
        "known": _known(metrics, origin),
        "queues": _queues(metrics, origin),
        "activities": activities or None,
        "agents": agents,
        "services_down": {*down},
        "trunks_lost": {
            *metrics.labels("xivo_trunk_registered", "trunk", value=0, origin_uuid=origin)
        },
    }


def _known(metrics: _Metrics, origin: str) -> dict[str, float | None]:
    known = {}
    for subsystem in metrics.labels("xivo_state_known", "subsystem", origin_uuid=origin):
        labels = {"origin_uuid": origin, "subsystem": subsystem}
        since = metrics.total("xivo_state_known_since_timestamp_seconds", **labels)
        known[subsystem] = since if metrics.total("xivo_state_known", **labels) else None
    return known


def _queues(metrics: _Metrics, origin: str) -> dict[str, dict[str, Any]]:
    of_queues = (*_OF_QUEUE.values(), "xivo_queue_info", "xivo_queue_window_calls")
    queues = {}
    for queue in {
        queue
        for metric in of_queues
        for queue in metrics.labels(metric, "queue", origin_uuid=origin)
    }:
        labels = {"origin_uuid": origin, "queue": queue}
        names = metrics.labels("xivo_queue_info", "display_name", **labels)
        row: dict[str, Any] = {
            field: metrics.total(metric, **labels) for field, metric in _OF_QUEUE.items()
        }
        for outcome in ("answered", "abandoned"):
            row[outcome] = metrics.total(
                "xivo_queue_window_calls", **labels, outcome=outcome, window="today"
            )
        row["level"] = metrics.total("xivo_queue_service_level_ratio", **labels, window="today")
        queues[queue] = {"queue": queue, "name": names[0] if names else queue, **row}
    return queues


def as_expected(boards: Iterable[ServerBoard]) -> dict[str, dict[str, Any]]:
    """Return boards in the form of `expected`. Their order and the reasons are left out."""
    found = {}
    for board in boards:
        fields = asdict(board)
        origin = fields.pop("origin")
        has_name = board.bus != ""
        found[origin] = fields | {
            "name": board.name if has_name else "",
            "known": {each.subsystem: each.since for each in board.known},
            "queues": {each.queue: each._asdict() for each in board.queues},
            "agents": {(each.agent_id, each.activity) for each in board.agents},
            "services_down": {*board.services_down},
            "trunks_lost": {*board.trunks_lost},
        }
    return found


def padded(name: str) -> str:
    """Return a name in which numbers have leading zeros, so that plain sorting is natural."""
    return re.sub("[0-9]+", lambda digits: digits[0].zfill(200), name.casefold())


def is_sorted(boards: Iterable[ServerBoard]) -> bool:
    """Return whether servers, queues, agents, services and trunks are sorted."""
    boards = [*boards]
    lists = [
        each
        for board in boards
        for each in (
            [(padded(row.name), row.name, padded(row.queue), row.queue) for row in board.queues],
            [(padded(agent.agent_id), agent.agent_id) for agent in board.agents],
            [(padded(name), name) for name in board.services_down],
            [(padded(name), name) for name in board.trunks_lost],
        )
    ]
    lists.append([(board.name, board.origin) for board in boards])
    return all(each == sorted(each) for each in lists)
