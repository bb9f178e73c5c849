"""Switchboards, parked calls, conferences, voicemail and faxes of Wazo."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards import frame, house, palette
from dashboards.completeness import completeness
from dashboards.frame import Section
from dashboards.names import SWITCHBOARDS
from dashboards.panels import Panel, lines, stat
from dashboards.signals import conferences, faxes, knowledge, parking, switchboards, voicemail
from dashboards.tables import Column, table


def dashboard() -> Dashboard:
    """Build the dashboard."""
    return frame.frame(
        SWITCHBOARDS,
        "Switchboards, voicemail and faxes",
        "Calls that wait at switchboards, parked calls, participants of conferences, voicemail "
        "messages and faxes. Only Wazo publishes them.",
        (frame.origins(),),
        (
            Section("Now", _now()),
            Section("Calls that wait, and conferences", _waiting()),
            Section("Switchboards", _switchboards()),
            Section("Voicemail and faxes", _others()),
        ),
    )


def _now() -> list[Panel]:
    return [
        stat(
            "Calls queued",
            "Calls that wait at all switchboards until an operator takes them.",
            switchboards.ALL_QUEUED,
        ),
        stat(
            "Calls held",
            "Calls that operators hold at all switchboards.",
            switchboards.ALL_HELD,
        ),
        stat("Parked calls", "Calls that are parked now.", parking.PARKED),
        stat(
            "Participants of conferences",
            "Channels in all conferences now.",
            conferences.PARTICIPANTS,
        ),
        stat(
            "Voicemail messages",
            "Messages that callers left in the selected time range.",
            voicemail.LEFT,
            decimals=0,
        ),
        stat(
            "Faxes that failed",
            "Faxes that could not be sent, in the selected time range.",
            faxes.FAILED,
            steps=house.SOME_IS_ODD,
            words=house.NEVER,
            decimals=0,
        ),
        completeness(knowledge.SWITCHBOARDS, knowledge.PARKING),
    ]


def _switchboards() -> list[Panel]:
    return [
        table(
            "Switchboards now",
            "Each switchboard: calls that wait for an operator, and calls that operators hold. "
            "With an API, also its name and its tenant.",
            {
                "server": "server",
                "switchboard": "switchboard",
                "display_name": "name",
                "tenant_uuid": "tenant",
            },
            (
                Column("queued", switchboards.QUEUED),
                Column("held", switchboards.HELD),
                Column("", switchboards.NAMES),
            ),
            height=5,
        ),
    ]


def _waiting() -> list[Panel]:
    return [
        lines(
            "Calls at switchboards",
            "Calls that wait at all switchboards: queued for an operator, or held by one.",
            switchboards.WAITING,
            looks={
                "queued": house.Look(palette.ORANGE),
                "held": house.Look(palette.BLUE, (10, 6)),
            },
        ),
        lines(
            "Parked calls and participants of conferences",
            "Calls that are parked, and participants of all conferences.",
            parking.PARKED,
            conferences.PARTICIPANTS,
            looks={
                "parked": house.Look(palette.ORANGE),
                "participants": house.Look(palette.BLUE, (10, 6)),
            },
        ),
    ]


def _others() -> list[Panel]:
    return [
        lines(
            "Voicemail messages per hour",
            "Messages that callers left, and that were deleted. A message in a box of several "
            "users counts once.",
            voicemail.MESSAGES,
            looks={
                "created": house.Look(palette.BLUE),
                "deleted": house.Look(palette.GREY, (10, 6)),
            },
        ),
        lines(
            "Faxes per hour",
            "Faxes that were sent, and that could not be sent.",
            faxes.FAXES,
            looks={
                "succeeded": house.Look(palette.GOOD),
                "failed": house.Look(palette.BAD, (2, 4)),
            },
        ),
    ]
