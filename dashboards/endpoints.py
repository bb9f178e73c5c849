"""Phones by state, users by presence, and chat."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards import frame, house, palette
from dashboards.completeness import completeness
from dashboards.frame import Section
from dashboards.names import ENDPOINTS
from dashboards.panels import Panel, lines, stacked, stat
from dashboards.signals import chat, endpoints, knowledge, users


def dashboard() -> Dashboard:
    """Build the dashboard."""
    return frame.frame(
        ENDPOINTS,
        "Endpoints and presence",
        "Phones by state, phones in use and unavailable in each window, flapping phones, "
        "presences of users, and chat.",
        (frame.origins(), frame.windows()),
        (
            Section("Now", _now()),
            Section("Phones", _phones()),
            Section("Users", _users()),
            Section("Chat", _chat()),
        ),
    )


def _now() -> list[Panel]:
    return [
        stat(
            "Phones",
            "Known phones. A phone is known from its first event until its hint is removed.",
            endpoints.KNOWN,
        ),
        stat(
            "Phones unavailable",
            "Phones that cannot be reached now: unplugged, or without network.",
            endpoints.UNAVAILABLE,
            steps=house.ANY_IS_ODD,
            words=house.NONE,
        ),
        stat(
            "Share of phones unavailable",
            "Share of the known phones that cannot be reached. Orange from 10 %. Red from 30 %: "
            "the cause is probably the network.",
            endpoints.UNAVAILABLE_SHARE,
            steps=house.SHARE_IS_BAD,
            decimals=1,
        ),
        stat(
            "Flapping phones",
            "Phones that became unavailable at least three times in the last window.",
            endpoints.FLAPPING,
            steps=house.ANY_IS_ODD,
            words=house.NONE,
        ),
        stat(
            "Users",
            "Known users. A user is known from the first event until the user is deleted.",
            users.KNOWN,
        ),
        stat("Users available", "Users whose presence is available now.", users.AVAILABLE),
        completeness(knowledge.PHONES, knowledge.USERS),
    ]


def _phones() -> list[Panel]:
    return [
        stacked(
            "Phones by state",
            "Known phones, by state.",
            endpoints.BY_STATE,
            colours=palette.ENDPOINT_STATES,
        ),
        stacked(
            "Phone state changes per minute",
            "Changes into each state. A repeated state does not count.",
            endpoints.TRANSITIONS,
            colours=palette.ENDPOINT_STATES,
        ),
        lines(
            "Phones in use per window",
            "Phones in use, busy or on hold: maximum, average and minimum of each window, and "
            "maximum since midnight, for each server. They include changes between two scrapes.",
            *endpoints.IN_USE_EXTREMES,
            looks=house.EXTREMES,
        ),
        lines(
            "Phones unavailable per window",
            "Maximum, average and minimum of each window, and maximum since midnight, for each "
            "server.",
            *endpoints.UNAVAILABLE_EXTREMES,
            looks=house.EXTREMES,
        ),
    ]


def _users() -> list[Panel]:
    return [
        stacked(
            "Users by presence",
            "Known users, by presence.",
            users.BY_PRESENCE,
            colours=palette.PRESENCES,
            span=8,
        ),
        lines(
            "Users available per window",
            "Maximum, average and minimum of each window, and maximum since midnight, for each "
            "server.",
            *users.AVAILABLE_EXTREMES,
            looks=house.EXTREMES,
            span=8,
        ),
        stacked(
            "Presence changes per minute",
            "Changes into each presence. A repeated presence does not count.",
            users.CHANGES,
            colours=palette.PRESENCES,
            span=8,
        ),
    ]


def _chat() -> list[Panel]:
    return [
        lines(
            "Chat messages per minute",
            "Messages that users sent to each other.",
            chat.MESSAGES,
            looks={"messages": house.Look(palette.BLUE)},
        ),
        lines(
            "Users who chatted",
            "Number of different users who sent a message in each window, and since midnight.",
            chat.SENDERS,
            chat.SENDERS_TODAY,
            looks=house.COUNTS,
        ),
    ]
