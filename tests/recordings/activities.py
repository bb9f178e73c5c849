"""What agents do, as Asterisk says it."""

from __future__ import annotations

from tests.recordings.replay import Settings


def activity(members: list[dict[str, str]], settings: Settings, now: float) -> str:
    """Return what an agent with these memberships does."""
    states = {int(member["Status"]) for member in members}
    holds = {
        "on_call": bool(states & {2, 3, 7, 8}),
        "ringing": 6 in states,
        "unknown": not members,
        "paused": all(member["Paused"] == "1" for member in members),
        "wrap_up": any(settings.is_in_wrap_up(member, now) for member in members),
        "unavailable": states <= {4, 5},
        "available": True,
    }
    return next(what for what, is_so in holds.items() if is_so)
