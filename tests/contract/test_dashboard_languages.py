"""The copies of the dashboards in other languages differ only in their texts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from dashboards import catalogue, languages
from dashboards.__main__ import main
from dashboards.languages import LANGUAGES, texts
from dashboards.words import WORDS
from exporter.web.languages import translated, words
from tests.dashboards.grafana import STEMS, Json, load
from tests.support import REPOSITORY

PAIRS = [(language, stem) for language in LANGUAGES for stem in STEMS]
NO_BREAK, NARROW = "\N{NO-BREAK SPACE}", "\N{NARROW NO-BREAK SPACE}"


def translations(language: str) -> dict[str, str]:
    with (catalogue.FOLDER / "locale" / f"{language}.po").open("rb") as file:
        return {str(each.id): str(each.string) for each in read_po(file) if each.id}


def in_language(language: str, stem: str) -> Json:
    page: Json = json.loads((catalogue.FOLDER / language / f"{stem}.json").read_text())
    return page


def differences(one: object, other: object, path: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield the strings that differ, with their place. Fail if anything else differs."""
    assert type(one) is type(other), path
    if isinstance(one, dict) and isinstance(other, dict):
        assert [*one] == [*other], path
        for key, value in one.items():
            yield from differences(value, other[key], f"{path}/{key}")
    elif isinstance(one, list) and isinstance(other, list):
        assert len(one) == len(other), path
        for each, its in zip(one, other, strict=True):
            yield from differences(each, its, path)
    elif one != other:
        assert isinstance(one, str), path
        assert isinstance(other, str), path
        yield path, one, other


@pytest.mark.parametrize(("language", "stem"), PAIRS)
def test_a_copy_is_equal_in_all_but_its_texts(language: str, stem: str) -> None:
    known = translations(language)
    for path, english, other in differences(load(stem), in_language(language, stem)):
        match path.rpartition("/")[2]:
            case "uid" | "tags":
                assert other == f"{english}-{language}"
            case "url" if english.startswith("/d/"):
                assert other == re.sub(r"^(/d/[\w-]+)", rf"\1-{language}", english)
            case "url":
                assert other == re.sub(r"\.md(#.*)?$", f".{language}.md", english)
            case "unit":
                prefix, _, word = english.partition(":")
                assert other == f"{prefix}:{known[f'… {word}'].removeprefix('… ')}"
            case _:
                assert other == known[english], path


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_has_a_translation_and_every_translation_a_text(language: str) -> None:
    said = {text for page in catalogue.pages().values() for text in texts(page)}
    known = translations(language)
    assert all(known.values())
    assert said == known.keys()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_has_the_labels_code_and_numbers_of_its_text(language: str) -> None:
    kept = r"{{\w+}}|`[^`]+`|--[a-z-]+|\d+"
    for english, other in translations(language).items():
        assert sorted(re.findall(kept, english)) == sorted(re.findall(kept, other)), english


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_panel_has_two_columns_or_series_of_one_name(language: str) -> None:
    for stem in STEMS:
        for panel in in_language(language, stem)["panels"]:
            overrides = panel.get("fieldConfig", {}).get("overrides", ())
            settings = [each for override in overrides for each in override["properties"]]
            heads = [
                head
                for each in panel.get("transformations", ())
                for head in each["options"].get("renameByName", {}).values()
            ]
            shown = [each["value"] for each in settings if each["id"] == "displayName"]
            legends = [each["legendFormat"] for each in panel.get("targets", ())]
            for names in (heads, shown, [each for each in legends if each]):
                assert len(set(names)) == len(names), panel["title"]


def test_french_texts_have_the_spaces_and_apostrophes_of_french_typography() -> None:
    for whole in translations("fr").values():
        text = re.sub(r"`[^`]+`", "", whole)
        assert "'" not in text
        assert not re.search(rf"[^{NO_BREAK}]:|[^{NARROW}][;?!%]|«[^{NO_BREAK}]", text), text


@pytest.mark.parametrize("language", LANGUAGES)
def test_links_lead_to_dashboards_of_the_same_language(language: str) -> None:
    pages = [in_language(language, stem) for stem in STEMS]
    uids = {page["uid"] for page in pages}
    for page in pages:
        assert {*re.findall(r"/d/([\w-]+)", json.dumps(page))} <= uids
        for document in re.findall(r"/docs/(\w+)\.md", json.dumps(page)):
            assert not (REPOSITORY / "docs" / f"{document}.{language}.md").exists()
        assert all({*link["tags"]} == {*page["tags"]} for link in page["links"])
        assert not {*page["tags"]} & {*load(STEMS[0])["tags"]}


def test_a_text_without_a_translation_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    known = languages.catalogue("fr")
    short = {english: other for english, other in known.items() if english != "Callers waiting"}
    monkeypatch.setattr(catalogue, "FOLDER", tmp_path)
    monkeypatch.setattr(languages, "catalogue", lambda _: short)
    assert main(["--write"]) == 1
    assert "fr.po has no translation of: Callers waiting" in capsys.readouterr().out
    assert main(["--untranslated"]) == 0
    assert capsys.readouterr().out == "fr: Callers waiting\n"


def test_the_page_and_the_dashboards_have_the_same_words_for_activities() -> None:
    for activity, word in WORDS["activity"].items():
        assert words(activity) == word
        for language in LANGUAGES:
            assert translated(words(activity), language) == translations(language)[word]
