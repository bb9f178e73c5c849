"""Checks the daemons of a server: whether each answers, and whether the user has each right."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from contextlib import suppress

from dataflows.events.services import ComponentsListed
from dataflows.listings import Listing, Source
from exporter.checks.report import Findings
from exporter.snapshots import amid, consul, status
from exporter.snapshots.answers import UNAUTHORISED
from exporter.snapshots.bus import MODULES
from exporter.snapshots.client import Client
from exporter.snapshots.rights import Right
from exporter.snapshots.source import Request, SnapshotError

_MODULES = {module.source.value: module for module in MODULES}


class Daemons:
    """Asks the daemons of a server. Use it in one asyncio loop.

    Args:
        client: Has logged in.
        findings: Get what was found.
        origin: The server.
        lists: That the exporter asks for.
        clock: Unix time in seconds.
    """

    def __init__(
        self,
        client: Client,
        findings: Findings,
        origin: str,
        lists: Collection[type[Listing]],
        clock: Callable[[], float],
    ) -> None:
        self._client, self._findings, self._origin = client, findings, origin
        self._lists, self._clock = frozenset(lists), clock
        # The problems of each daemon whose lists were asked for.
        self._problems: dict[str, list[str]] = {}

    async def try_daemon(self, daemon: str) -> None:
        """Try whether a daemon answers."""
        try:
            await self._ask(daemon)
        except SnapshotError as error:
            await self._tell(daemon, error)

    async def try_rights(self, rights: Iterable[Right], *, asks_auth: bool) -> None:
        """Try whether the user has rights.

        Args:
            rights: Of one daemon.
            asks_auth: Whether auth knows them by these names; otherwise the daemon is asked for its
                lists.
        """
        for right in rights:
            has: bool | None = None
            if asks_auth:
                try:
                    has = await self._client.holds(right.name)
                except SnapshotError as error:
                    self._findings.fail(right.check, error.problem, "see the log of auth")
                    continue
            if has is None and right.daemon in _MODULES and ComponentsListed not in right.lists:
                problems = await self._problems_of(right.daemon)
                has = not any(f"lacks {right.name}" in each for each in problems)
            if has is None:
                self._findings.skip(right.check, "auth does not know this right")
            elif has:
                self._findings.good(right.check, "the user has it")
            else:
                self._findings.fail(right.check, "the user lacks it", right.advice)

    async def _ask(self, daemon: str) -> None:
        found = self._findings
        if daemon == Source.AMID:
            # Only the list shows whether amid reaches Asterisk, and takes the user's tenant.
            await self._list(daemon)
            found.good(daemon, "it answers, and so does Asterisk")
        elif daemon == Source.CONSUL:
            body = await self._client.ask(Source.CONSUL)("GET", consul.CATALOG, right="")
            names = consul.decode_names(body, self._origin)
            found.good(daemon, f"it lists {len(names)} services of this server")
        else:
            components = await status.components(self._client.ask(Source.STATUS), daemon)
            broken = [name for name, works in components.items() if not works]
            if broken:
                said = f"it answers, but says that these do not work: {', '.join(broken)}"
                found.warn(daemon, said, f"see the log of {daemon} on the server")
            else:
                found.good(daemon, "it answers")

    async def _tell(self, daemon: str, error: SnapshotError) -> None:
        """Say what it means that a daemon did not answer as it should."""
        found, is_its_own = self._findings, error.daemon == daemon
        advice = _ADVICE.get(daemon, _DAEMON)
        if is_its_own and error.status in UNAUTHORISED:
            if daemon == Source.AMID and await self._client.holds(amid.RIGHT):
                found.fail(daemon, error.problem, "create the user again in the master tenant")
            else:
                found.good(daemon, "it answers")
        elif is_its_own and error.is_absent and await self._has_lists(daemon):
            # The daemons of a XiVO do not tell their components.
            found.good(daemon, "it answers")
        elif is_its_own and error.is_absent and daemon not in _MODULES:
            found.warn(daemon, error.problem, "nothing, if the server is too old to have it")
        else:
            found.fail(daemon, error.problem, advice)

    async def _has_lists(self, daemon: str) -> bool:
        """Return whether a daemon answers at the paths of its lists."""
        if daemon not in _MODULES or daemon in (Source.AMID, Source.CONSUL):
            return False
        problems = await self._problems_of(daemon)
        return not problems or any("lacks " in each for each in problems)

    async def _problems_of(self, daemon: str) -> list[str]:
        if daemon not in self._problems:
            with suppress(SnapshotError):
                await self._list(daemon)
        return self._problems[daemon]

    async def _list(self, daemon: str) -> None:
        """Ask a daemon for its lists, as the exporter does."""
        module = _MODULES[daemon]
        problems = self._problems[daemon] = []
        request = Request(self._origin, 1, self._clock, problems.append, self._lists)
        try:
            await module.listings(self._client.ask(module.source), request)
        except SnapshotError as error:
            problems.append(error.problem)
            raise


_DAEMON = "check that the daemon runs on the server, and its URL in --api-url or --api-services"
_ADVICE = {
    Source.AMID.value: "check that wazo-amid and Asterisk run on the server, and the URL of amid",
    Source.CONSUL.value: "check that consul in --api-services is that of this server, and that "
    "its access rules let everybody read the catalogue",
}
