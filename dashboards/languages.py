"""Copies of the dashboards in other languages, which differ only in their texts.

The builders write English. This module finds the texts in the finished dashboard, so no builder
knows of languages. `locale/<language>.po` has the translations.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from babel.messages.pofile import read_po

Json = dict[str, Any]

_SUFFIX = "suffix:"
"""Begins a unit that is a word behind the number."""
_NUMBER = "… "
"""Stands for this number in the catalogue."""

_DOCUMENTS = frozenset({"calls"})
"""Documents that are there in each language too, with other anchors."""

Translate = Callable[[str], str]

LANGUAGES = ("fr",)
"""Other than English."""

_FOLDER = Path(__file__).parent / "locale"

_TEXTS = frozenset(
    {"title", "description", "noValue", "label", "legendFormat", "titleFormat", "displayName"}
)
"""Keys of texts, and names of properties of series that are texts."""


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """Read the translations into a language, by the English text."""
    with (_FOLDER / f"{language}.po").open("rb") as file:
        entries = read_po(file, locale=language, abort_invalid=True)
    return {str(each.id): str(each.string) for each in entries if each.id and each.string}


def translated(page: Json, language: str, known: Mapping[str, str]) -> Json:
    """Copy a dashboard in another language. It has another uid, and links to its own language.

    Args:
        page: The English dashboard.
        language: Code of the language.
        known: The translations. A text without one stays English.
    """
    copy: Json = _copy(page, lambda text: known.get(text, text))
    copy["uid"] = f"{page['uid']}-{language}"
    for dashboard in (copy, *copy["links"]):
        dashboard["tags"] = [f"{tag}-{language}" for tag in dashboard["tags"]]
    linked: Json = _linked(copy, language)
    return linked


def texts(page: Json) -> list[str]:
    """Return all texts of a dashboard that people read, in their order."""
    found: dict[str, None] = {}

    def note(text: str) -> str:
        found[text] = None
        return text

    _copy(page, note)
    return [*found]


def _copy(value: Any, translate: Translate, names: frozenset[str] = frozenset()) -> Any:  # noqa: ANN401 -- JSON
    if isinstance(value, list):
        return [_copy(each, translate, names) for each in value]
    if not isinstance(value, dict):
        return value
    if "fieldConfig" in value:
        names = _names(value)
    return {key: _entry(value, key, each, translate, names) for key, each in value.items()}


def _entry(  # noqa: PLR0911 -- a case for each kind of text
    parent: Json,
    key: str,
    value: Any,  # noqa: ANN401 -- JSON
    translate: Translate,
    names: frozenset[str],
) -> Any:  # noqa: ANN401 -- JSON
    match key, value:
        case "value", str() if parent.get("id") in _TEXTS:
            return _said(value, translate)
        case "options", str() if parent.get("id") == "byName" and value in names:
            return _said(value, translate)
        case "unit", str() if value.startswith(_SUFFIX):
            # Behind a number a word may have another form: 4 disponibles.
            said = _said(f"{_NUMBER}{value.removeprefix(_SUFFIX)}", translate)
            return _SUFFIX + said.removeprefix(_NUMBER)
        case "text", str() if "value" not in parent:
            # Of a value; the text of a choice of a variable has a value beside it.
            return _said(value, translate)
        case "name", str() if "iconColor" in parent:
            return _said(value, translate)
        case "renameByName", dict():
            return {label: _said(head, translate) for label, head in value.items()}
        case _, str() if key in _TEXTS:
            return _said(value, translate)
    return _copy(value, translate, names)


def _names(panel: Json) -> frozenset[str]:
    """Return the names of series and columns that are texts, not values of labels."""
    found = {query.get("legendFormat", "") for query in panel.get("targets", ())}
    for each in panel.get("transformations", ()):
        found |= {*each["options"].get("renameByName", {}).values()}
    return frozenset(found)


def _said(text: str, translate: Translate) -> str:
    # Without words, there is nothing to translate, such as in {{queue}} and -.
    return translate(text) if re.search(r"\w", re.sub(r"{{\w+}}", "", text)) else text


def _linked(value: Any, language: str) -> Any:  # noqa: ANN401 -- JSON
    """Let links lead to dashboards and documents of the language."""
    if isinstance(value, list):
        return [_linked(each, language) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        key: _address(each, language)
        if key == "url" and isinstance(each, str)
        else _linked(each, language)
        for key, each in value.items()
    }


def _address(url: str, language: str) -> str:
    if found := re.fullmatch(r"(.+/docs/)(\w+)\.md(#.*)?", url):
        place, document, _ = found.groups()
        return f"{place}{document}.{language}.md" if document in _DOCUMENTS else url
    return re.sub(r"^/d/([\w-]+)", rf"/d/\1-{language}", url)
