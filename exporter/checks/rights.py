"""Checks each right on the broker: configure, write and read on the inbox, read on the exchange."""

from __future__ import annotations

import re
import secrets
import shlex
import threading

from exporter.checks.limits import LIMITS, tell_refused
from exporter.checks.listening import CLOCK, EVENTS
from exporter.checks.report import Findings
from exporter.consumer.inbox import Inbox
from exporter.consumer.probe import InboxSeen, Probe, RefusedError
from exporter.consumer.temporary_inbox import TemporaryInbox
from exporter.settings.bus_url import BusUrl

INBOX = "inbox"
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


class RightsCheck:
    """Tries the inbox and each right, without an effect on the inbox.

    Args:
        probe: Is open.
        inbox: That the exporter would read.
        url: The address.
        findings: Get what was found.
        is_inbox_made: Set when a check of this bus makes a temporary inbox with the name of the
            inbox; its addresses may be those of the same broker.

    Attributes:
        temporary: A temporary inbox, after `run`, or why there is none.
    """

    def __init__(
        self,
        probe: Probe,
        inbox: Inbox,
        url: BusUrl,
        findings: Findings,
        is_inbox_made: threading.Event,
    ) -> None:
        self._probe, self._inbox, self._findings = probe, inbox, findings
        self._is_inbox_made = is_inbox_made
        self._advice = f"give the right to the user: {grant(url, inbox)}"
        restricted = ("-p", url.vhost, url.user, inbox.exchange)
        self._advice_for_topics = (
            "the user has rights on some topics only; to end that restriction: "
            f"{shlex.join(('rabbitmqctl', 'clear_topic_permissions', *restricted))}"
        )
        self.temporary: TemporaryInbox | str = ""

    def run(self) -> bool:
        """Try everything; return whether the user has all rights."""
        try:
            seen = self._probe.find_inbox()
        except RefusedError as error:
            self._tell_unseen(error)
            return False
        if not self._may_configure(seen):
            return False
        # The rights on the inbox itself, if it is there.
        temporary = self.temporary
        queue = self._inbox.name if seen or isinstance(temporary, str) else temporary.name
        has_all = self._may_bind(queue)
        return self._may_read(queue) and has_all

    def _tell_unseen(self, error: RefusedError) -> None:
        if error.code == _REFUSED:
            # RabbitMQ from 4.3 on, if the user has no right on the inbox at all.
            self._fail(CONFIGURE, error)
        elif error.code == _LOCKED:
            self._tell_locked(error)
        else:
            tell_refused(self._findings, INBOX, error, "see the broker's log")

    def _tell_locked(self, error: RefusedError) -> None:
        if self._is_inbox_made.is_set():
            for each in (INBOX, *CHECKS, EVENTS, CLOCK):
                self._findings.skip(each, "another address of the bus is that of the same broker")
            return
        name = shlex.quote(self._inbox.name)
        advice = (
            "end the client that owns it: rabbitmqctl list_queues name owner_pid | grep "
            f"{name}, or choose another --instance"
        )
        self._findings.fail(INBOX, error.problem, advice)

    def _may_configure(self, seen: InboxSeen | None) -> bool:
        try:
            if seen is not None:
                self._probe.declare_again()
                self._tell_inbox(seen)
            self.temporary = self._make_temporary(is_there=seen is not None)
        except RefusedError as error:
            self._tell_not_configured(error)
            return False
        if seen is None:
            said = f"{self._inbox.name} is not there yet; the exporter creates it"
            self._findings.good(INBOX, said)
        self._findings.good(CONFIGURE, _HAS)
        return True

    def _make_temporary(self, *, is_there: bool) -> TemporaryInbox | str:
        try:
            name = f"{self._inbox.name}.check-{secrets.token_hex(4)}"
            return TemporaryInbox(self._probe, name)
        except RefusedError as error:
            if is_there:
                # The inbox shows whether the right is there. Only no messages can be read here.
                return error.problem
        # The user may have the right for this name only. Nobody has an inbox that is not there.
        self._is_inbox_made.set()
        return TemporaryInbox(self._probe, self._inbox.name)

    def _tell_inbox(self, seen: InboxSeen) -> None:
        name = self._inbox.name
        if seen.has_reader:
            self._findings.warn(
                INBOX,
                f"an exporter reads {name} now",
                "nothing, if it is this one and runs; otherwise choose another --instance: a "
                "second exporter of an instance waits as a standby",
            )
        else:
            said = f"{name} is there, and {seen.waiting} messages wait in it"
            self._findings.good(INBOX, said)

    def _tell_not_configured(self, error: RefusedError) -> None:
        if error.code == _REFUSED:
            self._findings.good(INBOX, self._inbox.name)
            self._fail(CONFIGURE, error)
        elif error.code == _OTHER and _LIMIT in error.words:
            advice = "rabbitmqctl list_vhost_limits shows the limit; raise max-queues"
            self._findings.fail(LIMITS, error.problem, advice)
        elif error.code == _LOCKED:
            self._tell_locked(error)
        else:
            name = shlex.quote(self._inbox.name)
            advice = (
                f"delete it, which loses the messages in it: rabbitmqctl delete_queue {name}, or "
                "set --inbox-expires, --inbox-max-length and --inbox-max-bytes as they were"
            )
            tell_refused(self._findings, INBOX, error, advice)

    def _may_bind(self, queue: str) -> bool:
        exchange = self._inbox.exchange
        try:
            self._probe.try_binding(queue, exchange)
        except RefusedError as error:
            # The broker checks the queue first.
            if "access to exchange" in error.words:
                self._findings.good(WRITE, _HAS)
                self._findings.fail(READ_EXCHANGE, error.problem, self._advice)
            elif "access to topic" in error.words:
                self._findings.good(WRITE, _HAS)
                self._findings.fail(READ_EXCHANGE, error.problem, self._advice_for_topics)
            else:
                self._fail(WRITE, error)
            return False
        self._findings.good(WRITE, _HAS)
        self._findings.good(READ_EXCHANGE, f"{_HAS} on {exchange}")
        return True

    def _may_read(self, queue: str) -> bool:
        try:
            self._probe.try_reading(queue)
        except RefusedError as error:
            self._fail(READ, error)
            return False
        self._findings.good(READ, _HAS)
        return True

    def _fail(self, right: str, error: RefusedError) -> None:
        tell_refused(self._findings, right, error, self._advice)


_HAS = "the user has it"
