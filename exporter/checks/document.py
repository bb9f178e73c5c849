"""The findings as a JSON document, for machines."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from exporter.checks.report import Finding, Result, counts, result

VERSION = 1
"""Of the form of the document. New keys may come without a new version."""

_SETTINGS = "settings"


def document(findings: Sequence[Finding]) -> str:
    """Return all findings as a JSON document in ASCII; see `docs/check.md` for its form."""
    found = counts(findings)
    content = {
        "version": VERSION,
        "result": result(findings),
        "counts": {each: found[each] for each in Result},
        "findings": findings,
    }
    text = msgspec.json.format(msgspec.json.encode(content)).decode(errors="replace")
    # A terminal may show the document: C1 control characters are no controls in JSON.
    return "".join(c if c < "\x7f" else _escaped(c) for c in text)


def of_wrong_settings(problems: Sequence[str]) -> str:
    """Return the document if the settings cannot be used.

    Args:
        problems: A line for each, which names the setting first.
    """
    advice = "correct the setting; xivo-exporter check --help explains it"
    return document(
        [Finding(_SETTINGS, _SETTINGS, Result.FAILED, problem, advice) for problem in problems]
    )


def _escaped(character: str) -> str:
    # As UTF-16, which JSON's escapes are.
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))
