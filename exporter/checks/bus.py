"""Checks one address of a bus: the way to it, the login, each right, and whether events come."""

from __future__ import annotations

import shlex
import threading

from dataflows.subsystem import Subsystem
from exporter.checks import limits, rights
from exporter.checks.listening import CLOCK, EVENTS, EXCHANGE, Listening, Waiting
from exporter.checks.network import check_peer, first_bytes
from exporter.checks.peers import TLS, Flags, Peer
from exporter.checks.report import Findings
from exporter.consumer import credentials
from exporter.consumer.bus import Bus
from exporter.consumer.probe import Probe, RefusedError
from exporter.exposition.exchanges import (
    WELL_KNOWN_EXCHANGES,
    Exchanges,
    is_doubtful,
    meaning,
)
from exporter.settings import BusSettings

AMQP, LOGIN, VHOST = "AMQP", "login", "vhost"

CHECKS = (AMQP, LOGIN, VHOST, limits.LIMITS, EXCHANGE, rights.INBOX, *rights.CHECKS, EVENTS, CLOCK)
"""After those of the network."""

CHANNELS = 2
"""At the same time: the exporter reads on one, and looks after its inbox on the other."""

_FLAGS = Flags("--bus-url", "--bus-ca-file", "--bus-server-name", "amqp://")


