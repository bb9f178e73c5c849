"""The JSON schema of the settings file of `run`, by which editors check it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from dataflows.service_levels import ServiceLevels
from exporter.settings import SINGLE_BUS, BusSettings, Settings, settings_of

Schema = dict[str, Any]


def schema() -> str:
    """Return the schema, as JSON."""
    whole = Settings.model_json_schema(schema_generator=_Generator)
    kinds = whole["$defs"]
    of_all = {name: _plain(each, kinds) for name, each in whole["properties"].items()}
    bus = _plain(kinds[BusSettings.__name__], kinds)
    of_bus = bus["properties"]
    single = {name: of_bus[field] for name, field in SINGLE_BUS.items()}
    names = settings_of(Settings)
    made = {
        # Not a newer one, which some editors do not know.
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Settings of xivo-exporter",
        "type": "object",
        "additionalProperties": False,
        "properties": {name: (of_all | single)[name] for name in names}
        | {
            "buses": {
                "description": of_all["buses"]["description"],
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {field: of_bus[field] for field in SINGLE_BUS.values()},
                },
            }
        },
        "dependencies": {"buses": {"propertyNames": {"not": {"enum": [*SINGLE_BUS]}}}},
    }
    return json.dumps(made, indent=2, ensure_ascii=False) + "\n"


def written(value: object) -> Any:  # noqa: ANN401 -- any value of JSON
    """Return a default as it is written in the file."""
    if isinstance(value, frozenset):
        return sorted(value)
    if type(value) is tuple:
        return [written(each) for each in value]
    if isinstance(value, ServiceLevels):
        return value.others
    # An address, a URL and a length of time have their notation as text.
    is_json = value is None or type(value) in (bool, int, float, dict)
    return value if is_json else str(value)


class _Generator(GenerateJsonSchema):
    """Writes defaults as they are written in the file."""

    def encode_default(self, dft: Any) -> Any:  # noqa: ANN401 -- as in the base class
        return written(dft)


def _plain(node: Any, kinds: Mapping[str, Schema]) -> Any:  # noqa: ANN401 -- JSON
    """Return a part of the schema without references, null (which TOML has not) and titles."""
    if isinstance(node, list):
        return [_plain(each, kinds) for each in node if each != {"type": "null"}]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        kind = kinds[node["$ref"].rpartition("/")[2]]
        # The description of a setting says more than that of its type.
        node = {**kind, **{key: each for key, each in node.items() if key != "$ref"}}
    plain = {
        key: {name: _plain(each, kinds) for name, each in value.items()}
        if key == "properties"
        else _plain(value, kinds)
        for key, value in node.items()
        if key != "title" and (key, value) != ("default", None)
    }
    if len(plain.get("anyOf", ())) == 1:
        (only,) = plain.pop("anyOf")
        plain = only | plain
    return plain
