"""The line on a terminal that shows how far a command is."""

from __future__ import annotations

import io
import os
import termios

import pytest

from exporter.commands.progress import INTERVAL_SECONDS, Progress, bar


class Terminal(io.StringIO):
    """A stream that claims to be a terminal."""

    def isatty(self) -> bool:
        return True


def test_the_line_is_replaced_and_erased_at_the_end() -> None:
    terminal = Terminal()
    with Progress(terminal) as progress:
        progress.show("one")
        progress.show("two")
    assert terminal.getvalue() == "\r\x1b[Kone\r\r\x1b[Ktwo\r\r\x1b[K"


def test_the_line_changes_ten_times_in_a_second() -> None:
    now = 100.0
    progress = Progress(Terminal(), lambda: now)
    assert progress.is_due()
    progress.show("one")
    assert not progress.is_due()
    now += INTERVAL_SECONDS
    assert progress.is_due()


@pytest.mark.parametrize("term", ["dumb", "xterm"])
def test_nothing_is_written_without_a_terminal(term: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", term)
    stream = Terminal() if term == "dumb" else io.StringIO()
    with Progress(stream) as progress:
        assert not progress.is_due()
        progress.show("one")
    assert stream.getvalue() == ""


def test_the_line_is_not_longer_than_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.get_terminal_size", lambda: os.terminal_size((10, 5)))
    terminal = Terminal()
    Progress(terminal).show("x" * 20)
    assert terminal.getvalue() == f"\r\x1b[K{'x' * 9}\r"


def test_a_terminal_that_is_stopped_does_not_stop_the_command() -> None:
    terminal, name = os.openpty()
    with os.fdopen(name, "w", encoding="utf-8") as stream, Progress(stream) as progress:
        progress.show("one")
        termios.tcflow(name, termios.TCOOFF)
        # A terminal that is stopped takes no character, and a write waits.
        progress.show("two")
        assert os.read(terminal, 100) == b"\r\x1b[Kone\r"
        termios.tcflow(name, termios.TCOON)
        progress.show("three")
        assert os.read(terminal, 100) == b"\r\x1b[Kthree\r"
    os.close(terminal)


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.0, f"  0 % [{'.' * 24}]"),
        (0.5, f" 50 % [{'#' * 12}{'.' * 12}]"),
        (1.0, f"100 % [{'#' * 24}]"),
        (1.5, f"100 % [{'#' * 24}]"),
    ],
)
def test_a_bar_shows_a_share(share: float, text: str) -> None:
    assert bar(share) == text
