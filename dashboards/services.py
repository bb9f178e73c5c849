"""Services: up or down, restarts, crashes and availability."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards import frame, house, palette
from dashboards.completeness import completeness
from dashboards.frame import Section
from dashboards.names import SERVICES
from dashboards.panels import Panel, bars, stat, timeline
from dashboards.signals import bus, knowledge, services
from dashboards.tables import Column, table

_AVAILABLE = (
    (0, palette.BAD),
    (0.99, palette.WARNING),
    (0.999, palette.GOOD),
)
_IN_WINDOW: house.Words = {
    0: ("down", palette.BAD),
    1: ("down for a while", palette.WARNING),
    2: ("up", palette.GOOD),
}
_WORKS: house.Words = {0: ("fails", palette.BAD), 1: ("works", palette.GOOD)}
_NO_COMPONENTS = "No API of the selected servers lists components"
_RESTARTED = ((0, palette.NEUTRAL), (3, palette.WARNING))


def dashboard() -> Dashboard:
    """Build the dashboard."""
    return frame.frame(
        SERVICES,
        "Services",
        "The services of each server: up or down over time, restarts, crashes and availability.",
        (frame.origins(), frame.windows()),
        (
            Section("Now", _now()),
            Section("Over time", _over_time()),
            Section("Selected time range", _in_range()),
            Section("Instances", _instances()),
            Section("Daemons and components of Wazo", _components()),
        ),
    )


def _now() -> list[Panel]:
    return [
        stat(
            "Services down",
            "Services that stopped and have not started again.",
            services.DOWN,
            steps=house.NONE_IS_GOOD,
            words=house.NONE,
        ),
        stat(
            "Services",
            "Known services, up or down. A service that is down for a week is removed.",
            services.KNOWN,
        ),
        stat(
            "Lowest availability",
            "Availability of the least available service, in the selected time range. Orange below "
            "99.9 %, red below 99 %.",
            services.WORST_AVAILABILITY,
            steps=_AVAILABLE,
            decimals=2,
        ),
        stat(
            "Deregistrations",
            "How often services stopped normally, in the selected time range.",
            services.ALL_DEREGISTRATIONS,
            words=house.NONE,
            decimals=0,
        ),
        stat(
            "Unclean restarts",
            "How often services started after a crash in the selected time range: the instance "
            "before had not deregistered.",
            services.ALL_UNCLEAN_RESTARTS,
            steps=house.SOME_IS_ODD,
            words=house.NONE,
            decimals=0,
        ),
        stat(
            "Longest time without events",
            "Time since the last event of the server that has been silent longest. Without events, "
            "the state of its services is out of date. Orange from 5 minutes, red from 15.",
            bus.LONGEST_SILENCE,
            steps=house.SILENCE_IS_BAD,
            decimals=0,
        ),
        completeness(knowledge.SERVICES),
    ]


def _over_time() -> list[Panel]:
    return [
        timeline(
            "Up or down",
            "State of each service at each scrape. Dashed marks show deregistrations.",
            services.UP,
            words=house.IS_UP,
        ),
        timeline(
            "Up or down per window",
            "State of each service in each window. It shows even a short outage between two "
            "scrapes.",
            services.WINDOW_STATE,
            words=_IN_WINDOW,
        ),
    ]


def _in_range() -> list[Panel]:
    return [
        bars(
            "Availability",
            "Share of the selected time range in which each service was up. While the exporter is "
            "disconnected from the bus, the last known state counts.",
            services.AVAILABILITY,
            steps=_AVAILABLE,
            top=1,
            decimals=2,
        ),
        bars(
            "Registrations",
            "How often each service started, in the selected time range. Orange from 3.",
            services.REGISTRATIONS,
            steps=_RESTARTED,
            decimals=0,
        ),
        bars(
            "Unclean restarts",
            "How often each service started after a crash, in the selected time range.",
            services.UNCLEAN_RESTARTS,
            steps=house.SOME_STANDS_OUT,
            decimals=0,
        ),
    ]


def _components() -> list[Panel]:
    return [
        timeline(
            "Daemons of Wazo",
            "Whether all components of each daemon work. This needs a Wazo and an API.",
            services.DAEMON_WORKS,
            words=_WORKS,
            no_data=_NO_COMPONENTS,
            height=12,
        ),
        table(
            "Components now",
            "The components of each daemon, first those that fail. `api` is the daemon itself: it "
            "fails if it does not answer the exporter.",
            {"server": "server", "service_name": "daemon", "component": "component"},
            (Column("state", services.COMPONENT_UP, words=_WORKS),),
            no_data=_NO_COMPONENTS,
            span=12,
            height=12,
        ),
    ]


def _instances() -> list[Panel]:
    return [
        table(
            "Instances",
            "The last instance of each service, its state, when the service last registered and "
            "deregistered, and how often it stopped normally in the selected time range.",
            {
                "server": "server",
                "service_name": "service",
                "address": "address",
                "port": "port",
                "service_id": "instance",
            },
            (
                Column("", services.INFO),
                Column("state", services.UP, words=house.IS_UP),
                Column("registered", services.REGISTERED_AT),
                Column("last deregistered", services.DEREGISTERED_AT),
                Column("deregistrations", services.DEREGISTRATIONS, decimals=0),
            ),
            height=8,
        ),
    ]
