"""Let the calls under way be those that an API lists."""

from __future__ import annotations

from collections import Counter

from dataflows.events.calls import CallsListed, LegChanged, LegEvent, LegHeld, ListedCall
from dataflows.knowledge import Drift
from dataflows.legs import Leg, Legs
from dataflows.merging import Changed

_HOLD = "hold"


def note(event: LegEvent, legs: Legs, changed: Changed) -> None:
    """Note what an event changes, while the API is asked.

    An event that tells only whether a leg is on hold says nothing of the rest of it. What may be no
    leg changes none.

    Args:
        event: Before it is followed.
        legs: Before the event.
        changed: What events changed since the request.
    """
    if isinstance(event, LegHeld):
        changed.add((_HOLD, event.call))
    elif not isinstance(event, LegChanged) or event.is_leg or legs.get(event.call):
        changed.add(event.call)


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
    for each in listing.calls:
        if (leg := legs.get(each.call)) is not None:
            legs.renew(each.call)
            leg.listed = listing.at
        if each.call not in changed and not legs.has_ended(each.call):
            follows_hold = (_HOLD, each.call) not in changed
            if leg is None:
                drift[Drift.ADDED] += _add(legs, each, listing.at, follows_hold=follows_hold)
            else:
                drift[Drift.CHANGED] += _change(legs, leg, each, follows_hold=follows_hold)
    listed = {each.call for each in listing.calls}
    for call, leg in [*legs]:
        if call not in listed and call not in changed and (_HOLD, call) not in changed:
            drift[Drift.REMOVED] += 1
            legs.remove(call, leg)
    return drift


def _add(legs: Legs, listed: ListedCall, at: float, *, follows_hold: bool) -> bool:
    """Add a leg that is listed, if it certainly is one; return whether it was added."""
    if not (listed.is_leg and listed.conversation):
        return False
    conversation = legs.conversations.tell(listed.conversation, listed.direction)
    leg = legs.add(listed.call, conversation)
    if leg is None:
        return False
    _change(legs, leg, listed, follows_hold=follows_hold)
    leg.listed = at
    return True


def _change(legs: Legs, leg: Leg, listed: ListedCall, *, follows_hold: bool) -> bool:
    """Let a leg be as it is listed; return whether it was different."""
    before = leg.conversation.name, leg.conversation.direction, leg.is_up, leg.is_held
    name = listed.conversation or leg.conversation.name
    conversation = legs.conversations.tell(name, listed.direction)
    if conversation is not leg.conversation:
        legs.move(leg, conversation)
    if listed.is_up and not leg.is_up:
        legs.answer(leg)
    if follows_hold:
        legs.set_held(leg, is_held=listed.is_held)
    return before != (conversation.name, conversation.direction, leg.is_up, leg.is_held)
