"""All dashboards, and the files that Grafana imports."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from dashboards import (
    call_centre,
    endpoints,
    exporter,
    languages,
    overview,
    services,
    sharing,
    switchboards,
    telephony,
    wallboard,
)
from dashboards.languages import LANGUAGES, Json, texts, translated

OF_INTERVALS = ("auto", "auto_min", "auto_count")
"""What the SDK writes for all variables, but Grafana knows only for variables of intervals."""

FOLDER = Path(__file__).parent

DASHBOARDS = {
    "overview": overview.dashboard,
    "wallboard": wallboard.dashboard,
    "call_centre": call_centre.dashboard,
    "endpoints": endpoints.dashboard,
    "telephony": telephony.dashboard,
    "switchboards": switchboards.dashboard,
    "services": services.dashboard,
    "exporter": exporter.dashboard,
}
"""Builders, by the name of the module and of the file."""


@cache
def pages() -> dict[str, Json]:
    """Return the English dashboards as JSON, by the names of their files."""
    found: dict[str, Json] = {}
    for stem, build in DASHBOARDS.items():
        found[stem] = json.loads(json.dumps(build(), cls=JSONEncoder))
        for variable in found[stem]["templating"]["list"]:
            for name in OF_INTERVALS:
                variable.pop(name, None)
    return found


def files() -> dict[Path, str]:
    """Return the text of every file. A text without a translation stays English."""
    found = {FOLDER / f"{stem}.json": _text(page) for stem, page in pages().items()}
    for language in LANGUAGES:
        known = languages.catalogue(language)
        for stem, page in pages().items():
            copy = translated(page, language, known)
            found[FOLDER / language / f"{stem}.json"] = _text(copy)
    return found


def exported() -> dict[Path, str]:
    """Return the text of every file in the form that grafana.com accepts, in `dist/dashboards`."""
    folder = FOLDER.parent / "dist" / "dashboards"
    return {
        folder / path.relative_to(FOLDER): _text(sharing.shared(json.loads(text)))
        for path, text in files().items()
    }


def untranslated() -> dict[str, list[str]]:
    """Return the texts without a translation, by language."""
    said = {text: None for page in pages().values() for text in texts(page)}
    known = {language: languages.catalogue(language) for language in LANGUAGES}
    return {
        language: [text for text in said if text not in known[language]] for language in LANGUAGES
    }


def _text(page: Json) -> str:
    return json.dumps(page, indent=2, ensure_ascii=False) + "\n"
