"""Phones and people: what state they are in, and what flaps."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards import frame, house, palette
from dashboards.frame import Section
from dashboards.names import ENDPOINTS
from dashboards.panels import Panel, lines, stacked, stat
from dashboards.signals import chat, endpoints, users


def dashboard() -> Dashboard:
    """Build the dashboard."""
    return frame.frame(
        ENDPOINTS,
        "Endpoints and presence",
        "Phones by state, those in use and those unavailable in each window, phones that flap, "
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
            "Phones known. One is known from its first event until its hint is removed.",
            endpoints.KNOWN,
        ),
        stat(
            "Phones unavailable",
            "Phones that are unavailable now: unplugged, or without network.",
            endpoints.UNAVAILABLE,
            steps=house.ANY_IS_ODD,
            words=house.NONE,
        ),
        stat(
            "Share unavailable",
            "Share of the known phones. Orange from 10 %, red from 30 %: rather a network or a "
            "switch than a phone.",
            endpoints.UNAVAILABLE_SHARE,
            steps=house.SHARE_IS_BAD,
            decimals=1,
        ),
        stat(
            "Phones that flap",
            "Phones that became unavailable three times or more in the last window.",
            endpoints.FLAPPING,
            steps=house.ANY_IS_ODD,
            words=house.NONE,
        ),
        stat("Users", "Users known, from the first event of each until deleted.", users.KNOWN),
        stat("Users available", "Users whose presence is available now.", users.AVAILABLE),
    ]


def _phones() -> list[Panel]:
    return [
        stacked(
            "Phones by state",
            "Phones known, by state.",
            endpoints.BY_STATE,
            colours=palette.ENDPOINT_STATES,
        ),
        stacked(
            "Changes a minute, into each state",
            "Phones that went into a state; a repeated state is no change.",
            endpoints.TRANSITIONS,
            colours=palette.ENDPOINT_STATES,
        ),
        lines(
            "Phones in use, in each window",
            "In use, busy or on hold: the greatest, mean and least number in each window, with "
            "what came and went between two scrapes. For each server.",
            *endpoints.IN_USE_EXTREMES,
            looks=house.EXTREMES,
        ),
        lines(
            "Phones unavailable, in each window",
            "The greatest, mean and least number in each window. For each server.",
            *endpoints.UNAVAILABLE_EXTREMES,
            looks=house.EXTREMES,
        ),
    ]


def _users() -> list[Panel]:
    return [
        stacked(
            "Users by presence",
            "Users known, by presence.",
            users.BY_PRESENCE,
            colours=palette.PRESENCES,
            span=8,
        ),
        lines(
            "Users available, in each window",
            "The greatest, mean and least number in each window. For each server.",
            *users.AVAILABLE_EXTREMES,
            looks=house.EXTREMES,
            span=8,
        ),
        stacked(
            "Changes a minute, into each presence",
            "Users who changed to a presence; a repeated presence is no change.",
            users.CHANGES,
            colours=palette.PRESENCES,
            span=8,
        ),
    ]


def _chat() -> list[Panel]:
    return [
        lines(
            "Chat messages a minute",
            "Messages that users sent to each other.",
            chat.MESSAGES,
            looks={"messages": house.Look(palette.BLUE)},
        ),
        lines(
            "Who chats",
            "Different users who sent a message in each window.",
            chat.SENDERS,
            looks={"different": house.Look(palette.BLUE)},
        ),
    ]
