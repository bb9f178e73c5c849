"""Checks the APIs of a server: the way to each daemon, the login, and each right."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress

from dataflows.listings import ALL
from dataflows.subsystem import Subsystem
from exporter.checks.daemons import Daemons
from exporter.checks.network import check_peer
from exporter.checks.peers import Flags, Peer
from exporter.checks.report import Findings
from exporter.consumer.bus import Bus
from exporter.settings.api import ApiSettings
from exporter.settings.api_url import AUTH, daemons_of, host_and_port
from exporter.snapshots import tenants
from exporter.snapshots.bus import lists_of, server_of
from exporter.snapshots.client import Client
from exporter.snapshots.loop import SnapshotLoop
from exporter.snapshots.rights import TENANTS, needed
from exporter.snapshots.snapshotter import quiet_libraries
from exporter.snapshots.source import SnapshotError

LOGIN, SERVER = "login", "server"

REQUEST_SECONDS = 10.0
"""Time of a request. The exporter itself waits longer."""

ALL_SECONDS = 60.0
"""Time of all requests together."""

LIFE_SECONDS = 120
"""Life of the token. It is deleted at the end; if the check is killed before, it ends by itself."""

_FLAGS = Flags("--api-url or --api-services", "--api-ca-file", "--api-server-name", "http://")


class ApiCheck:
    """Checks the APIs of the server of a bus.

    Args:
        bus: The bus, as the consumer has it; it has APIs.
        api: Their settings.
        subsystems: Those that are kept.
        clock: Unix time in seconds.
    """

    def __init__(
        self,
        bus: Bus,
        api: ApiSettings,
        subsystems: Iterable[Subsystem],
        clock: Callable[[], float],
    ) -> None:
        self._api, self._clock = api, clock
        self._lists = lists_of(subsystems)
        names = (name for each in ALL if each in bus.status.sources for name in daemons_of(each))
        self._daemons = tuple(filter(api.api_address, dict.fromkeys(names)))
        self._rights = needed(self._daemons, self._lists)
        self._peers = self._daemons_by_peer()
        self._origin = ""
        self._loop = SnapshotLoop()
        self._task: asyncio.Task[None] | None = None
        self.findings = Findings(f"APIs of bus {bus.status.name}", self._planned())

    def run(self) -> None:
        """Try everything; the token is deleted at the end."""
        quiet_libraries()
        reachable = self._reachable()
        try:
            if AUTH in reachable:
                client = Client(
                    server_of(self._api),
                    self._clock,
                    seconds=REQUEST_SECONDS,
                    life_seconds=LIFE_SECONDS,
                )
                self._task = self._loop.create_task(self._try_all(client, reachable))
                with suppress(asyncio.CancelledError):
                    self._loop.run_until_complete(self._task)
                # Not in the task, which may be cancelled.
                self._loop.run_until_complete(client.close())
        finally:
            self._loop.close()

    def cancel(self) -> None:
        """End it earlier, from any thread."""
        if self._task is not None:
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._task.cancel)

    def compare(self, origins: Collection[str]) -> None:
        """Say whether the events of the bus are those of this server.

        Args:
            origins: Servers whose events came, by `origin_uuid`.
        """
        found = self.findings
        if not self._origin:
            return
        if not origins:
            found.skip(SERVER, "no event came to compare with")
        elif self._origin in origins:
            found.good(SERVER, f"the events are those of this server, {self._origin}")
        else:
            found.fail(
                SERVER,
                f"this is the server {self._origin}, but the events are those of "
                f"{', '.join(sorted(origins)[:_MAX_SHOWN])}",
                "check that --api-url and --bus-url are those of the same server",
            )

    def _daemons_by_peer(self) -> dict[Peer, list[str]]:
        found: dict[Peer, list[str]] = {}
        for daemon in (AUTH, *self._daemons):
            url = self._api.api_address(daemon) or ""
            host, port = host_and_port(url)
            has_tls = url.startswith("https:")
            name, ca_file = self._api.api_server_name or host, self._api.api_ca_file
            peer = Peer(host, port, _FLAGS, has_tls, name, ca_file)
            found.setdefault(peer, []).append(daemon)
        return found

    def _of(self, peer: Peer) -> str:
        """Return what follows the names of the checks of a peer."""
        return "" if len(self._peers) == 1 else f" of {', '.join(self._peers[peer])}"

    def _planned(self) -> list[str]:
        planned = [f"{check}{self._of(peer)}" for peer in self._peers for check in peer.checks]
        planned += [LOGIN, TENANTS.check]
        for daemon in self._daemons:
            planned.append(daemon)
            planned += [right.check for right in self._rights if right.daemon == daemon]
        return [*planned, SERVER]

    def _reachable(self) -> set[str]:
        """Try to reach all daemons, at the same time; return those that can be reached."""
        reachable: set[str] = set()

        def reach(peer: Peer, daemons: list[str]) -> None:
            if check_peer(peer, self.findings, self._clock(), self._of(peer)):
                reachable.update(daemons)

        threads = [
            threading.Thread(target=reach, args=each, name="check-peer", daemon=True)
            for each in self._peers.items()
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for daemon in self._daemons:
            if daemon not in reachable:
                self.findings.skip(daemon, "it cannot be reached")
        return reachable

    async def _try_all(self, client: Client, reachable: set[str]) -> None:
        try:
            async with asyncio.timeout(ALL_SECONDS), client:
                await self._try_login(client, reachable)
        except TimeoutError:
            said = f"not all APIs answered within {ALL_SECONDS:.0f} s"
            self.findings.fail(LOGIN, said, "check the load and the logs of the server")

    async def _try_login(self, client: Client, reachable: set[str]) -> None:
        found = self.findings
        try:
            self._origin = await client.origin()
        except SnapshotError as error:
            found.fail(LOGIN, error.problem, _ADVICE_FOR_LOGIN)
            return
        found.good(LOGIN, f"the server is {self._origin or 'one that does not tell its UUID'}")
        if not self._origin:
            found.skip(SERVER, "the server does not tell its UUID")
        try:
            listed = await client.tenants()
        except SnapshotError as error:
            found.fail(TENANTS.check, error.problem, TENANTS.advice)
            listed = ()
        else:
            is_xivo = listed == tenants.NONE
            said = "the server has no tenants, like a XiVO" if is_xivo else _seen(len(listed))
            found.good(TENANTS.check, said)
        daemons = Daemons(client, found, self._origin, self._lists, self._clock)
        for daemon in self._daemons:
            rights = [right for right in self._rights if right.daemon == daemon]
            if daemon in reachable:
                await daemons.try_daemon(daemon)
            # The rights of a XiVO have other names.
            await daemons.try_rights(rights, asks_auth=listed != tenants.NONE)


_MAX_SHOWN = 3
"""Servers that are shown."""

_ADVICE_FOR_LOGIN = (
    "check --api-username, --api-password-file or --api-key-file, and --api-url; docs/apis.md "
    "shows how to create the user"
)


def _seen(count: int) -> str:
    return f"the user has it, and sees {count} tenant{'' if count == 1 else 's'}"
