"""Searches redacted messages for personal data."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any

import msgspec

from exporter.recording.disclosed import CHANNEL_WORDS, ENVELOPE, FIELDS, FORMS, PROPERTIES, Rule
from exporter.recording.format import Message
from exporter.recording.redaction import Redaction

PAUSE_REASONS = ("coffee", "lunch", "back-office")
LABELS = frozenset({"agent_id", "endpoint_id", "line", "trunk", "address"})
"""Labels whose values are personal."""

LONG = 5
"""Characters of a value that is searched everywhere; a shorter one is searched as a whole word."""

_WORDS = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[^\W_]+", re.IGNORECASE)
"""A UUID is one word: a part of it can become the same by chance."""


def leaves(message: Message) -> Iterator[tuple[Rule, str]]:
    """Yield the texts and numbers of a message, and the names of its fields."""
    body = msgspec.json.decode(message.content())
    of_data = FIELDS.get(body.get("name", ""), FIELDS["Hangup"])
    yield Rule.ROUTE, message.routing_key
    for table, rules in (
        (body, {**ENVELOPE, "data": of_data}),
        (message.headers, ENVELOPE),
        (message.properties, PROPERTIES),
    ):
        yield from _inside(table, rules)


def _inside(value: object, rules: Any) -> Iterator[tuple[Rule, str]]:  # noqa: ANN401 -- a tree
    if isinstance(value, dict):
        for key, each in value.items():
            yield Rule.ROUTE, key
            yield from _inside(each, rules.get(key) if isinstance(rules, dict) else None)
    elif isinstance(value, list):
        for each in value:
            yield from _inside(each, rules)
    elif value is not None and not isinstance(value, bool):
        yield rules if isinstance(rules, Rule) else Rule.PERSONAL, str(value)


class Search:
    """Redacts messages with a key, and searches them for values.

    A short number can also be there by chance. So what is found is searched again with other keys:
    only what is there with each of them was not replaced.
    """

    def __init__(self, messages: Sequence[Message], values: Iterable[str]) -> None:
        self.messages = messages
        values = {value for value in values if value}
        self._long = {value for value in values if len(value) >= LONG}
        self._short = values - self._long
        self._redactions = [Redaction(bytes([key]) * 32, PAUSE_REASONS) for key in range(8)]

    @cached_property
    def redacted(self) -> list[Message]:
        """The messages, redacted with the first key."""
        return [self._redactions[0](message) for message in self.messages]

    def leaked(self) -> set[str]:
        """Return the values that are still there."""
        leaked: set[str] = set()
        for message, redacted in zip(self.messages, self.redacted, strict=True):
            found = self._found(redacted)
            for redaction in self._redactions[1:]:
                if not found:
                    break
                found &= self._found(redaction(message))
            leaked |= found
        return leaked

    def _found(self, message: Message) -> set[str]:
        line = msgspec.json.encode(message).decode()
        found = {value for value in self._long if value in line}
        words = {
            word
            for rule, text in leaves(message)
            if rule not in FORMS
            for word in _WORDS.findall(text)
        }
        return found | (words & self._short)

    def unchanged(self) -> set[tuple[Rule, str]]:
        """Return the words that are the same in the same place, in fields that do not stay."""
        return {
            (rule, word)
            for message, redacted in zip(self.messages, self.redacted, strict=True)
            for (rule, before), (_, after) in zip(leaves(message), leaves(redacted), strict=True)
            if rule is Rule.PERSONAL or rule is Rule.CHANNEL
            for word, other in zip(_WORDS.findall(before), _WORDS.findall(after), strict=True)
            if word == other and not (rule is Rule.CHANNEL and word.casefold() in CHANNEL_WORDS)
        }
