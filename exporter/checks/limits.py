"""Tells a limit of the broker from what else can be refused."""

from __future__ import annotations

from exporter.checks.report import Findings
from exporter.consumer.probe import RefusedError

LIMITS = "limits"

ADVICE = (
    "rabbitmqctl list_vhost_limits and rabbitmqctl list_user_limits show the limits; "
    "rabbitmqctl clear_vhost_limits or clear_user_limits removes them"
)

_NOT_ALLOWED = 530
"""Reply code."""


def tell_refused(findings: Findings, check: str, error: RefusedError, advice: str) -> None:
    """Tell that a check failed, or that a limit of the broker is reached.

    RabbitMQ counts channels with a delay, so their limit may show at a later check.
    """
    if error.code == _NOT_ALLOWED:
        findings.fail(LIMITS, error.problem, ADVICE)
    else:
        findings.fail(check, error.problem, advice)
