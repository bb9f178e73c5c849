"""Calls that are somewhere for a while: they enter it, and leave it."""

from __future__ import annotations

from dataflows.subsystem import Event


class CallEntered(Event, frozen=True, gc=False):
    """A call is there from now on; `channel` is the `Uniqueid` of its channel."""

    channel: str


class CallLeft(Event, frozen=True, gc=False):
    """A call is no longer there; `channel` is the `Uniqueid` of its channel."""

    channel: str
