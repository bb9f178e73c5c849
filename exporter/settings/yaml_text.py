"""Reads YAML as texts, lists and maps; a message shows the number of a line and no content.

The file may contain secrets in the wrong place, so no message quotes anything of it.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar

import yaml

MAX_NODES = 20_000
"""Texts, maps and lists in a document; as many take half a second."""

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_PLAIN = "plain"


class Plain(str):
    """A text without quotes, so that it may stand for a number, or for true or false."""

    __slots__ = ()


def read_yaml(text: str) -> object:
    """Return the document in a text: of `str`, `Plain`, `None`, `list` and `dict`.

    All keys are texts. An alias is the same object as its anchor, so it costs nothing. A merge
    (`<<`) is a key like any other.

    Raises:
        ValueError: It is not YAML, or has more than one document, a key twice, a key that is no
            text, a tag, or too many texts, lists and maps, also in each other.
    """
    mark = None
    try:
        return _Loader(text).get_single_data()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        is_ours = isinstance(error, _RefusedError)
        problem = error.problem if is_ours else "this is not YAML, or a second document"
    except RecursionError:
        problem = "too many lists or maps in each other"
    except (yaml.YAMLError, ValueError, OverflowError):
        problem = "this is not YAML: a character or a number in it is not allowed"
    # Outside of the except clauses: the context of an exception keeps what was read.
    raise ValueError(problem if mark is None else f"line {mark.line + 1}: {problem}")


class _RefusedError(yaml.MarkedYAMLError):
    """A problem with words of ours; those of PyYAML quote the text."""

    def __init__(self, problem: str, at: Any) -> None:  # noqa: ANN401 -- nodes of either parser
        super().__init__(problem=problem, problem_mark=at.start_mark)


class _Loader(yaml.BaseLoader):
    """Builds plain objects only: PyYAML's base has no constructor of any other."""

    _left = MAX_NODES

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:  # noqa: ANN401 -- of PyYAML
        self._left -= 1
        if not self._left:
            problem = "too long"
            raise _RefusedError(problem, parent)
        return super().compose_node(parent, index)

    def _text(self, node: yaml.ScalarNode) -> str | None:
        text = str(node.value)
        if re.search("[\ud800-\udfff]", text):
            problem = "a \\u in a text is no character"
            raise _RefusedError(problem, node)
        if node.tag != _PLAIN:
            return text
        return None if text in _NULLS else Plain(text)

    def _map(self, node: yaml.MappingNode) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = self.construct_object(key_node)
            if not isinstance(key, str) or key in found:
                problem = "this key is there twice, or is not a text"
                raise _RefusedError(problem, key_node)
            found[key] = self.construct_object(value_node)
        return found

    def _refuse_tag(self, node: yaml.Node) -> None:
        problem = "tags are not used here: remove what begins with !"
        raise _RefusedError(problem, node)

    yaml_constructors: ClassVar[Any] = {
        _PLAIN: _text,
        "tag:yaml.org,2002:str": _text,
        "tag:yaml.org,2002:seq": yaml.BaseLoader.construct_sequence,
        "tag:yaml.org,2002:map": _map,
        None: _refuse_tag,
    }


_Loader.add_implicit_resolver(_PLAIN, re.compile(""), None)
