"""The log: one line per event, whatever the event holds."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from exporter import logs
from exporter.logs import LogFormat, LogLevel
from tests.program import parse_log_line

HOSTILE = 'a "quoted" b=c\nsecond line\r\x1b[31mred\x00\N{RIGHT-TO-LEFT OVERRIDE}'


class Stderr:
    """What has been written so far, in this test."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self._text = ""

    def text(self) -> str:
        self._text += self._capsys.readouterr().err
        return self._text

    def lines(self) -> list[dict[str, str]]:
        assert not self.text() or self.text().endswith("\n")
        return [parse_log_line(line) for line in self.text().splitlines()]


@pytest.fixture
def stderr(capsys: pytest.CaptureFixture[str]) -> Iterator[Stderr]:
    """What is logged, and afterwards the logging that was there before."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in ("exporter", "dataflows")}
    yield Stderr(capsys)
    root.handlers = handlers
    root.setLevel(level)
    for name, each in levels.items():
        logging.getLogger(name).setLevel(each)
    structlog.reset_defaults()


@pytest.mark.parametrize("style", list(LogFormat))
def test_a_message_is_one_line_with_time_level_and_fields(stderr: Stderr, style: LogFormat) -> None:
    logs.configure(LogLevel.INFO, style)
    structlog.get_logger("exporter.tests").info("connected", bus="default", waiting=3)
    [line] = stderr.lines()
    assert line.pop("ts").endswith("Z")
    assert line == {"level": "info", "msg": "connected", "bus": "default", "waiting": "3"}


def test_logfmt_begins_with_time_level_and_message(stderr: Stderr) -> None:
    logs.configure(LogLevel.INFO, LogFormat.LOGFMT)
    structlog.get_logger("exporter.tests").info("two words", a=True)
    assert " level=info msg=" in stderr.text()
    assert stderr.text().startswith("ts=")
    assert stderr.text().endswith('msg="two words" a=true\n')


def test_json_keeps_numbers_truth_and_letters(stderr: Stderr) -> None:
    logs.configure(LogLevel.INFO, LogFormat.JSON)
    structlog.get_logger("exporter.tests").info("x", n=3, yes=True, none=None, city="Québec")
    line = json.loads(stderr.text())
    assert (line["n"], line["yes"], line["none"], line["city"]) == (3, True, None, "Québec")
    assert "Québec" in stderr.text()


@pytest.mark.parametrize("style", list(LogFormat))
def test_what_the_bus_sends_neither_breaks_a_line_nor_steers_a_terminal(
    stderr: Stderr, style: LogFormat
) -> None:
    logs.configure(LogLevel.INFO, style)
    structlog.get_logger("exporter.tests").info("seen", text=HOSTILE, long="x" * 100_000)
    [line] = stderr.lines()
    assert line["text"].startswith('a "quoted" b=c')
    assert stderr.text().removesuffix("\n").isprintable()
    assert len(stderr.text()) < 10_000


@pytest.mark.parametrize("style", list(LogFormat))
def test_a_traceback_is_part_of_its_line(stderr: Stderr, style: LogFormat) -> None:
    logs.configure(LogLevel.INFO, style)
    try:
        _ = 1 // 0
    except ZeroDivisionError:
        structlog.get_logger("exporter.tests").exception("it broke")
    [line] = stderr.lines()
    assert line["level"] == "error"
    assert line["exception"].endswith("by zero")


def _even(levels: int) -> None:
    if not levels:
        msg = "the cause"
        raise ValueError(msg)
    _odd(levels - 1)


def _odd(levels: int) -> None:
    _even(levels)


def test_the_cause_is_logged_however_long_the_traceback_is(stderr: Stderr) -> None:
    logs.configure(LogLevel.INFO, LogFormat.LOGFMT)
    try:
        _even(60)
    except ValueError:
        structlog.get_logger("exporter.tests").exception("it broke")
    [line] = stderr.lines()
    assert line["exception"].endswith("ValueError: the cause")


@pytest.mark.parametrize(
    ("level", "seen"),
    [
        (LogLevel.DEBUG, ["debug", "info", "warning", "error"]),
        (LogLevel.INFO, ["info", "warning", "error"]),
        (LogLevel.WARNING, ["warning", "error"]),
        (LogLevel.ERROR, ["error"]),
    ],
)
def test_the_level_is_the_least_serious_that_is_written(
    stderr: Stderr, level: LogLevel, seen: list[str]
) -> None:
    logs.configure(level, LogFormat.LOGFMT)
    log = structlog.get_logger("exporter.tests")
    for method in ("debug", "info", "warning", "error"):
        getattr(log, method)("message")
    assert [line["level"] for line in stderr.lines()] == seen


def test_libraries_warn_in_the_same_format_and_chat_not_at_all(stderr: Stderr) -> None:
    logs.configure(LogLevel.DEBUG, LogFormat.JSON)
    library = logging.getLogger("some.library")
    library.info("chatter")
    library.warning("careful with %s", "that\nthing")
    [line] = stderr.lines()
    assert (line["level"], line["msg"]) == ("warning", "careful with that | thing")


def test_to_configure_again_doubles_nothing(stderr: Stderr) -> None:
    logs.configure(LogLevel.INFO, LogFormat.LOGFMT)
    logs.configure(LogLevel.INFO, LogFormat.JSON)
    structlog.get_logger("exporter.tests").info("once")
    assert [line["msg"] for line in stderr.lines()] == ["once"]


# RateLimited


class _Written(list[tuple[str, dict[str, object]]]):
    def __call__(self, event: str, **fields: object) -> None:
        self.append((event, fields))


def test_so_many_messages_of_a_kind_are_written_each_minute() -> None:
    written, now = _Written(), [1000.0]
    bounded = logs.RateLimited(written, lambda: now[0], per_minute=3)
    for i in range(10):
        bounded("a", "rejected", i=i)
    bounded("b", "rejected", i=10)
    assert [fields["i"] for _, fields in written] == [0, 1, 2, 10]
    now[0] += 59.9
    bounded("a", "rejected", i=11)
    assert len(written) == 4


def test_the_next_minute_reports_how_many_were_held_back() -> None:
    written, now = _Written(), [1000.0]
    bounded = logs.RateLimited(written, lambda: now[0], per_minute=3)
    for _ in range(10):
        bounded("a", "rejected")
    now[0] += 60
    bounded("a", "rejected")
    bounded("a", "rejected")
    assert written[3:] == [("rejected", {"held_back": 7}), ("rejected", {})]
    now[0] += 60
    bounded("a", "rejected")
    assert written[5:] == [("rejected", {})]


def test_no_minute_has_more_messages_of_a_kind_wherever_it_begins() -> None:
    written, now = list[float](), [1000.0]
    bounded = logs.RateLimited(lambda _, **__: written.append(now[0]), lambda: now[0], per_minute=3)
    for _ in range(300):
        now[0] += 1
        # In each minute only its begin and its end.
        if not 10 < now[0] % 60 < 50:
            bounded("a", "flap")
    for first, fourth in zip(written, written[3:], strict=False):
        assert fourth - first >= 60
    assert len(written) > 9


def test_a_message_that_its_owner_holds_back_is_counted() -> None:
    written = _Written()
    bounded = logs.RateLimited(written, lambda: 1000.0, per_minute=3)
    bounded.hold_back("a")
    assert bounded.has_room("a")
    bounded("a", "flap")
    assert written == [("flap", {"held_back": 1})]


@pytest.mark.parametrize("style", list(LogFormat))
def test_a_library_that_repeats_itself_is_limited_and_ours_is_not(
    stderr: Stderr, style: LogFormat
) -> None:
    logs.configure(LogLevel.INFO, style)
    for i in range(50):
        logging.getLogger("some.library").warning("careful %s", i)
        structlog.get_logger("exporter.tests").info("ours", i=i)
    logging.getLogger("other.library").warning("me too")
    messages = [line["msg"] for line in stderr.lines()]
    assert [m for m in messages if m.startswith("careful")] == [f"careful {i}" for i in range(6)]
    assert messages.count("ours") == 50
    assert messages[-1] == "me too"


def test_a_library_says_later_how_much_was_held_back(
    stderr: Stderr, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr(logs.RateLimited.__init__, "__defaults__", (lambda: now[0], 6))
    logs.configure(LogLevel.INFO, LogFormat.LOGFMT)
    for _ in range(10):
        logging.getLogger("some.library").warning("100%% %s", "sure")
    now[0] += 60
    logging.getLogger("some.library").warning("100%% %s", "sure")
    assert stderr.lines()[-1]["msg"] == "100% sure (4 held back)"
