"""Queries about voicemail messages."""

from __future__ import annotations

from functools import partial

from dashboards.promql import Signal, increase, rate, total
from dataflows.subsystems import voicemail

_signal = partial(Signal, about="voicemail")

MESSAGES = _signal(f"3600 * {total(rate(voicemail.MESSAGES), 'action')}", "short", "{{action}}")
LEFT = _signal(total(increase(voicemail.MESSAGES, action="created")))