class BusCheck:
    """Checks one address of a bus.

    Args:
        bus: The bus, as the consumer has it.
        settings: The same bus in the settings.
        number: Of the address, from 0 on.
        subsystems: Those that are kept.
        waiting: How to wait for events.
        is_inbox_made: See `RightsCheck`; the same for all addresses of a bus.

    Attributes:
        origins: The servers whose events came, by `origin_uuid`.
    """

    def __init__(  # noqa: PLR0913 -- all but the number are the same for all addresses
        self,
        bus: Bus,
        settings: BusSettings,
        number: int,
        *,
        subsystems: tuple[Subsystem, ...],
        waiting: Waiting,
        is_inbox_made: threading.Event,
    ) -> None:
        self._bus, self._settings = bus, settings
        self._broker, self._url = bus.brokers[number], settings.url[number]
        url = self._url
        self._subsystems, self._waiting = subsystems, waiting
        self._is_inbox_made = is_inbox_made
        client = (settings.cert_file, settings.key_file)
        self._peer = Peer(
            url.host,
            url.port,
            _FLAGS,
            url.tls,
            settings.server_name or url.host,
            settings.ca_file,
            client if client[0] and client[1] else None,  # type: ignore[arg-type]  # both are paths
        )
        subject = f"bus {settings.name}, {url}"
        self.findings = Findings(subject, (*self._peer.checks, *CHECKS))
        self.origins: frozenset[str] = frozenset()

    def run(self) -> None:
        """Try everything, in order, until something fails that the rest needs."""
        probe = Probe(self._broker, self._bus.inbox)
        try:
            if (
                self._has_certificates()
                and check_peer(self._peer, self.findings, self._waiting.clock())
                and self._is_open(probe)
            ):
                self._try_all(probe)
        finally:
            probe.close()

    def _has_certificates(self) -> bool:
        try:
            credentials.tls(self._url, self._settings)
        except ValueError as error:
            self.findings.fail(TLS, str(error), "correct the files that these settings name")
            return False
        return True

    def _is_open(self, probe: Probe) -> bool:
        """Log in and open the vhost."""
        found = self.findings
        try:
            credentials.password(self._url, self._settings)
        except ValueError as error:
            found.fail(LOGIN, str(error), "correct the file with the password")
            return False
        try:
            probe.open()
        except RefusedError as error:
            self._tell_refused(probe, error)
            return False
        found.good(AMQP, f"the server is {probe.product}")
        found.good(LOGIN, f"logged in as {self._url.user}")
        found.good(VHOST, self._url.vhost)
        return True

    def _tell_refused(self, probe: Probe, error: RefusedError) -> None:
        found, user = self.findings, self._url.user
        if error.is_tls:
            advice = "check --bus-cert-file and --bus-key-file, and the broker's log"
            found.fail(TLS, error.problem, advice)
            return
        if not probe.has_begun:
            found.fail(AMQP, *self._no_broker(error))
            return
        found.good(AMQP, f"the server is {probe.product}")
        if not probe.has_logged_in:
            found.fail(LOGIN, error.problem, self._advice_for_login())
            return
        found.good(LOGIN, f"logged in as {user}")
        if "connection limit" in error.words:
            found.good(VHOST, self._url.vhost)
            found.fail(limits.LIMITS, error.problem, limits.ADVICE)
        elif error.code not in _ABOUT_VHOSTS:
            found.fail(VHOST, error.problem, "see the broker's log")
        else:
            found.fail(
                VHOST,
                error.problem,
                "rabbitmqctl list_vhosts shows the vhosts; to give the user its rights on this "
                f"one: {rights.grant(self._url, self._bus.inbox)}",
            )

    def _advice_for_login(self) -> str:
        user = self._url.user
        advice = (
            "check the user in --bus-url and --bus-password-file; on the server, rabbitmqctl "
            "list_users shows the users, and rabbitmqctl change_password "
            f"{shlex.quote(user)} sets a password"
        )
        if user == _GUEST:
            advice += "; RabbitMQ lets guest log in from its own machine only, if loopback_users "
            advice += "is not set"
        return advice

    def _no_broker(self, error: RefusedError) -> tuple[str, str]:
        """Return what is there instead of a broker, and what to do."""
        begin = first_bytes(self._url.host, self._url.port)
        if begin[:1] == _TLS_ALERT:
            return "the server speaks TLS on this port", "write amqps:// in --bus-url"
        if begin.startswith((b"HTTP", b"<")):
            said = "a web server answers on this port"
            return said, "write the port of AMQP in --bus-url, which is 5672, or 5671 with TLS"
        advice = "check the port in --bus-url, and on the server: rabbitmq-diagnostics listeners"
        if begin.startswith(b"AMQP"):
            return "the server speaks another version of AMQP than 0-9-1", advice
        # A broker begins with a frame of a method.
        if begin and not begin.startswith(b"\x01"):
            return "the server on this port does not speak AMQP", advice
        if self._url.tls:
            advice += "; a broker that asks for a client certificate needs --bus-cert-file"
        return error.problem, advice

    def _try_all(self, probe: Probe) -> None:
        found = self.findings
        try:
            probe.open_channels(CHANNELS)
            found.good(limits.LIMITS, f"the broker allows the connection and {CHANNELS} channels")
        except RefusedError as error:
            found.fail(limits.LIMITS, error.problem, limits.ADVICE)
            return
        others = self._other_exchanges(probe)
        if not self._has_exchange(probe, others):
            return
        inbox = self._bus.inbox
        check = rights.RightsCheck(probe, inbox, self._url, found, self._is_inbox_made)
        if check.run():
            zone = self._settings.timezone
            listening = Listening(inbox, self._subsystems, zone, self._waiting, found)
            self.origins = listening.run(check.temporary, others.existing)

    def _other_exchanges(self, probe: Probe) -> Exchanges:
        names = [each for each in WELL_KNOWN_EXCHANGES if each != self._bus.inbox.exchange]
        try:
            return probe.other_exchanges(names)
        except RefusedError:
            return Exchanges()

    def _has_exchange(self, probe: Probe, others: Exchanges) -> bool:
        exchange = self._bus.inbox.exchange
        try:
            probe.find_exchange()
        except RefusedError as error:
            if error.code == _REFUSED:
                # RabbitMQ says so from 4.3 on. The rights are tried below, one by one.
                reason = "the broker does not say: the user has no right on it"
                self.findings.skip(EXCHANGE, reason)
                return True
            if others.existing:
                advice = f"set --exchange {others.existing[0]}, which exists"
            else:
                shown = shlex.join(("rabbitmqctl", "list_exchanges", "-p", self._url.vhost))
                advice = f"check --exchange and the vhost: {shown}"
            limits.tell_refused(self.findings, EXCHANGE, error, advice)
            return False
        said = meaning(exchange, others)
        if is_doubtful(exchange, others):
            advice = f"set --exchange {others.existing[0]}, unless the server is an old Wazo"
            self.findings.warn(EXCHANGE, said, advice)
        else:
            self.findings.good(EXCHANGE, said)
        return True


_GUEST = "guest"
_REFUSED = 403
_ABOUT_VHOSTS = (_REFUSED, 402, 530)
"""Reply codes of brokers that do not open a vhost for a user."""

_TLS_ALERT = b"\x15"
