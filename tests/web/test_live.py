"""The stream of changes: viewers, slow readers, ends, and what they cost."""

import asyncio
import contextlib
import http.client
import itertools
import json
import threading
import zlib
from collections.abc import Iterator
from dataclasses import replace

import pytest

from exporter.web import live as live_module
from exporter.web.board import ServerBoard
from exporter.web.differences import Differences
from exporter.web.live import MAX_AGE_SECONDS, Live, Viewer
from exporter.web.parts import Part, Parts
from exporter.web.server import Limits
from tests.support import eventually
from tests.web import boards, virtual_time
from tests.web.serving import (
    RIGHT,
    USERS,
    FakeAccess,
    FakePages,
    Served,
    ask,
    connect,
    http_client,
    request,
    serving,
)

STREAM = "/-/live?lang=en"


class Listener:
    """A client of the stream."""

    def __init__(self, server: Served, **headers: str) -> None:
        self._connection = http_client(server)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._connection.request("GET", STREAM, headers=named)
        self.answer = self._connection.getresponse()

    def message(self) -> dict[str, object]:
        line = self.answer.readline()
        assert line.startswith(b"data: ")
        assert self.answer.readline() == b"\n"
        found: dict[str, object] = json.loads(line[len(b"data: ") :])
        return found

    def changes(self) -> str:
        """Return all HTML of the next message that changes something."""
        while not (parts := self.message()["parts"]):
            pass
        assert isinstance(parts, dict)
        return "".join(parts.values())

    def close(self) -> None:
        self._connection.close()
        self.answer.close()


@contextlib.contextmanager
def listening(server: Served, **headers: str) -> Iterator[Listener]:
    with contextlib.closing(Listener(server, **headers)) as listener:
        yield listener


def test_a_viewer_gets_everything_and_then_what_changes() -> None:
    pages = FakePages(boards=[boards.board()])
    with serving(pages) as server, listening(server) as viewer:
        headers = viewer.answer.headers
        assert headers["content-type"] == "text/event-stream; charset=utf-8"
        assert headers["x-accel-buffering"] == "no"
        assert headers["cache-control"] == "no-store"
        assert "Commandes" in viewer.changes()
        pages.boards = [replace(pages.boards[0], services_down=["agentd"])]
        changes = viewer.changes()
        assert "agentd" in changes
        assert "Facturation" not in changes
        # Without a change, it hears after some seconds that all is well.
        while viewer.message()["parts"]:
            pass  # The rate becomes known.


def test_the_stream_in_gzip_is_one_valid_stream_from_its_first_to_its_last_byte() -> None:
    pages = FakePages(boards=[boards.board()])
    access = FakeAccess()
    limits = Limits(check_seconds=0.1)
    with serving(pages, limits, access=access) as server:
        viewer = Listener(server, accept_encoding="gzip")
        assert viewer.answer.headers["content-encoding"] == "gzip"
        stream, text = zlib.decompressobj(zlib.MAX_WBITS + 16), b""
        while b"Commandes" not in text:
            text += stream.decompress(viewer.answer.read1())
        pages.boards = [replace(pages.boards[0], services_down=["agentd"])]
        while b"agentd" not in text:
            text += stream.decompress(viewer.answer.read1())
        # At a change of the rules, it ends; then the length and the checksum must be right.
        access.headers = (("x-other", "rules"),)
        stream.decompress(viewer.answer.read())
        assert stream.eof
        assert not stream.unused_data
        viewer.close()


def test_head_has_the_headers_and_joins_nobody() -> None:
    with serving() as server:
        answer = ask(server, STREAM, "HEAD")
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert not server._routes.live._viewers  # noqa: SLF001 -- there is no other way to see it


def test_an_old_client_gets_the_stream_until_the_connection_closes() -> None:
    pages = FakePages(boards=[boards.board()])
    with serving(pages) as server, connect(server) as client:
        client.sendall(f"GET {STREAM} HTTP/1.0\r\n\r\n".encode())
        seen = b""
        while b"Commandes" not in seen:
            seen += client.recv(65536)
        assert b"transfer-encoding" not in seen.lower()


def test_too_many_viewers_are_refused_and_leave_room_for_prometheus() -> None:
    with serving(limits=Limits(max_connections=8)) as server, contextlib.ExitStack() as stack:
        viewers = [stack.enter_context(listening(server)) for _ in range(4)]
        assert [each.answer.status for each in viewers] == [200] * 4
        refused = ask(server, STREAM)
        assert (refused.status, refused.headers["retry-after"]) == (503, "15")
        assert ask(server, "/metrics").status == 200
        viewers[0].close()
        eventually(lambda: ask(server, STREAM, "HEAD").status == 200)

        def has_place() -> bool:
            with listening(server) as another:
                return another.answer.status == 200

        eventually(has_place, what="a place is free again")


