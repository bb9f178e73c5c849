"""Tells all browsers that show the page what has changed, once a second."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable, Mapping
from typing import NamedTuple

from starlette.concurrency import run_in_threadpool

from exporter.web.differences import Differences
from exporter.web.parts import Parts

MAX_VIEWERS = 100
"""Each one holds a connection, and has one message at a time."""
SECONDS = 1.0
"""Between two looks at the data, while somebody looks at the page."""
ALIVE_SECONDS = 5.0
"""After such a time without a change, a message says that all is well."""
MAX_AGE_SECONDS = 600.0
"""A stream ends then, and its client begins another one: that is checked by the rules of now."""

_LEVEL = 1  # Level 6 takes twice as long, and saves a tenth.


class Message(NamedTuple):
    """A message in both codings.

    Attributes:
        plain: As it is.
        packed: Compressed on its own, so that it fits at any place in any gzip stream.
    """

    plain: bytes
    packed: bytes


class Viewer:
    """A browser that shows the page. It has one message at a time; what it misses is sent later.

    Attributes:
        language: Of its page.
        is_lacking: Whether it needs all parts, because it is new or was slow.
        is_waiting: Whether it has sent all that it got.
        heard_at: When it got its last message, in the time of the loop.
    """

    def __init__(self, language: str, now: float) -> None:
        self.language = language
        self.is_lacking = True
        self.is_waiting = False
        self.heard_at = self._began = now
        self._message: Message | None = None
        self._is_ended = False
        self._error: Exception | None = None
        self._wake = asyncio.Event()

    async def next(self) -> Message | None:
        """Wait for the next message; None at the end.

        Raises:
            Exception: The page cannot be rendered.
        """
        self.is_waiting = not self._is_ended
        await self._wake.wait()
        self._wake.clear()
        message, self._message = self._message, None
        if self._error is not None:
            raise self._error
        if self._is_ended:
            self._wake.set()
            return None
        return message

    def give(self, message: Message, now: float) -> None:
        """Let it have a message; only if it waits for one."""
        self._message, self.is_waiting, self.heard_at = message, False, now
        self._wake.set()

    def is_old(self, now: float) -> bool:
        """Return whether the rules must be checked again."""
        return now - self._began > MAX_AGE_SECONDS

    def end(self, error: Exception | None = None) -> None:
        """End its stream; may be called twice."""
        self._is_ended, self._error, self.is_waiting = True, error, False
        self._wake.set()


class Live:
    """Renders what has changed for all viewers together; without viewers, it does nothing.

    Everything but the rendering runs on the thread of the event loop.

    Args:
        look: Returns what the page shows now, and the Unix time. Called from a worker thread.
        differences: Makes the memory of a page in a language.
        max_viewers: More are refused.
    """

    def __init__(
        self,
        look: Callable[[], tuple[Parts, float]],
        differences: Callable[[str], Differences],
        max_viewers: int = MAX_VIEWERS,
    ) -> None:
        self._look = look
        self._differences = differences
        self._max_viewers = max_viewers
        self._viewers: set[Viewer] = set()
        self._pages: dict[str, Differences] = {}
        self._work: asyncio.Task[None] | None = None

    def join(self, language: str) -> Viewer | None:
        """Return a new viewer; None if there are too many."""
        if len(self._viewers) >= self._max_viewers:
            return None
        loop = asyncio.get_running_loop()
        viewer = Viewer(language, loop.time())
        self._viewers.add(viewer)
        if self._work is None:
            self._work = loop.create_task(self._run())
        return viewer

    def leave(self, viewer: Viewer) -> None:
        """Forget a viewer."""
        viewer.end()
        self._viewers.discard(viewer)

    def end_all(self) -> None:
        """End all streams: each client may begin another one, by the rules of now."""
        for viewer in self._viewers:
            viewer.end()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._viewers:
                began = loop.time()
                await self._tell()
                await asyncio.sleep(max(SECONDS / 10, began + SECONDS - loop.time()))
        except Exception as error:  # noqa: BLE001 -- the streams raise it, and it is logged there
            for viewer in self._viewers:
                viewer.end(error)
        finally:
            self._work = None
            self._pages.clear()

    async def _tell(self) -> None:
        languages: dict[str, bool] = {}
        for viewer in self._viewers:
            is_lacking = viewer.is_lacking and viewer.is_waiting
            languages[viewer.language] = languages.get(viewer.language, False) or is_lacking
        told = await run_in_threadpool(self._render, languages)
        now = asyncio.get_running_loop().time()
        for viewer in [*self._viewers]:
            # One that joined meanwhile gets all at the next look.
            if (messages := told.get(viewer.language)) is not None:
                _give(viewer, messages, now)

    def _render(self, languages: Mapping[str, bool]) -> dict[str, _Messages]:
        parts, now = self._look()
        self._pages = {each: self._pages.get(each) or self._differences(each) for each in languages}
        told = {}
        for language, has_lacking in languages.items():
            page = self._pages[language]
            changed = page.update(parts, now)
            told[language] = _Messages(
                None if changed is None else _message(changed),
                _message(page.whole(now)) if has_lacking else None,
                _message(page.alive(now)),
            )
        return told


class _Messages(NamedTuple):
    """The messages of one look, in one language."""

    changed: Message | None
    whole: Message | None
    alive: Message


def _give(viewer: Viewer, messages: _Messages, now: float) -> None:
    if viewer.is_old(now):
        viewer.end()
    elif not viewer.is_waiting:
        viewer.is_lacking = viewer.is_lacking or messages.changed is not None
    elif viewer.is_lacking:
        if messages.whole is not None:
            viewer.is_lacking = False
            viewer.give(messages.whole, now)
    elif messages.changed is not None:
        viewer.give(messages.changed, now)
    elif now - viewer.heard_at >= ALIVE_SECONDS:
        viewer.give(messages.alive, now)


def _message(text: str) -> Message:
    plain = text.encode(errors="replace")
    compressor = zlib.compressobj(_LEVEL, wbits=-zlib.MAX_WBITS)
    return Message(plain, compressor.compress(plain) + compressor.flush(zlib.Z_FULL_FLUSH))
