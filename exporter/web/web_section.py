"""Reads a section of the web configuration file: a map with known keys, one level of YAML."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from exporter.settings.messages import choices
from exporter.web.yaml_tree import ContentError, Items, Node, Null, Table, Text

_SPELLINGS: tuple[Callable[[str], str], ...] = (str.lower, str.title, str.upper)
_TRUE = frozenset(f(word) for word in ("y", "yes", "true", "on") for f in _SPELLINGS)
_FALSE = frozenset(f(word) for word in ("n", "no", "false", "off") for f in _SPELLINGS)


@dataclass(frozen=True, slots=True)
class Pem:
    """Where certificates or a key are.

    Attributes:
        line: Of the value, for messages.
        key: Of the value, such as `cert_file`.
        value: The text itself, or the path of a file.
        is_path: Whether it is a path.
    """

    line: int
    key: str
    value: str = field(repr=False)
    is_path: bool


class Section:
    """A map with known keys.

    Args:
        name: Its key; empty for the whole file.
        node: What is there; `Null` is an empty map.
        known: The keys that it may have.

    Raises:
        ContentError: By all methods too: a value is not of the kind that is asked for.
    """

    def __init__(self, name: str, node: Node, known: Sequence[str]) -> None:
        self.name = name
        self._entries = entries(node, name or "the file")
        for key, (line, _) in self._entries.items():
            if key not in known:
                where = f"in {name}" if name else "at the top"
                problem = f"unknown key; known {where}: {choices(known, 'and')}"
                raise ContentError(problem, line)

    def node(self, key: str) -> Node:
        """Return a value; `Null` if the key is not there."""
        return self._entries.get(key, (0, Null(0)))[1]

    def is_blank(self, key: str) -> bool:
        """Return whether a key is there without a value."""
        return key in self._entries and isinstance(self.node(key), Null)

    def line(self, key: str) -> int:
        """Return the line of a key that is there."""
        return self._entries[key][0]

    def section(self, key: str, known: Sequence[str]) -> Section:
        """Return a map within this one."""
        return Section(key, self.node(key), known)

    def table(self, key: str) -> dict[str, tuple[int, Node]]:
        """Return a map with any keys: lines and values."""
        return entries(self.node(key), key)

    def text(self, key: str) -> Text | None:
        """Return a text; None if there is none."""
        node = self.node(key)
        return None if isinstance(node, Null) else text_of(node, key)

    def flag(self, key: str) -> bool | None:
        """Return true or false, in the words of YAML 1.1; None without a value."""
        node = self.text(key)
        if node is None:
            return None
        if not node.is_plain or node.text not in _TRUE | _FALSE:
            problem = f"{key} must be true or false, without quotes"
            raise ContentError(problem, node.line)
        return node.text in _TRUE

    def texts(self, key: str) -> list[Text] | None:
        """Return a list of texts; None without a value."""
        node = self.node(key)
        if isinstance(node, Null):
            return None
        if not isinstance(node, Items):
            problem = f"{key} must be a list"
            raise ContentError(problem, node.line)
        return [text_of(each, f"an item of {key}") for each in node.items]

    def pem(self, key: str) -> Pem | None:
        """Return a file, or else a text of the same meaning; None if both are empty."""
        for name in (f"{key}_file", key):
            node = self.text(name)
            if node is not None and node.text:
                return Pem(node.line, name, node.text, is_path=name != key)
        return None

    def first_line(self) -> int | None:
        """Return the line of the first value that is not empty; None if there is none."""
        for line, node in self._entries.values():
            is_empty_text = isinstance(node, Text) and not node.text
            if not isinstance(node, Null) and not is_empty_text:
                return line
        return None


def entries(node: Node, name: str) -> dict[str, tuple[int, Node]]:
    """Return the lines and values of a map."""
    if isinstance(node, Null):
        return {}
    if not isinstance(node, Table):
        problem = f"{name} must be a map: keys with values"
        raise ContentError(problem, node.line)
    return node.entries


def text_of(node: Node, what: str) -> Text:
    """Return a node that must be a text."""
    if not isinstance(node, Text):
        problem = f"{what} must be a text"
        raise ContentError(problem, node.line)
    return node


def one_of(node: Text, known: Sequence[str], key: str) -> str:
    """Return a text that must be one of these."""
    if node.text not in known:
        problem = f"unknown value in {key}: it must be {choices(known)}"
        raise ContentError(problem, node.line)
    return node.text
