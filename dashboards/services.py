"""Services: which are up, since when, how often they restarted, and how available they were."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards import frame, house, palette
from dashboards.frame import Section
from dashboards.names import SERVICES
from dashboards.panels import Panel, bars, stat, timeline
from dashboards.signals import bus, services
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
_RESTARTED = ((0, palette.NEUTRAL), (3, palette.WARNING))


def dashboard() -> Dashboard:
    """Build the dashboard."""
    return frame.frame(
        SERVICES,
        "Services",
        "The services of each server: up or down over time, restarts, unclean restarts, "
        "availability.",
        (frame.origins(), frame.windows()),
        (
            Section("Now", _now()),
            Section("Over time", _over_time()),
            Section("In the time that is shown", _in_range()),
            Section("Instances", _instances()),
        ),
    )


def _now() -> list[Panel]:
    return [
        stat(
            "Services down",
            "Services whose latest instance has deregistered and none has registered since.",
            services.DOWN,
            steps=house.NONE_IS_GOOD,
            words=house.NONE,
        ),
        stat(
            "Services",
            "Services known, up or down. One that is down for a day is forgotten.",
            services.KNOWN,
        ),
        stat(
            "Worst availability",
            "Of all services, in the time that is shown. Orange below 99.9 %, red below 99 %.",
            services.WORST_AVAILABILITY,
            steps=_AVAILABLE,
            decimals=2,
        ),
        stat(
            "Deregistrations",
            "Instances that stopped in good order, in the time that is shown.",
            services.ALL_DEREGISTRATIONS,
            words=house.NONE,
            decimals=0,
        ),
        stat(
            "Unclean restarts",
            "Instances that started while the one before had never deregistered, in the time that "
            "is shown: it crashed.",
            services.ALL_UNCLEAN_RESTARTS,
            steps=house.SOME_IS_ODD,
            words=house.NONE,
            decimals=0,
        ),
        stat(
            "Longest silence of a server",
            "Time since the newest event of the server that was silent for longest: while a server "
            "is silent, its services are as they were before. Orange from 5 minutes, red from 15.",
            bus.LONGEST_SILENCE,
            steps=house.SILENCE_IS_BAD,
            decimals=0,
        ),
    ]


def _over_time() -> list[Panel]:
    return [
        timeline(
            "Up or down",
            "Each service as it was at each scrape. Marks show deregistrations.",
            services.UP,
            words=house.IS_UP,
        ),
        timeline(
            "In each window",
            "What no scrape may have seen: a service that was down for a while in the window, "
            "however short.",
            services.WINDOW_STATE,
            words=_IN_WINDOW,
        ),
    ]


def _in_range() -> list[Panel]:
    return [
        bars(
            "Availability",
            "Share of the time in which the service was up, by its windows. Times without a "
            "connection to the bus count as they were before.",
            services.AVAILABILITY,
            steps=_AVAILABLE,
            top=1,
            decimals=2,
        ),
        bars(
            "Registrations",
            "Instances that started. Orange from 3.",
            services.REGISTRATIONS,
            steps=_RESTARTED,
            decimals=0,
        ),
        bars(
            "Unclean restarts",
            "Instances that replaced one which had crashed.",
            services.UNCLEAN_RESTARTS,
            steps=house.SOME_STANDS_OUT,
            decimals=0,
        ),
    ]


def _instances() -> list[Panel]:
    return [
        table(
            "Instances",
            "The instance of each service that registered last, whether it is up, when a service "
            "last registered and deregistered, and how often it stopped in good order in the time "
            "that is shown.",
            {
                "origin_uuid": "server",
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
