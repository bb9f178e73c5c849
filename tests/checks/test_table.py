"""People see a line for each finding; text from outside does nothing to their terminal."""

import io
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.checks.document import document
from exporter.checks.report import Finding, Result
from exporter.checks.table import Style, style_of, table

FINDINGS = (
    Finding("this machine", "port", Result.GOOD, "127.0.0.1:10495 is free"),
    Finding("bus a", "login", Result.FAILED, "login refused", "check the password"),
    Finding("bus a", "right to read", Result.NOT_TRIED, "login must work first"),
)
PLAIN = """\
this machine
  good       port  127.0.0.1:10495 is free

bus a
  FAILED     login          login refused
                            -> check the password
  not tried  right to read  login must work first

Something does not work. 1 good, 1 failed, 1 not tried."""


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_table_is_plain_where_there_is_no_terminal() -> None:
    assert style_of(io.StringIO(), {"TERM": "xterm"}) == Style()
    assert table(FINDINGS, Style()) == PLAIN


@pytest.mark.parametrize(
    ("environment", "colours"),
    [({"TERM": "xterm"}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)],
)
def test_a_terminal_has_colours_unless_it_shall_not(
    environment: dict[str, str], colours: bool
) -> None:
    style = style_of(Terminal(), environment)
    assert style.colours is colours
    shown = table(FINDINGS, style._replace(width=None))
    assert ("\x1b[1;31mFAILED" in shown) is colours
    assert re.sub(r"\x1b\[[\d;]*m", "", shown) == PLAIN


def test_long_text_is_wrapped_to_the_width_and_no_word_is_broken() -> None:
    words = " ".join(f"word{i}" for i in range(60))
    long = Finding("bus a", "login", Result.FAILED, words, words)
    shown = table([long], Style(80)).splitlines()
    assert max(map(len, shown)) <= 80
    assert " ".join(" ".join(shown).split()).count("word59") == 2


def test_in_a_narrow_window_the_details_begin_on_a_line_of_their_own() -> None:
    shown = table(FINDINGS[1:], Style(40)).splitlines()
    assert shown[1:4] == ["  FAILED     login", "    login refused", "    -> check the password"]


texts = st.text() | st.text(alphabet="\x1b\x9b\x07\r\n\t\x7f\u202e[31m;aé", max_size=30)
findings = st.builds(Finding, texts, texts, st.sampled_from(Result), texts, texts)


@given(st.lists(findings, max_size=4), st.sampled_from([None, 40, 60, 100]))
def test_no_text_from_outside_controls_a_terminal(found: list[Finding], width: int | None) -> None:
    lines = table(found, Style(width)).split("\n")
    assert all(line.isprintable() for line in lines)


@given(st.lists(findings, max_size=4))
def test_the_document_is_ascii_and_gives_back_what_was_found(found: list[Finding]) -> None:
    text = document(found)
    assert text.isascii()
    assert all(line.isprintable() for line in text.split("\n"))
    told = json.loads(text)["findings"]
    assert [(each["check"], each["detail"]) for each in told] == [
        (each.check, each.detail) for each in found
    ]
