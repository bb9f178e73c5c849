"""What an exporter must show of a simulated Wazo: the truth of the simulation, as series.

Each part is the truth of one subsystem. Metrics of queues and agents are not here: both generations
have them, and other tests compare them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import product
from typing import Any

from dataflows.metric import Histogram
from exporter.simulation.simulator import CallCentre
from exporter.simulation.wazo.server import Wazo
from tests.pipeline import SeriesValues

Truth = dict[tuple[str, tuple[str, ...]], float]

DIRECTIONS = ("inbound", "outbound", "internal", "unknown")
STATES = ("ringing", "up", "held")
CAUSES = (
    *("normal", "busy", "no_answer", "rejected"),
    *("unallocated", "congestion", "failure", "other"),
)
STATUSES = ("answered", "blocked", "voicemail", "unknown", "other")
DESTINATIONS = ("user", "group", "conference", "meeting", "voicemail", "unknown", "other")
REASONS = (
    *("busy", "no-answer", "channel-unavailable", "phone-unreachable"),
    *("dnd-enabled", "other"),
)
PRESENCES = (
    *("available", "away", "outtolunch", "donotdisturb", "berightback"),
    *("disconnected", "busy", "unavailable", "invisible", "other"),
)
LINE_STATES = ("ringing", "progressing", "holding", "talking", "available", "unavailable")


def _closed(
    name: str, counts: Mapping[Any, float], *words: Iterable[str]
) -> dict[tuple[str, tuple[str, ...]], float]:
    """Return the series of a closed vocabulary, also those that are 0."""
    labels = set(product(*words))
    assert set(counts) <= labels
    return {(name, each): counts.get(each, 0) for each in labels}


def _users(wazo: Wazo, *, has_apis: bool) -> Truth:
    people = wazo.people.values()
    known = [
        person.presence if has_apis else person.told for person in people if has_apis or person.told
    ]
    told = [presence for presence in known if presence is not None]
    return {
        **{
            ("xivo_users", (each,)): float(sum(user.state == each for user in told))
            for each in PRESENCES
        },
        **{
            ("xivo_users_line_state", (each,)): float(sum(user.line_state == each for user in told))
            for each in LINE_STATES
        },
        ("xivo_users_do_not_disturb", ()): sum(user.do_not_disturb for user in told),
        ("xivo_users_connected", ()): sum(user.connected for user in told),
    }


def _calls(wazo: Wazo) -> Truth:
    durations = wazo.logs.durations
    return {
        **_closed("xivo_calls", wazo.calls.under_way, DIRECTIONS, STATES),
        **_closed("xivo_call_legs_ended_total", wazo.calls.ended, DIRECTIONS, CAUSES),
        **_closed(
            "xivo_conversations_total", wazo.logs.written, DIRECTIONS, STATUSES, DESTINATIONS
        ),
        **_closed(
            "xivo_missed_calls_total",
            {(reason,): times for reason, times in wazo.office.missed.items()},
            REASONS,
        ),
        **{
            ("xivo_conversation_duration_seconds_count", (each,)): len(durations[each])
            for each in DIRECTIONS
        },
        **{
            ("xivo_conversation_duration_seconds_sum", (each,)): sum(durations[each])
            for each in DIRECTIONS
        },
    }


def _lines(wazo: Wazo, *, has_apis: bool) -> Truth:
    lines = [person.line for person in wazo.people.values()]
    known = [line.status if has_apis else line.told for line in lines if has_apis or line.told]
    told = [status for status in known if status is not None]
    return {
        ("xivo_lines", ("yes",)): sum(status.registered is True for status in told),
        ("xivo_lines", ("no",)): sum(status.registered is False for status in told),
        ("xivo_lines", ("unknown",)): 0,
        ("xivo_lines_in_call", ()): sum(bool(status.calls) for status in told),
    }


def _trunks(wazo: Wazo, *, has_apis: bool) -> Truth:
    truth: Truth = {}
    for trunk in wazo.trunks:
        labels = (trunk.name,)
        if trunk.told is not None:
            truth["xivo_trunk_registered", labels] = bool(trunk.registered)
            truth["xivo_trunk_calls", labels] = len(trunk.calls)
        if trunk.told is not None or has_apis:
            truth["xivo_trunk_registration_losses_total", labels] = trunk.losses
    return truth


def _others(wazo: Wazo, *, has_apis: bool) -> Truth:
    """Return the small subsystems; each has series from its first event or list on."""
    board, parking, conferences = wazo.switchboard, wazo.office.parking, wazo.conferences
    messages, faxes = wazo.office.voicemail.messages, wazo.faxes.sent
    truth: Truth = {
        ("xivo_switchboard_calls", (board.uuid, state)): len(waiting)
        for state, waiting in board.waiting.items()
    }
    if parking.times or has_apis:
        truth["xivo_parked_calls", ()] = len(parking.parked)
    if conferences.joined:
        truth["xivo_conference_participants", ()] = len(conferences.participants)
    if wazo.chatd.messages:
        truth["xivo_chat_messages_total", ()] = wazo.chatd.messages
    if messages:
        actions, access = ("created", "deleted"), ("personal", "global")
        truth |= _closed("xivo_voicemail_messages_total", messages, actions, access)
    if faxes:
        sent = {(outcome,): times for outcome, times in faxes.items()}
        truth |= _closed("xivo_faxes_total", sent, ("succeeded", "failed"))
    return truth


def true_series(centre: CallCentre, *, has_apis: bool) -> Truth:
    """Return the true values of all series, without the label of the origin.

    Args:
        centre: The call centre, some time after the first event of each kind.
        has_apis: Whether the exporter also asks the APIs, which list those of whom no event tells.
    """
    wazo = centre.wazo
    assert wazo is not None
    return {
        **_users(wazo, has_apis=has_apis),
        **_calls(wazo),
        **_lines(wazo, has_apis=has_apis),
        **_trunks(wazo, has_apis=has_apis),
        **_others(wazo, has_apis=has_apis),
    }


def shown(series: SeriesValues, origin: str, wanted: Iterable[str]) -> Truth:
    """Return the series of an origin that have one of these names, without its label."""
    names = set(wanted)
    found: Truth = {}
    for (name, (first, *labels)), value in series.items():
        if first != origin:
            continue
        if isinstance(value, Histogram):
            found[f"{name}_count", (*labels,)] = sum(value.counts)
            found[f"{name}_sum", (*labels,)] = value.total
        else:
            found[name, (*labels,)] = value
    return {each: value for each, value in found.items() if each[0] in names}