def test_a_viewer_that_does_not_read_is_dropped_and_others_go_on() -> None:
    pages = FakePages(boards=[boards.board(queues=1000)])
    limits = Limits(response_seconds=1.5)
    with serving(pages, limits) as server, connect(server, receive_buffer=4096) as deaf:
        deaf.sendall(request(STREAM))
        with listening(server) as viewer:
            assert "Commandes" in viewer.changes()
            names = (letter * 2000 for letter in itertools.cycle("ab"))

            def gone() -> bool:
                # Another name in each row: megabytes each second.
                name = next(names)
                rows = [row._replace(name=name) for row in pages.boards[0].queues]
                pages.boards = [replace(pages.boards[0], queues=rows)]
                viewer.changes()
                return len(server._routes.live._viewers) == 1  # noqa: SLF001 -- as above

            eventually(gone, what="the deaf viewer is dropped")
            # The one that reads stays longer than a response may take.
            assert viewer.message()["now"]


def test_the_streams_end_when_somebody_may_not_read_any_more() -> None:
    pages, access = FakePages(boards=[boards.board()]), FakeAccess(users=USERS)
    limits = Limits(check_seconds=0.1)
    with serving(pages, limits, access=access) as server:
        assert ask(server, STREAM).status == 401
        with listening(server, authorization=RIGHT) as viewer:
            assert "Commandes" in viewer.changes()
            access.users = {"other": USERS["right"]}
            viewer.answer.read()
            assert ask(server, STREAM, authorization=RIGHT).status == 401


def test_the_stop_of_the_server_ends_the_streams() -> None:
    with serving() as server, listening(server) as viewer:
        viewer.message()
        server.stop()
        with contextlib.suppress(http.client.HTTPException, ConnectionError):
            viewer.answer.read()


def test_without_the_page_there_is_no_stream_and_no_data() -> None:
    pages = FakePages(boards=[boards.board("lyon")])
    with serving(pages, page=False) as server:
        assert ask(server, STREAM).status == 404
        plain = ask(server, "/")
        assert plain.headers["content-type"].startswith("text/plain")
        assert plain.body == b"metrics\n-/healthy\n-/ready\n"


def test_a_page_that_fails_ends_the_streams_and_the_next_one_works() -> None:
    class Failing(FakePages):
        is_failing = True

        def board(self) -> list[ServerBoard]:
            if self.is_failing:
                raise KeyError(0)
            return [boards.board()]

    pages = Failing()
    with serving(pages) as server:
        with listening(server) as viewer, contextlib.suppress(http.client.IncompleteRead):
            assert viewer.answer.read() == b""
        pages.is_failing = False
        with listening(server) as viewer:
            assert "Commandes" in viewer.changes()


# Without a network and with a virtual clock


class Looks:
    """Counts the looks at the data."""

    def __init__(self) -> None:
        self.count = 0
        self.threads: set[int] = set()

    def __call__(self) -> tuple[Parts, float]:
        self.count += 1
        self.threads.add(threading.get_ident())
        return Parts({"ready": Part("ready", (str(self.count),))}, {}), float(self.count)


def live_of(looks: Looks, rendered: list[str]) -> Live:
    def render(key: str, part: Part) -> str:
        rendered.append(key)
        return f"<p id={key}>{part.data[0]}</p>"

    return Live(looks, lambda _: Differences(render, "build"))


@pytest.fixture
def in_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no thread wait for the virtual clock."""

    async def at_once(work: object, *arguments: object) -> object:
        assert callable(work)
        return work(*arguments)

    monkeypatch.setattr(live_module, "run_in_threadpool", at_once)


@pytest.mark.usefixtures("in_the_loop")
def test_all_viewers_share_one_look_and_one_rendering_a_second() -> None:
    looks, rendered = Looks(), list[str]()

    async def watch(live: Live, viewer: Viewer) -> None:
        while await viewer.next() is not None:
            pass
        live.leave(viewer)

    async def main() -> None:
        live = live_of(looks, rendered)
        viewers = [live.join("en") for _ in range(50)]
        tasks = [asyncio.create_task(watch(live, each)) for each in viewers if each]
        await asyncio.sleep(59.5)
        assert 59 <= looks.count <= 61
        assert len(rendered) == looks.count
        live.end_all()
        await asyncio.gather(*tasks)
        await asyncio.sleep(100)
        # Nobody looks: nothing is done.
        assert looks.count <= 62

    virtual_time.run(main())


@pytest.mark.usefixtures("in_the_loop")
def test_a_slow_viewer_has_one_message_and_then_gets_all_at_once() -> None:
    looks = Looks()

    async def main() -> None:
        live = live_of(looks, [])
        viewer = live.join("en")
        assert viewer is not None
        first = await viewer.next()
        assert first is not None
        await asyncio.sleep(30)
        later = await viewer.next()
        assert later is not None
        # Not what it missed one by one, but the newest.
        assert json.loads(later.plain[6:])["parts"]["ready"] == f"<p id=ready>{looks.count}</p>"
        assert looks.count > 25
        live.leave(viewer)

    virtual_time.run(main())


@pytest.mark.usefixtures("in_the_loop")
def test_a_stream_ends_after_ten_minutes() -> None:
    async def main() -> float:
        live = live_of(Looks(), [])
        viewer = live.join("fr")
        assert viewer is not None
        while await viewer.next() is not None:
            pass
        live.leave(viewer)
        return asyncio.get_running_loop().time()

    assert MAX_AGE_SECONDS < virtual_time.run(main()) < MAX_AGE_SECONDS + 2
