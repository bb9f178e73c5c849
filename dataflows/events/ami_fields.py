"""Read optional fields of AMI events. An invalid value never rejects the event."""

from __future__ import annotations

from dataflows.labels import label


def flag(value: object) -> bool | None:
    """Return a setting; None if it is absent or invalid."""
    return _FLAGS.get(value) if isinstance(value, str | int) else None


_FLAGS: dict[object, bool] = {"0": False, "1": True, 0: False, 1: True}


def pause_reason(paused_reason: object, reason: object) -> str | None:
    """Return why a member is paused, made safe for a label value.

    Args:
        paused_reason: The field `PausedReason`, in all member events since Asterisk 18.
        reason: The field `Reason`, in pause events before.

    Returns:
        Empty if there is no reason, None if the event does not contain it.
    """
    for text in (paused_reason, reason):
        if text and isinstance(text, str):
            return label(text)
    return "" if isinstance(paused_reason, str) or isinstance(reason, str) else None
