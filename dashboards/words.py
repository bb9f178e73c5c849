"""The one vocabulary: words for people instead of the values of labels."""

from __future__ import annotations

import re
from collections.abc import Mapping

from dashboards.promql import Signal
from dataflows.metric import MetricSpec
from dataflows.subsystems import METRICS
from exporter.exposition import telemetry

_SPECS: Mapping[str, MetricSpec] = {spec.name: spec for spec in (*telemetry.SPECS, *METRICS)}

WORDS: Mapping[str, Mapping[str, str]] = {
    "action": {"created": "left", "deleted": "deleted"},
    "activity": {
        "on_call": "on a call",
        "ringing": "ringing",
        "paused": "paused",
        "wrap_up": "in wrap-up",
        "unavailable": "phone unavailable",
        "available": "available",
        "unknown": "unknown",
    },
    "by": {"agent": "by the agent", "caller": "by the caller", "transfer": "by a transfer"},
    "cause": {
        "normal": "hung up",
        "busy": "busy",
        "no_answer": "no answer",
        "rejected": "rejected",
        "unallocated": "number does not exist",
        "congestion": "no free channel",
        "failure": "failure",
        "other": "other",
    },
    "change": {
        "added": "added",
        "removed": "removed",
        "paused": "paused",
        "unpaused": "pause ended",
    },
    "destination_type": {
        "user": "a user",
        "group": "a group",
        "conference": "a conference",
        "meeting": "a meeting",
        "voicemail": "voicemail",
        "unknown": "unknown",
        "other": "other",
    },
    "direction": {
        "inbound": "inbound",
        "outbound": "outbound",
        "internal": "internal",
        "unknown": "unknown",
    },
    "kind": {
        "added": "added",
        "removed": "removed",
        "changed": "changed",
        "queue": "queue",
        "group": "group",
    },
    "line_state": {
        "ringing": "ringing",
        "progressing": "dialling",
        "holding": "on hold",
        "talking": "talking",
        "available": "available",
        "unavailable": "unavailable",
    },
    "membership": {"static": "static", "dynamic": "dynamic", "realtime": "from a database"},
    "outcome": {
        "answered": "answered",
        "abandoned": "abandoned",
        "expired": "expired",
        "left": "left by a key",
        "lost": "end not seen",
        "unanswered": "unanswered",
        "succeeded": "sent",
        "failed": "failed",
        "ok": "success",
        "unreachable": "unreachable",
        "refused": "refused",
        "not_ready": "not ready",
        "malformed": "malformed answer",
    },
    "presence": {
        "available": "available",
        "away": "away",
        "outtolunch": "out to lunch",
        "donotdisturb": "do not disturb",
        "berightback": "be right back",
        "disconnected": "disconnected",
        "busy": "busy",
        "unavailable": "not available",
        "invisible": "invisible",
        "other": "other",
    },
    "reason": {
        # Of pauses.
        "none": "no reason",
        "other": "other",
        # Of missed calls.
        "busy": "busy",
        "no-answer": "no answer",
        "channel-unavailable": "no free channel",
        "phone-unreachable": "phone unreachable",
        "dnd-enabled": "do not disturb",
        # Of rejected deliveries.
        "too_large": "too large",
        "not_utf8": "not UTF-8",
        "not_json": "not JSON",
        "too_deep": "nested too deeply",
        "not_object": "not an object",
        "no_name": "no name",
        "no_origin": "no origin",
        "bad_data": "invalid data",
        "bad_field": "invalid field",
        "over_limit": "over a limit",
    },
    "registered": {
        "yes": "registered",
        "no": "not registered",
        "unknown": "registration unknown",
    },
    "result": {
        "in_time": "in time",
        "missed": "missed",
        "abandoned_early": "abandoned early",
    },
    "state": {
        # Of phones.
        "idle": "idle",
        "in_use": "in use",
        "busy": "busy",
        "unavailable": "unavailable",
        "ringing": "ringing",
        "in_use_ringing": "in use, ringing",
        "on_hold": "on hold",
        "in_use_on_hold": "in use, on hold",
        "other": "other",
        # Of calls.
        "up": "answered",
        "held": "on hold",
        "queued": "queued",
    },
    "status": {
        # Of agents.
        "logged_in": "logged in",
        "logged_out": "logged out",
        # Of the phones of members.
        "unknown": "unknown",
        "not_in_use": "not in use",
        "in_use": "in use",
        "busy": "busy",
        "invalid": "invalid",
        "unavailable": "unavailable",
        "ringing": "ringing",
        "ringing_in_use": "in use, ringing",
        "on_hold": "on hold",
        # Of call logs.
        "answered": "answered",
        "blocked": "blocked",
        "voicemail": "voicemail",
        "other": "other",
    },
    "subsystem": {
        "agents": "agents",
        "bus": "bus",
        "call_forms": "call forms",
        "calls": "calls under way",
        "chat": "chat",
        "conferences": "conferences",
        "deliveries": "deliveries",
        "endpoints": "phones",
        "faxes": "faxes",
        "lines": "lines",
        "parking": "parked calls",
        "queue_calls": "calls through queues",
        "queues": "queues",
        "services": "services",
        "switchboards": "switchboards",
        "trunks": "trunks",
        "users": "users",
        "voicemail": "voicemail",
    },
}
"""By label and value."""


def of_legend(signal: Signal) -> Mapping[str, str]:
    """Return a word for each name that series can have, if the legend is only such a label."""
    label = signal.legend.removeprefix("{{").removesuffix("}}")
    return of_label(label, signal) if signal.legend == f"{{{{{label}}}}}" else {}


def of_label(label: str, *signals: Signal) -> Mapping[str, str]:
    """Return a word for each value that a label can have in the results of queries."""
    if label not in WORDS:
        return {}
    words = WORDS[label]
    names = {name for each in signals for name in re.findall(r"xivo_\w+", each.expr)}
    specs = [_SPECS[name] for name in sorted(names) if name in _SPECS]
    values = [value for spec in specs for value in spec.vocabulary.get(label, ())]
    # Without declared values, any of them is possible.
    return {str(value): words[value] for value in values} if values else words
