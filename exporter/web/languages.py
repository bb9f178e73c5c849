"""The languages of the page: which one a client wants, its texts, and its numbers."""

from __future__ import annotations

import gettext
from functools import cache
from pathlib import Path

from exporter.web.negotiation import preferred_language

LANGUAGES = {"en": "English", "fr": "Français"}
"""Their names for themselves. The first one is for clients that ask for none of them."""

_WORDS = {"on_call": "on a call", "wrap_up": "in wrap-up", "unavailable": "phone unavailable"}
"""Activities for people: the words of the dashboards. To be "on call" means to be on duty."""

_CATALOGUES = Path(__file__).with_name("locale")
_NARROW_SPACE = "\N{NARROW NO-BREAK SPACE}"


def chosen(asked: str | None, accept_language: str) -> str:
    """Return the language for a client.

    Args:
        asked: What the address asks for; something unknown counts as nothing.
        accept_language: The header of the request.
    """
    return asked if asked in LANGUAGES else preferred_language(accept_language, [*LANGUAGES])


@cache
def texts(language: str) -> gettext.NullTranslations:
    """Return the texts in a language. English is what the code says."""
    if language == "en":
        return gettext.NullTranslations()
    return gettext.translation("page", _CATALOGUES, [language])


def translated(text: str, language: str) -> str:
    """Return a text of another room in a language; the same if there is no translation."""
    # The text of the empty one is the head of the catalogue.
    return texts(language).gettext(text) if text else text


def number(value: float, language: str, digits: int = 0) -> str:
    """Return a number with a separator of thousands: `1,234.5` or `1 234,5`."""
    text = f"{value:,.{digits}f}"
    if language == "fr":
        return text.replace(",", _NARROW_SPACE).replace(".", ",")
    return text


def percent(ratio: float, language: str) -> str:
    """Return a ratio as a whole percentage: `83%` or `83 %`.

    It is never rounded to 0% or 100%, which would say that no call or every call counts.
    """
    whole = round(ratio * 100)
    if 0 < ratio < 1:
        whole = min(max(whole, 1), 99)
    return f"{whole}{_NARROW_SPACE if language == 'fr' else ''}%"


def words(name: str) -> str:
    """Return a name of the code as words: `queue_calls` is `queue calls`."""
    return _WORDS.get(name, name.replace("_", " "))
