"""Queries about chat messages."""

from __future__ import annotations

from functools import partial

from dashboards.promql import Signal, once, rate, today, total
from dataflows.subsystems import chat

_signal = partial(Signal, about="chat messages")

MESSAGES = _signal(f"60 * {total(rate(chat.MESSAGES))}", "short", "messages per minute")
SENDERS = _signal(total(once(chat.SENDERS)), legend="users")
SENDERS_TODAY = _signal(total(today(chat.SENDERS)), legend="today")
