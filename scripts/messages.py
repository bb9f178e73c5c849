"""Make the catalogues of the page's texts: what is to translate, and what the program reads.

`python -m scripts.messages --write` adds new texts to each `page.po`, removes those that are not
used any more, and compiles `page.mo`. `--check` fails if a file is out of date.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from dataflows.activities import ACTIVITIES
from dataflows.subsystems import SUBSYSTEMS
from exporter.web.languages import words
from scripts import generated

_WEB = Path(__file__).resolve().parent.parent / "exporter" / "web"
_LOCALE = _WEB / "locale"

SAID_ELSEWHERE = {
    "exporter/exposition/known.py": (
        "another process of the cluster reads the bus",
        "the bus is not read",
        "waits for the next answer of the API",
        "no API is set, so the exporter knows only what events have told",
        "no API lists them, so the exporter knows only what events have told",
        (
            "no URL of consul is set, so the exporter knows only what events have told. "
            "A newer Wazo has no consul: there is nothing to do"
        ),
        "the dataflow has stalled",
    ),
    "exporter/app/pages.py": (
        "The dataflow has not started yet.",
        "The cluster has just started, and this process has no bus yet.",
        "The dataflow has stalled.",
    ),
}
"""Constant sentences of other rooms that the page shows, by the file that says them. Sentences with
names or numbers in them stay English."""

_HEAD = "# Texts of the page at `/`. `make generate` updates this file; translate here.\n"
_PLURALS = {"fr": "nplurals=2; plural=(n > 1);"}
"""Babel has a third form, for millions."""


def messages() -> Iterator[str | tuple[str, str]]:
    """Yield all texts of the page; those with a plural as a pair."""
    methods = [("templates/**.html", "jinja2")]
    options = {"templates/**.html": {"silent": "false"}}
    for _, _, text, _, _ in extract_from_dir(_WEB, methods, options):
        yield text if isinstance(text, str) else (text[0], text[1])
    for sentences in SAID_ELSEWHERE.values():
        yield from sentences
    yield from map(words, ACTIVITIES)
    for subsystem in SUBSYSTEMS:
        yield from (words(subsystem.name), subsystem.question)


def catalogue(language: str, old: str) -> Catalog:
    """Return the catalogue of a language, with the translations that there are already.

    Args:
        language: Its code.
        old: The catalogue as it is, in the format of gettext.
    """
    before = read_po(io.StringIO(old), locale=language)
    made = read_po(io.StringIO(_head(language)), locale=language)
    # Babel would write the moment of each run.
    made.creation_date = made.revision_date = datetime(2000, 1, 1, tzinfo=UTC)
    for text in sorted({*messages()}, key=str):
        key = text if isinstance(text, str) else text[0]
        known = before.get(key)
        made.add(text, known.string if known else "")
    return made


def files() -> dict[Path, str | bytes]:
    """Return the content that each file of the catalogues must have."""
    found: dict[Path, str | bytes] = {}
    for source in sorted(_LOCALE.glob("*/LC_MESSAGES/page.po")):
        language = source.parts[-3]
        made = catalogue(language, source.read_text(encoding="utf-8"))
        found[source] = _po(made)
        compiled = io.BytesIO()
        write_mo(compiled, made)
        found[source.with_suffix(".mo")] = compiled.getvalue()
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Check or write the catalogues; return the exit status."""
    return generated.main("python -m scripts.messages", __doc__, files(), arguments)


def _po(made: Catalog) -> str:
    out = io.BytesIO()
    write_po(out, made, width=100, no_location=True, omit_header=True)
    # Python's texts with %(names)s need no mark, because only Jinja2 fills them in.
    text = re.sub(r"^#, python-format\n", "", out.getvalue().decode(), flags=re.MULTILINE)
    return f"{_HEAD}{_head(str(made.locale))}\n{text}"


def _head(language: str) -> str:
    lines = (
        f"Language: {language}",
        "Content-Type: text/plain; charset=utf-8",
        f"Plural-Forms: {_PLURALS[language]}",
    )
    return 'msgid ""\nmsgstr ""\n' + "".join(f'"{line}\\n"\n' for line in lines)


if __name__ == "__main__":
    raise SystemExit(main())
