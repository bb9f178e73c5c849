"""Let the calls under way be those that an API lists."""

from __future__ import annotations

from collections import Counter
from math import inf

from dataflows.events.calls import CallsListed, ListedCall
from dataflows.knowledge import Drift
from dataflows.legs import Leg, Legs
from dataflows.merging import Changed


def follow_calls(legs: Legs, listing: CallsListed, changed: Changed) -> Counter[Drift]:
    """Have the legs that an API lists, except for those that events changed since it was asked.

    What it does not list has ended: calls are short, so an answer is believed however much it
    lacks. Events that were sent before the answer may still arrive; then they count as always.

    Args:
        legs: As events told them.
        listing: The answer.
        changed: What events changed since the request.

    Returns:
        How many legs were different.
    """
    drift = Counter[Drift]()
    listed = set()
    for each in listing.calls:
        listed.add(each.call)
        if legs.has_ended(each.call):
            continue
        is_newer = each.call not in changed
        leg = legs.get(each.call)
        if leg is None:
            drift[Drift.ADDED] += _add(legs, each, listing.at, is_newer=is_newer)
            continue
        legs.renew(each.call)
        leg.listed = listing.at
        if is_newer:
            drift[Drift.CHANGED] += _change(legs, leg, each)
    for call, leg in [*legs]:
        if call not in listed and call not in changed:
            drift[Drift.REMOVED] += 1
            legs.remove(call, leg)
    return drift


def _add(legs: Legs, listed: ListedCall, at: float, *, is_newer: bool) -> bool:
    """Add a leg that is listed, if it certainly is one; return whether it was added.

    Args:
        legs: As events told them.
        listed: The leg.
        at: When the answer came, Unix seconds.
        is_newer: Whether events told nothing of it since the request. If they did, it can only be
            whether it is on hold, because otherwise the leg would be known.
    """
    if not (listed.is_leg and listed.conversation):
        return False
    conversation = legs.conversations.tell(listed.conversation, listed.direction)
    leg = legs.add(listed.call, conversation)
    if leg is None:
        return False
    is_told, is_held = not is_newer and leg.hold_told > -inf, leg.is_held
    _change(legs, leg, listed)
    if is_told:
        legs.set_held(leg, is_held=is_held)
    leg.listed = at
    return True


def _change(legs: Legs, leg: Leg, listed: ListedCall) -> bool:
    """Let a leg be as it is listed; return whether it was different."""
    before = leg.conversation.name, leg.conversation.direction, leg.is_up, leg.is_held
    name = listed.conversation or leg.conversation.name
    conversation = legs.conversations.tell(name, listed.direction)
    if conversation is not leg.conversation:
        legs.move(leg, conversation)
    if listed.is_up and not leg.is_up:
        legs.answer(leg)
    legs.set_held(leg, is_held=listed.is_held)
    return before != (conversation.name, conversation.direction, leg.is_up, leg.is_held)
