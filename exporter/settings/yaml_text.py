"""Reads YAML as texts, lists and maps; a message shows the number of a line and no content.

The file may contain secrets in the wrong place, so no message quotes anything of it.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar

import yaml

MAX_DEPTH = 16
"""Maps and lists in each other; a web configuration has three."""
MAX_EVENTS = 50_000
"""Texts, and begins and ends of lists and maps; reading as many takes half a second."""

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})


class Plain(str):
    """A text without quotes, so that it may stand for a number, or for true or false."""

    __slots__ = ()


def read_yaml(text: str) -> object:
    """Return the document in a text: of `str`, `Plain`, `None`, `list` and `dict`.

    All keys are texts. An alias is the same object as its anchor, so it costs nothing. A merge
    (`<<`) is a key like any other.

    Raises:
        ValueError: It is not YAML, or has more than one document, a key twice, a key that is no
            text, a tag, or too much of everything.
    """
    mark = None
    try:
        _check_events(text)
        return _Loader(text).get_single_data()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        is_ours = isinstance(error, _RefusedError)
        problem = error.problem if is_ours else "this is not YAML, or a second document"
    except (yaml.YAMLError, ValueError, OverflowError):
        problem = "this is not YAML: a character or a number in it is not allowed"
    # Outside of the except clauses: the context of an exception keeps what was read.
    raise ValueError(problem if mark is None else f"line {mark.line + 1}: {problem}")


class _RefusedError(yaml.MarkedYAMLError):
    """A problem with words of ours; those of PyYAML quote the text."""

    def __init__(self, problem: str, at: yaml.Event | yaml.Node) -> None:
        super().__init__(
            problem=problem,
            problem_mark=at.start_mark,  # type: ignore[arg-type]  # libyaml has marks of its own
        )


def _check_events(text: str) -> None:
    depth = 0
    for number, event in enumerate(yaml.parse(text, Loader=_Loader)):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH or number > MAX_EVENTS:
            problem = "too long, or too many lists or maps in each other"
            raise _RefusedError(problem, event)
        if getattr(event, "tag", None) is not None:
            problem = "tags are not used here: remove what begins with !"
            raise _RefusedError(problem, event)


# libyaml's parser is ten times as fast, but not all builds of PyYAML have it.
class _Loader(getattr(yaml, "CBaseLoader", yaml.BaseLoader)):  # type: ignore[misc]  # as above
    """Builds plain objects only: PyYAML's base has no constructor of any other."""

    def _text(self, node: yaml.ScalarNode) -> str | None:
        text = str(node.value)
        if re.search("[\ud800-\udfff]", text):
            problem = "a \\u in a text is no character"
            raise _RefusedError(problem, node)
        if node.style:  # It has quotes, or is a block.
            return text
        return None if text in _NULLS else Plain(text)

    def _map(self, node: yaml.MappingNode) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = self.construct_object(key_node)
            if not isinstance(key, str) or key in found:
                problem = "this key is there twice, or is not a text"
                raise _RefusedError(problem, key_node)
            found[str(key)] = self.construct_object(value_node)
        return found

    yaml_constructors: ClassVar[Any] = {
        "tag:yaml.org,2002:str": _text,
        "tag:yaml.org,2002:seq": yaml.BaseLoader.construct_sequence,
        "tag:yaml.org,2002:map": _map,
    }
