"""Reads YAML as a tree of texts, maps and lists; a message shows a line number and no content.

The file may contain secrets in the wrong place, so no message quotes anything of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml

MAX_DEPTH = 16
"""Maps and lists in each other; a web configuration has three."""
MAX_NODES = 100_000
"""Texts, maps and lists; each takes about 200 bytes."""

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_TEXT_TAGS = frozenset({"!", "tag:yaml.org,2002:str"})
# libyaml's parser is ten times as fast, but not all builds of PyYAML have it.
_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


class ContentError(ValueError):
    """The text is not the YAML that is expected."""

    def __init__(self, problem: str, line: int | None = None) -> None:
        super().__init__(problem if line is None else f"line {line}: {problem}")


@dataclass(frozen=True, slots=True)
class Text:
    """A scalar.

    Attributes:
        line: Where it begins, from 1.
        text: What is written.
        is_plain: Whether it is written without quotes, so that it may be a number or true.
    """

    line: int
    text: str
    is_plain: bool


@dataclass(frozen=True, slots=True)
class Null:
    """No value: nothing after the colon, or `null`."""

    line: int


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    line: int
    items: list[Node] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Table:
    """A map: keys with their lines, and values, in the order of the file."""

    line: int
    entries: dict[str, tuple[int, Node]] = field(default_factory=dict)


Node = Text | Null | Items | Table


def tree(text: str) -> Node:
    """Return the document in a text; an empty text is `Null`.

    Aliases refer to their node, so they cost nothing. Merges (`<<`) are keys like any other.

    Raises:
        ContentError: It is not YAML, or has more than one document, a key twice, a key that is no
            text, a tag, or too much of everything.
    """
    problem, line = "this is not YAML", None
    try:
        return _Builder(text).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark is not None else None
    except yaml.YAMLError:
        problem = "it contains characters that YAML does not allow"
    # Outside of the except clauses: the context of an exception keeps what was read.
    raise ContentError(problem, line)


class _Builder:
    def __init__(self, text: str) -> None:
        self._events: Iterator[yaml.Event] = yaml.parse(text, Loader=_LOADER)
        self._anchors: dict[str, Node] = {}
        self._nodes = 0

    def document(self) -> Node:
        next(self._events)  # The begin of the stream.
        if isinstance(event := next(self._events), yaml.StreamEndEvent):
            return Null(1)
        node = self._node(next(self._events), 0)
        next(self._events)  # The end of the document.
        if not isinstance(event := next(self._events), yaml.StreamEndEvent):
            problem = "a second document begins here: write everything into one"
            raise ContentError(problem, _line(event))
        return node

    def _node(self, event: yaml.Event, depth: int) -> Node:
        line = _line(event)
        self._nodes += 1
        if depth > MAX_DEPTH or self._nodes > MAX_NODES:
            problem = "too many lists or maps in each other" if depth > MAX_DEPTH else "too long"
            raise ContentError(problem, line)
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in self._anchors:
                problem = "an alias has no anchor"
                raise ContentError(problem, line)
            return self._anchors[event.anchor]
        assert isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent)
        if isinstance(event, yaml.ScalarEvent):
            node = self._scalar(event)
        else:
            _check_tag(event.tag, {None, "!"}, line)
            is_list = isinstance(event, yaml.SequenceStartEvent)
            node = self._items(line, depth) if is_list else self._table(line, depth)
        # After the content, so that a node cannot contain itself.
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _scalar(self, event: yaml.ScalarEvent) -> Node:
        line = _line(event)
        _check_tag(event.tag, {None, *_TEXT_TAGS}, line)
        is_plain = event.tag is None and event.style in (None, "")
        if is_plain and event.value in _NULLS:
            return Null(line)
        if any("\ud800" <= c <= "\udfff" for c in event.value):
            problem = "a \\u in a text is no character"
            raise ContentError(problem, line)
        return Text(line, event.value, is_plain)

    def _items(self, line: int, depth: int) -> Items:
        items = Items(line)
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.items.append(self._node(event, depth + 1))
        return items

    def _table(self, line: int, depth: int) -> Table:
        table = Table(line)
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._node(event, depth + 1)
            value = self._node(next(self._events), depth + 1)
            if not isinstance(key, Text):
                problem = "a key is not a text"
                raise ContentError(problem, _line(event))
            if key.text in table.entries:
                problem = f"this key is there twice, first in line {table.entries[key.text][0]}"
                raise ContentError(problem, _line(event))
            table.entries[key.text] = (_line(event), value)
        return table


def _line(event: yaml.Event) -> int:
    assert event.start_mark is not None
    return int(event.start_mark.line) + 1


def _check_tag(tag: str | None, allowed: set[str | None], line: int) -> None:
    if tag not in allowed:
        problem = "tags are not used here: remove what begins with !"
        raise ContentError(problem, line)
