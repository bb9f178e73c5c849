"""Asks the modules of the sources without a network."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from dataflows.listings import Listing
from exporter.exposition.snapshot_status import SnapshotOutcome
from exporter.snapshots.source import Ask, Request, SnapshotError, SourceModule

BODIES = Path(__file__).parent / "bodies"
ORIGIN = "6a1f0a3e-7f0b-4b0e-9d52-0d5b4c7e1a10"
AT = 1_764_079_457.0
REQUEST = Request(ORIGIN, 7, lambda: AT, lambda _: None)


def body(name: str) -> bytes:
    """Return an answer of a real server."""
    return (BODIES / f"{name}.json").read_bytes()


def content(name: str) -> Any:  # noqa: ANN401 -- JSON
    """Return the content of an answer of a real server."""
    return json.loads(body(name))


def listings(
    module: SourceModule,
    answers: Mapping[str, bytes | SnapshotError],
    note: Callable[[str], None] = lambda _: None,
    tenants: tuple[str, ...] = ("",),
    kinds: frozenset[type[Listing]] | None = None,
) -> tuple[tuple[Listing, ...], list[tuple[str, str, str]]]:
    """Return what a source lists, and the method, path and right of each request.

    Args:
        module: The source.
        answers: By path, after the name of the daemon if the source asks another one, and after the
            tenant; another one gives an error, as a server does that does not have it.
        note: Gets the problems that leave the answer usable.
        tenants: All tenants.
        kinds: Kinds of the listings that are wanted; None for all.
    """
    asked: list[tuple[str, str, str]] = []

    class Asking:
        async def __call__(
            self, method: str, path: str, *, right: str, daemon: str = "", tenant: str = ""
        ) -> bytes:
            daemon = "" if daemon == module.source else daemon
            path = f"{daemon}{tenant}{path}"
            asked.append((method, path, right))
            answer = answers.get(
                path, SnapshotError(SnapshotOutcome.REFUSED, f"the user lacks {right}")
            )
            if isinstance(answer, SnapshotError):
                raise answer
            return answer

        async def tenants(self) -> tuple[str, ...]:
            return tenants

    return asyncio.run(_listings(module, Asking(), REQUEST._replace(note=note, kinds=kinds))), asked


async def _listings(module: SourceModule, ask: Ask, request: Request) -> tuple[Listing, ...]:
    return await module.listings(ask, request)
