"""The key files of wazo-auth-keys: a user and a password for the APIs, as YAML.

wazo-auth-keys writes a mapping of two keys, as `{service_id: …, service_key: …}` or on two lines.
Only that part of YAML is read: texts of one word each, or in quotes. A message about any other text
quotes nothing of it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

USER, PASSWORD = "service_id", "service_key"


def parse(text: str) -> tuple[str, str]:
    """Return user and password.

    Raises:
        ValueError: What is wrong, as the end of a sentence that begins with the file.
    """
    lines = [line for line in text.splitlines() if not _NOTHING.fullmatch(line)]
    is_flow = bool(lines) and lines[0].lstrip().startswith("{")
    pairs = dict(_flow("\n".join(lines)) if is_flow else _block(lines))
    if pairs.get(USER) and pairs.get(PASSWORD):
        return pairs[USER], pairs[PASSWORD]
    raise ValueError(_NO_KEY_FILE)


def _block(lines: list[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        found = _BLOCK_PAIR.fullmatch(line)
        if found is None:
            raise ValueError(_NO_KEY_FILE)
        yield found["key"], _value(found["value"])


def _flow(text: str) -> Iterator[tuple[str, str]]:
    at, end = text.index("{") + 1, ","
    while end == ",":
        found = _FLOW_PAIR.match(text, at)
        if found is None:
            raise ValueError(_NO_KEY_FILE)
        yield found["key"], _value(found["value"])
        at, end = found.end(), found["end"]
    if not _NOTHING.fullmatch(text, at):
        raise ValueError(_NO_KEY_FILE)


def _value(text: str) -> str:
    if text.startswith("'"):
        return text[1:-1].replace("''", "'")
    if not text.startswith('"'):
        return text
    try:
        # The texts of JSON are texts of YAML.
        return str(json.loads(text))
    except ValueError:
        pass
    # Not inside of the except: the error above holds the text.
    raise ValueError(_NO_KEY_FILE)


_NO_KEY_FILE = (
    f"is no key file of wazo-auth-keys: it must contain {USER} and {PASSWORD}; check the path"
)

# A comment, a blank line, or the begin or the end of a document.
_NOTHING = re.compile(r"\s*(#.*)?|(---|\.\.\.)(\s+#.*)?\s*")
_KEY = r"""\s*(["']?)(?P<key>\w{1,40})\1\s*:"""
_QUOTED = r"""'(?:[^'\n]|'')*'|"(?:[^"\\\n]|\\.)*\""""
# What begins otherwise is no text of one line: a list, an anchor, a tag and so on.
_FIRST = r"""[^\s\[\]{}&*!|>%@`"',#?:-]|[?:-](?=[^\s,\[\]{}])"""
_BLOCK_PAIR = re.compile(rf"{_KEY}\s+(?P<value>{_QUOTED}|(?:{_FIRST})\S*)(\s+#.*)?\s*")
_FLOW_PAIR = re.compile(
    rf"{_KEY}\s+(?P<value>{_QUOTED}|(?:{_FIRST})[^\s,\[\]{{}}]*)\s*(?P<end>[,}}])"
)
