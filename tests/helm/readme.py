"""The README of the chart, with a table made from the comments of values.yaml."""

import json
import re
from collections.abc import Iterator
from typing import NamedTuple

import yaml

from tests.chart import CHART

README = "README.md"
_BEGIN, _END = "<!-- values: begin -->", "<!-- values: end -->"


class Value(NamedTuple):
    """A value of the chart, as in the table of its README."""

    path: str
    default: str
    meaning: str


def values() -> list[Value]:
    """Return all values that have a comment directly above them."""
    text = (CHART / "values.yaml").read_text(encoding="utf-8")
    root = yaml.compose(text)
    assert root is not None
    return [*_values(root, text.splitlines(), "")]


def readme() -> str:
    """Return the README with an up-to-date table."""
    before, _, rest = (CHART / README).read_text(encoding="utf-8").partition(_BEGIN)
    _, _, after = rest.partition(_END)
    lines = [f"| `{v.path}` | {v.default} | {v.meaning} |" for v in values()]
    table = "\n".join(["| value | default | meaning |", "|---|---|---|", *lines])
    return f"{before}{_BEGIN}\n{table}\n{_END}{after}"


def _values(node: yaml.Node, lines: list[str], above: str) -> Iterator[Value]:
    assert isinstance(node, yaml.MappingNode)
    for key, value in node.value:
        path = f"{above}{key.value}"
        comment = _comment(lines, key.start_mark.line)
        if comment is not None and not _has_described_parts(value, lines):
            default = yaml.safe_load(yaml.serialize(value))
            shown = default if isinstance(default, str) else json.dumps(default)
            yield Value(path, shown and f"`{shown}`", comment.replace("|", "\\|"))
        else:
            yield from _values(value, lines, f"{path}.")


def _has_described_parts(node: yaml.Node, lines: list[str]) -> bool:
    return isinstance(node, yaml.MappingNode) and any(
        _comment(lines, key.start_mark.line) is not None for key, _ in node.value
    )


def _comment(lines: list[str], line: int) -> str | None:
    found = re.fullmatch(r" *# (.+)", lines[line - 1]) if line else None
    return found[1] if found else None
