"""Checks each right on the broker: configure, write and read on the inbox, read on the exchange."""

from __future__ import annotations

import re
import shlex

from exporter.checks.report import Findings
from exporter.consumer.inbox import Inbox
from exporter.consumer.probe import InboxSeen, Probe, RefusedError
from exporter.settings.bus_url import BusUrl

LIMITS, INBOX = "limits", "inbox"
CONFIGURE = "right to configure the inbox"
WRITE = "right to write to the inbox"
READ = "right to read the inbox"
READ_EXCHANGE = "right to read the exchange"

CHECKS = (CONFIGURE, WRITE, READ, READ_EXCHANGE)

_REFUSED, _LOCKED, _OTHER = 403, 405, 406
_LIMIT = "cannot declare queue"


def grant(url: BusUrl, inbox: Inbox) -> str:
    """Return the command that gives the user all the rights that the exporter needs."""
    read = rf"^(xivo-exporter\..*|{re.escape(inbox.exchange)})$"
    patterns = (r"^xivo-exporter\.", r"^xivo-exporter\.", read)
    words = ("rabbitmqctl", "set_permissions", "-p", url.vhost, url.user, *patterns)
    return " ".join(map(shlex.quote, words))


def try_rights(
    probe: Probe, inbox: Inbox, url: BusUrl, findings: Findings, temporary: str
) -> str | None:
    """Try the inbox and each right.

    Args:
        probe: Is open.
        inbox: That the exporter would read.
        url: The address.
        findings: Get what was found.
        temporary: A name for a temporary inbox.

    Returns:
        The name of a temporary inbox that may be bound and read; "" if the user may have none;
        None if a right is missing.
    """
    advice = f"give the right to the user: {grant(url, inbox)}"
    try:
        seen = probe.find_inbox()
    except RefusedError as error:
        if error.code == _REFUSED:
            findings.fail(CONFIGURE, error.problem, advice)
        else:
            _tell_locked(error, inbox, findings)
        return None
    queue = _configured(probe, inbox, seen, findings, temporary=temporary, advice=advice)
    if queue is None:
        return None
    # The rights on the inbox itself, if it is there.
    tried = inbox.name if seen is not None else queue
    has_all = _may_bind(probe, inbox, tried, findings, advice)
    return queue if _may_read(probe, tried, findings, advice) and has_all else None


def _tell_locked(error: RefusedError, inbox: Inbox, findings: Findings) -> None:
    name = shlex.quote(inbox.name)
    advice = (
        f"end the client that owns it: rabbitmqctl list_queues name owner_pid | grep {name}, or "
        "choose another --instance"
    )
    findings.fail(INBOX, error.problem, advice if error.code == _LOCKED else "see the broker's log")


def _configured(  # noqa: PLR0913 -- what is tried, and what is said
    probe: Probe,
    inbox: Inbox,
    seen: InboxSeen | None,
    findings: Findings,
    *,
    temporary: str,
    advice: str,
) -> str | None:
    """Try to declare; return the name of the temporary inbox, as `try_rights` does."""
    try:
        if seen is not None:
            probe.declare_again()
            _tell_inbox(seen, inbox, findings)
            findings.good(CONFIGURE, "the user has it")
        queue = _temporary(probe, inbox, temporary, is_there=seen is not None)
    except RefusedError as error:
        _tell_not_configured(error, inbox, findings, advice)
        return None
    if seen is None:
        findings.good(INBOX, f"{inbox.name} is not there yet; the exporter creates it")
        findings.good(CONFIGURE, "the user has it")
    return queue


def _temporary(probe: Probe, inbox: Inbox, name: str, *, is_there: bool) -> str:
    try:
        probe.make_temporary(name)
        return name
    except RefusedError:
        if is_there:
            # The inbox shows whether the right is there. Only its messages cannot be read here.
            return ""
    # The user may have the right for this name only. No exporter has an inbox that is not there.
    probe.make_temporary(inbox.name)
    return inbox.name


def _tell_inbox(seen: InboxSeen, inbox: Inbox, findings: Findings) -> None:
    said = f"{inbox.name} is there, and {seen.waiting} messages wait in it"
    if seen.has_reader:
        findings.warn(
            INBOX,
            f"an exporter reads {inbox.name} now",
            "nothing, if it is this one and runs; otherwise choose another --instance: a second "
            "exporter of an instance waits as a standby",
        )
    else:
        findings.good(INBOX, said)


def _tell_not_configured(
    error: RefusedError, inbox: Inbox, findings: Findings, advice: str
) -> None:
    if error.code == _REFUSED:
        findings.good(INBOX, inbox.name)
        findings.fail(CONFIGURE, error.problem, advice)
    elif error.code == _OTHER and _LIMIT in error.words:
        advice = "rabbitmqctl list_vhost_limits shows the limit; raise max-queues"
        findings.fail(LIMITS, error.problem, advice)
    else:
        name = shlex.quote(inbox.name)
        advice = (
            f"delete it, which loses the messages in it: rabbitmqctl delete_queue {name}, or "
            "set --inbox-expires, --inbox-max-length and --inbox-max-bytes as they were"
        )
        findings.fail(INBOX, error.problem, advice)


def _may_bind(probe: Probe, inbox: Inbox, queue: str, findings: Findings, advice: str) -> bool:
    try:
        probe.try_binding(queue, inbox.exchange)
    except RefusedError as error:
        # The broker checks the queue first.
        if "access to exchange" in error.words or "access to topic" in error.words:
            findings.good(WRITE, "the user has it")
            findings.fail(READ_EXCHANGE, error.problem, advice)
        else:
            findings.fail(WRITE, error.problem, advice)
        return False
    findings.good(WRITE, "the user has it")
    findings.good(READ_EXCHANGE, f"the user has it on {inbox.exchange}")
    return True


def _may_read(probe: Probe, queue: str, findings: Findings, advice: str) -> bool:
    try:
        probe.try_reading(queue)
    except RefusedError as error:
        findings.fail(READ, error.problem, advice)
        return False
    findings.good(READ, "the user has it")
    return True
