"""Queries about chat messages."""

from __future__ import annotations

from dashboards.promql import Signal, once, rate, total
from dataflows.subsystems import chat

MESSAGES = Signal(f"60 * {total(rate(chat.MESSAGES))}", "short", "messages per minute")
SENDERS = Signal(total(once(chat.SENDERS)), legend="users")
