"""Hostile answers through the real client, and what it accepts through the dataflow.

Each hostile answer comes from one API of a real web server. The client must return lists or refuse
the answer, in one printable line without a secret; nothing else may come out of it. The next good
answers of the same source must be accepted.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import NamedTuple, Self

from dataflows.items import SnapshotBegun, SnapshotTaken
from dataflows.listings import Listing
from exporter.snapshots import agentd, amid, calld, chatd, confd, consul, status
from exporter.snapshots.client import Client
from exporter.snapshots.source import Request, SnapshotError, SourceModule
from tests.certificates import make_certificates
from tests.fuzz.bad_answers import Spoiler
from tests.fuzz.caps import Caps
from tests.fuzz.laws import assert_bounded, assert_scrapable
from tests.pipeline import ALL_DETAILS, Pipeline
from tests.resident import resident
from tests.snapshots.clients import Timer, client_of
from tests.snapshots.server import ORIGIN, PASSWORD, Apis, body, reply, serving
from tests.snapshots.whole import tell_all

BUS = "default"
CAPS = Caps(entities=1000)

_LOGIN = "/auth/0.1/token"
_TENANTS = "/auth/0.1/tenants"
_CATALOG = "/consul/v1/catalog/services"
_SERVICE = "/consul/v1/catalog/service/xivo-agentd"
_SERVICES = b'{"consul": [], "xivo-agentd": ["%b", "xivo-agentd"]}' % ORIGIN.encode()

_SECRETS = (PASSWORD, json.loads(body("auth_token"))["data"]["token"])

_GOOD_EVERY = 10
"""Hostile answers for each time that a source is asked for good ones."""

_CHECK_EVERY = 1000

_MEMORY = 128 * 1024 * 1024
"""Bytes by which the process may grow after a tenth of the answers: answers and entities."""

_SECONDS = 5.0
"""Of each request: no answer of this run is slow."""

_LONGEST_TOKEN = 90_000.0
"""Seconds after which each token has expired."""


class _Source(NamedTuple):
    """What a source is asked for.

    Attributes:
        module: How to ask it.
        answers: The good ones, by path.
    """

    module: SourceModule
    answers: Mapping[str, bytes]


@dataclass
class AnswerFigures:
    """The result of a run.

    Attributes:
        answers: Hostile ones.
        accepted: Of these; the rest of the answer was good enough.
        refused: The others, by outcome.
        good: How often good answers were accepted between them.
        by_source: Hostile answers of each source.
        resident: Resident memory at each check, bytes.
        seconds: Wall time.
    """

    answers: int = 0
    accepted: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    good: int = 0
    by_source: Counter[str] = field(default_factory=Counter)
    resident: list[int] = field(default_factory=list)
    seconds: float = 0.0

    def __add__(self, other: Self) -> AnswerFigures:
        """Return the figures of two runs that went on at the same time."""
        return AnswerFigures(
            self.answers + other.answers,
            self.accepted + other.accepted,
            self.refused + other.refused,
            self.good + other.good,
            self.by_source + other.by_source,
            max(self.resident, other.resident, key=lambda each: each[-1]),
            max(self.seconds, other.seconds),
        )


class AnswerRun:
    """A client whose server answers as an enemy would; use it as a context.

    Args:
        seed: Of all chance.
    """

    def __init__(self, seed: int) -> None:
        self.figures = AnswerFigures()
        self._seed = seed
        self._random = Random(seed)  # noqa: S311 -- reproducible, not secret
        self._pipeline = Pipeline(
            details=ALL_DETAILS, max_entities=CAPS.entities, max_series=CAPS.shown
        )
        self._timer = Timer()
        self._number = 0
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._apis = tell_all(self._stack.enter_context(serving()))
        self._apis.rights |= {status.right(daemon) for daemon in status.PATHS}
        services = {"consul": f"{self._apis.url}/consul"}
        folder = self._stack.enter_context(TemporaryDirectory())
        # The client reads the certificates each time. Those of the system take 23 ms.
        ca_file = make_certificates(Path(folder)).ca
        self._client: Client = client_of(
            self._apis, self._timer, seconds=_SECONDS, services=services, ca_file=ca_file
        )
        self._sources = _sources(self._apis)
        self._spoilers = {
            path: Spoiler(answer)
            for source in self._sources
            for path, answer in source.answers.items()
        }
        self._reset(self._sources)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def run(self, count: int) -> AnswerFigures:
        """Send so many hostile answers.

        Raises:
            Exception: A check failed; a note says how to reproduce it.
        """
        began = time.monotonic()
        try:
            asyncio.run(self._run(count))
        except BaseException as error:
            error.add_note(
                f"at hostile answer {self.figures.answers} of seed {self._seed}: to reproduce it, "
                f"run python -m tests.fuzz --jobs 1 --messages 0 --seed {self._seed} "
                f"--answers {self.figures.answers}"
            )
            raise
        self.figures.seconds = time.monotonic() - began
        return self.figures

    async def _run(self, count: int) -> None:
        tenth = max(1, count // 10)
        for number in range(1, count + 1):
            source = self._random.choice(self._sources)
            await self._spoil(source)
            if number % _GOOD_EVERY == 0:
                await self._assert_recovers(source)
            if number % _CHECK_EVERY == 0 or number == count:
                assert_scrapable(self._pipeline, assert_bounded(self._pipeline, CAPS))
            if number % tenth == 0:
                self.figures.resident.append(resident())
        first, last = self.figures.resident[0], self.figures.resident[-1]
        assert last - first <= _MEMORY, f"it grew from {first} to {last} bytes"

    async def _spoil(self, source: _Source) -> None:
        path = self._random.choice([*source.answers])
        self._apis.behaviours[path] = self._spoilers[path].answer(self._random)
        # Past each pause after a failure; and of a token, past its end.
        self._timer.now += _LONGEST_TOKEN if path in (_LOGIN, _TENANTS) else 61
        self.figures.answers += 1
        self.figures.by_source[source.module.source] += 1
        answer = await self._ask(source)
        if isinstance(answer, SnapshotError):
            self.figures.refused[answer.outcome] += 1
            assert_printable_without_secrets(answer.problem)
        else:
            self.figures.accepted += 1
            self._put(source, answer)
        self._reset([source])

    async def _assert_recovers(self, source: _Source) -> None:
        self._timer.now += _LONGEST_TOKEN
        answer = await self._ask(source)
        assert not isinstance(answer, SnapshotError), f"good answers are refused: {answer.problem}"
        assert answer
        self._put(source, answer)
        self.figures.good += 1

    async def _ask(self, source: _Source) -> tuple[Listing, ...] | SnapshotError:
        """Ask once; any other exception than a refusal is an error of the exporter."""
        self._number += 1
        request = Request(ORIGIN, self._number, lambda: self._pipeline.now)
        ask = self._client.ask(source.module.source)
        try:
            async with self._client:
                return await source.module.listings(ask, request)
        except SnapshotError as error:
            return error

    def _put(self, source: _Source, listings: tuple[Listing, ...]) -> None:
        pipeline, name = self._pipeline, source.module.source
        begun = SnapshotBegun(BUS, pipeline.now, ORIGIN, name, self._number)
        taken = SnapshotTaken(BUS, pipeline.now, ORIGIN, name, self._number, listings)
        pipeline.take([begun])
        pipeline.take([taken])
        pipeline.wait(self._random.expovariate(1))

    def _reset(self, sources: list[_Source] | tuple[_Source, ...]) -> None:
        """Let the sources answer well again."""
        for source in sources:
            for path, answer in source.answers.items():
                self._apis.behaviours.pop(path, None)
                if path.startswith("/consul"):
                    # It is asked without a token.
                    self._apis.behaviours[path] = reply(200, answer)
        self._apis.requests.clear()


def _sources(apis: Apis) -> tuple[_Source, ...]:
    """Return all sources; the login and the tenants are answers that all of them need."""
    modules = (amid.MODULE, agentd.MODULE, chatd.MODULE, calld.MODULE, confd.MODULE)
    shared = {_TENANTS: body("auth_tenants"), _LOGIN: body("auth_token")}
    answers = {
        module: {
            path: content for path, (_, content) in apis.contents.items() if _is_of(module, path)
        }
        for module in modules
    }
    told = [_Source(module, found) for module, found in answers.items()]
    # Each of them needs a login, so that one of them stands for all.
    told.append(_Source(calld.MODULE, shared))
    told.append(_Source(consul.MODULE, {_CATALOG: _SERVICES, _SERVICE: _entries()}))
    states = {f"/{daemon}{path}": body("status_calld") for daemon, path in status.PATHS.items()}
    for path, content in states.items():
        daemon = path.split("/")[1]
        apis.contents[path] = (status.right(daemon), content)
    told.append(_Source(status.module(status.PATHS), states))
    return tuple(told)


def assert_printable_without_secrets(problem: str) -> None:
    """Check why an answer was refused, which the log will say."""
    assert problem.isprintable(), problem
    assert not any(secret in problem for secret in _SECRETS), problem


def _entries() -> bytes:
    return body("consul_catalog_service_xivo-agentd")


def _is_of(module: SourceModule, path: str) -> bool:
    daemons = ("calld", "confd") if module.source == "calld" else (module.source,)
    return path.split("/")[1] in daemons


def outcomes(figures: AnswerFigures) -> Iterator[str]:
    """Yield the outcomes of the refused answers with their numbers."""
    for outcome, count in figures.refused.most_common():
        yield f"{outcome} {count:,}"
