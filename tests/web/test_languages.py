"""The languages of the page: the choice, the catalogues, and numbers."""

import re
import string
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from hypothesis import given
from hypothesis import strategies as st

from exporter.web import languages
from exporter.web.languages import LANGUAGES, chosen, number, percent
from exporter.web.negotiation import preferred_language
from scripts import messages
from tests.support import REPOSITORY
from tests.web.serving import ask, serving

NARROW = "\N{NARROW NO-BREAK SPACE}"
CATALOGUES = sorted((REPOSITORY / "exporter/web/locale").glob("*/LC_MESSAGES/page.po"))


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("fr", "fr"),
        ("fr-CA", "fr"),
        ("FR-fr;q=0.9, en;q=0.8", "fr"),
        ("en-GB,en;q=0.9,fr;q=0.8", "en"),
        ("de, fr;q=0.2", "fr"),
        ("de, *;q=0.5", "en"),
        ("en;q=0, *", "fr"),
        ("fr;q=0", "en"),
        ("fr-CA;q=1, fr;q=0.1, en;q=0.5", "en"),
        ("frr", "en"),
        ("de", "en"),
        ("fr;q=high", "en"),
    ],
)
def test_the_language_is_the_one_that_the_client_prefers(header: str, language: str) -> None:
    assert preferred_language(header, [*LANGUAGES]) == language


@given(st.text(max_size=60))
def test_any_header_gives_a_language(header: str) -> None:
    assert chosen(None, header) in LANGUAGES


def test_the_address_goes_before_the_header() -> None:
    with serving() as server:
        for path, header, language in (
            ("/", "fr-FR", "fr"),
            ("/?lang=en", "fr-FR", "en"),
            ("/?lang=fr", "en", "fr"),
            ("/?lang=de", "fr", "fr"),
            ("/?lang=%3Cb%3E", "en", "en"),
        ):
            answer = ask(server, path, accept_language=header)
            assert f'<html lang="{language}"'.encode() in answer.body
            assert answer.headers["content-language"] == language
            assert "Accept-Language" in answer.headers["vary"]


def test_the_catalogues_are_up_to_date() -> None:
    assert messages.main(["--check"]) == 0


def test_every_language_but_english_has_a_catalogue() -> None:
    assert [path.parts[-3] for path in CATALOGUES] == [each for each in LANGUAGES if each != "en"]


def placeholders(text: str) -> list[str]:
    braces = [name for _, name, _, _ in string.Formatter().parse(text) if name]
    return sorted([*re.findall(r"%\((\w+)\)s", text), *braces])


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parts[-3])
def test_every_text_is_translated_with_its_placeholders(path: Path) -> None:
    with path.open("rb") as file:
        catalogue = read_po(file)
    texts = [message for message in catalogue if message.id]
    assert len(texts) > 100
    for message in texts:
        originals, found = (
            [each] if isinstance(each, str) else [*(each or ())]
            for each in (message.id, message.string)
        )
        assert all(found), message.id
        for text in found:
            assert placeholders(text) == placeholders(originals[-1]), message.id
            # French has a space before these that no line ends in.
            assert not re.search(r"[^\N{NO-BREAK SPACE}]:(?! *\{|//)(\s|$)", text) or text == ":"
            assert not re.search(rf"[^{NARROW}][?!;]", text), text
            assert "'" not in text, text


@pytest.mark.parametrize("path", [*messages.SAID_ELSEWHERE], ids=lambda path: Path(path).stem)
def test_the_sentences_of_other_rooms_are_still_said_there(path: str) -> None:
    module = __import__(path.removesuffix(".py").replace("/", "."), fromlist=["_"])
    source = (REPOSITORY / path).read_text(encoding="utf-8")
    said = {each for each in vars(module).values() if isinstance(each, str)}
    for sentence in messages.SAID_ELSEWHERE[path]:
        known = sentence in source or sentence in said
        assert known or sentence.partition(", so the exporter")[0] in source, sentence


def test_numbers_have_the_form_of_their_language() -> None:
    assert number(1234567, "en") == "1,234,567"
    assert number(1234567, "fr") == f"1{NARROW}234{NARROW}567"
    assert (number(0.26, "en", 1), number(1234.56, "fr", 1)) == ("0.3", f"1{NARROW}234,6")
    assert (percent(0.834, "en"), percent(0.834, "fr")) == ("83%", f"83{NARROW}%")


@given(st.floats(0, 1))
def test_a_percentage_is_0_or_100_only_if_it_is_exact(ratio: float) -> None:
    text = percent(ratio, "en")
    assert (text == "0%") == (ratio == 0)
    assert (text == "100%") == (ratio == 1)
    assert abs(float(text[:-1]) - 100 * ratio) <= 1


def test_a_reason_without_a_translation_is_marked_as_english() -> None:
    page = languages.texts("fr")
    assert (
        page.gettext("the bus is not read") == "le bus n\N{RIGHT SINGLE QUOTATION MARK}est pas lu"
    )
    assert languages.translated("agentd refused", "fr") == "agentd refused"
    assert languages.translated("", "fr") == ""
