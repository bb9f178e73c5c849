"""The fields of the events' data that the decoders read."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from types import CodeType, FunctionType
from typing import Any

import msgspec

from dataflows.subscriptions import subscriptions
from dataflows.subsystem import Decoder
from dataflows.subsystems import SUBSYSTEMS

DECODERS = {name: found[0] for name, found in subscriptions(SUBSYSTEMS).items()}
"""By the name of the event."""


def _parsers(decode: object) -> Iterator[msgspec.json.Decoder[Any]]:
    """Yield the parsers of JSON that a function uses, also through functions that it calls."""
    seen: set[int] = set()
    waiting = [decode]
    while waiting:
        each = waiting.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        if isinstance(each, msgspec.json.Decoder):
            yield each
        elif isinstance(each, partial):
            waiting += [each.func, *each.args, *each.keywords.values()]
        elif isinstance(each, FunctionType) and each.__module__.startswith("dataflows"):
            waiting += [
                each.__globals__[name]
                for name in _names_in(each.__code__)
                if name in each.__globals__
            ]
            waiting += [cell.cell_contents for cell in each.__closure__ or ()]


def _names_in(code: CodeType) -> set[str]:
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names |= _names_in(constant)
    return names


def _fields_of(kind: msgspec.inspect.Type, *, with_bools: bool) -> dict[str, Any]:
    inside_of = partial(_fields_of, with_bools=with_bools)
    match kind:
        case msgspec.inspect.StructType():
            return {
                field.encode_name: inside_of(field.type)
                for field in kind.fields
                if with_bools or not _is_bool(field.type)
            }
        case msgspec.inspect.UnionType():
            inside = [inside_of(each) for each in kind.types]
        case msgspec.inspect.ListType():
            inside = [inside_of(kind.item_type)]
        case msgspec.inspect.TupleType():
            inside = [inside_of(each) for each in kind.item_types]
        case msgspec.inspect.DictType():
            msg = "say what becomes of the keys of a map"
            raise AssertionError(msg)
        case _:
            inside = []
    return {name: within for each in inside for name, within in each.items()}


def _is_bool(kind: msgspec.inspect.Type) -> bool:
    """Return whether a field can only be true, false or null, which always stay."""
    if isinstance(kind, msgspec.inspect.UnionType):
        return all(_is_bool(each) for each in kind.types)
    return isinstance(kind, msgspec.inspect.BoolType | msgspec.inspect.NoneType)


def read_by(decoder: Decoder, *, with_bools: bool = True) -> dict[str, Any]:
    """Return the names of the fields of an event's data that are read.

    Args:
        decoder: Of the event.
        with_bools: Whether to name also those that can only be true, false or null.

    Returns:
        By name: the fields inside of it, in the same form.
    """
    read: dict[str, Any] = {}
    for parser in _parsers(decoder.decode):
        read |= _fields_of(msgspec.inspect.type_info(parser.type), with_bools=with_bools)
    return read
