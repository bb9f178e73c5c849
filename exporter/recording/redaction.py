"""Replaces the personal data of messages, so that a recording can be given to others.

What stays is the list in `disclosed.py`; all else is replaced, by words of the same shape
(`pseudonyms.py`). A value becomes the same wherever it stands: in the data of an event, in a
header, in a routing key, or in a longer value. So an exporter makes the same of a redacted
recording as of the original one, except for the label values that are personal.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import lru_cache
from math import isfinite
from typing import Any

import msgspec
import structlog

from dataflows.envelope import MAX_BODY
from dataflows.repair import REPLACEMENT
from dataflows.subscriptions import subscriptions
from dataflows.subsystems import SUBSYSTEMS
from exporter.logs import RateLimited
from exporter.recording import disclosed
from exporter.recording.bodies import Number, parsed
from exporter.recording.disclosed import FORMS, Fields, Rule
from exporter.recording.field_names import LONG, is_event, known_part
from exporter.recording.format import Message
from exporter.recording.pseudonyms import Pseudonyms, TooManyWordsError

log = structlog.get_logger(__name__)

MAX_DEPTH = 32
"""Objects and lists in each other. Those that are deeper become null; real ones are not."""

MAX_NEW_WORDS = 5000
"""Of one message; they take 0.3 seconds. Real messages have some hundred. A hostile one could take
four seconds, in which the inbox fills."""

_MANY_NAMES = 4096
"""Names of fields that are remembered, and routing keys; the longest has `LONG` characters."""

_FILLER, _NO_TEXT = "x", b"\xff"
"""What stands for a body that the exporter rejects, so that it rejects it for the same reason."""

_INVALID = r"\ud800"
"""An escape sequence that a text must not contain. So an invalid text remains one."""

_NOTHING: Fields = {}


_ROUTING_WORDS = frozenset(
    word.casefold()
    for decoder, *_ in subscriptions(SUBSYSTEMS).values()
    for word in decoder.routing_key.split(".")
    if word not in {"*", "#"}
) | {"event", "events", "users", "statuses", "agents", "none"}


class Redaction:
    """Replaces the personal data of the messages of one recording.

    Args:
        key: A secret, 16 to 64 bytes. Use a new one for each recording, and do not keep it.
        pause_reasons: Reasons of pauses that are no personal data, because an administrator has
            chosen them.
    """

    def __init__(self, key: bytes, pause_reasons: Collection[str] = ()) -> None:
        self._pseudonyms = Pseudonyms(key)
        self._reasons = frozenset(pause_reasons)
        self._warn = RateLimited(log.warning)
        self._short_name = lru_cache(maxsize=_MANY_NAMES)(self._renamed)

    def __call__(self, message: Message) -> Message:
        """Return a message without personal data. It may contain anything, and is bounded."""
        content = message.content()
        try:
            with self._pseudonyms.limited(MAX_NEW_WORDS):
                return self._replaced(message, content)
        except TooManyWordsError:
            self._warn("words", "a message with too many different words is replaced as a whole")
            return Message(message.time, _filled(content))

    def _replaced(self, message: Message, content: bytes) -> Message:
        name, body = self._body(content)
        encoding = ""
        if body is None:
            # Bytes that are no text, and no name of a field can be found in them.
            body = msgspec.json.encode(b64encode(_NO_TEXT * len(content)).decode())
            encoding = "base64"
        return Message(
            message.time,
            msgspec.Raw(body),
            self._route(message.routing_key, name),
            self._named(message.headers, disclosed.ENVELOPE, name),
            self._named(message.properties, disclosed.PROPERTIES, name),
            encoding,  # type: ignore[arg-type]  # a literal
        )

    def text(self, text: str) -> str:
        """Return what a personal value becomes in all fields."""
        return self._pseudonyms.of(text)

    def _body(self, content: bytes) -> tuple[str, bytes | None]:
        """Return the name of an event, and its body for a recording; None if it is no text."""
        if len(content) > MAX_BODY:
            # The exporter does not read it either.
            return "", bytes(_filled(content))
        try:
            body, is_valid = parsed(content)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            try:
                return "", msgspec.json.encode(self._unreadable(content.decode()))
            except UnicodeDecodeError:
                return "", None
        name = _name(body)
        of_data = disclosed.FIELDS.get(name, disclosed.ANY_EVENT)
        redacted = self._any(body, {**disclosed.ENVELOPE, "data": of_data}, name)
        encoded = msgspec.json.encode(redacted)
        if is_valid and isinstance(body, dict):
            return name, encoded
        text = encoded.decode()
        return name, msgspec.json.encode(text if is_valid else text.replace(REPLACEMENT, _INVALID))

    def _unreadable(self, text: str) -> str:
        """Return a text that is no JSON either; `0x1` could become `6e9`."""
        while True:
            text = self.text(text)
            try:
                parsed(text.encode())
            except (msgspec.DecodeError, RecursionError):
                return text

    def _any(self, value: object, rules: Rule | Fields, name: str, depth: int = 0) -> object:
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, dict | list | tuple):
            return self._inside(value, rules, name, depth) if depth < MAX_DEPTH else None
        rule = rules if isinstance(rules, Rule) else Rule.PERSONAL
        match value:
            case Number():
                return msgspec.Raw(self._value(value, rule, name).encode())
            case int():
                return int(self._value(Number(value), rule, name))
            case float():
                return float(self._value(Number(value), rule, name))
            case _:
                return self._value(str(value), rule, name)

    def _inside(
        self,
        value: dict[str, Any] | Sequence[object],
        rules: Rule | Fields,
        name: str,
        depth: int,
    ) -> object:
        if isinstance(value, dict):
            return self._named(value, _NOTHING if isinstance(rules, Rule) else rules, name, depth)
        return [self._any(each, rules, name, depth + 1) for each in value]

    def _named(
        self, value: Mapping[str, Any], fields: Fields, name: str, depth: int = 0
    ) -> dict[str, Any]:
        return {
            self._key(key): self._any(each, fields.get(key, _NOTHING), name, depth + 1)
            for key, each in value.items()
        }

    def _value(self, text: str, rule: Rule, name: str) -> str:
        form = FORMS.get(rule)
        if form is not None and form.fullmatch(text):
            return text
        if isinstance(text, Number):
            return self._number(text)
        match rule:
            case Rule.CHANNEL:
                other = self._pseudonyms.of(text, disclosed.CHANNEL_WORDS)
            case Rule.ROUTE:
                other = self._route(text, name)
            case Rule.REASON:
                other = self._unless(text, self._reasons.__contains__)
            case Rule.EVENT:
                other = self._unless(text, is_event)
            case _:
                other = self.text(text)
        return other

    def _number(self, text: str) -> str:
        mantissa, e, exponent = text.replace("E", "e").partition("e")
        number = f"{self.text(mantissa)}{e}{exponent}"
        if isfinite(float(number)) or not isfinite(float(text)):
            return number
        # Other digits are too large for the exponent.
        return number.replace("e+", "e").replace("e", "e-")

    def _unless(self, text: str, stays: Callable[[str], bool]) -> str:
        """Return a text that stays, or one that would not stay either."""
        if stays(text):
            return text
        text = self.text(text)
        while stays(text):
            text = self.text(text)
        return text

    def _route(self, key: str, name: str) -> str:
        return ".".join(
            word if name and word == name else self._pseudonyms.of(word, _ROUTING_WORDS)
            for word in key.split(".")
        )

    def _key(self, key: str) -> str:
        return self._short_name(key) if len(key) <= LONG else self._renamed(key)

    def _renamed(self, key: str) -> str:
        """Return the name of a field, which may contain personal data too."""
        known = known_part(key)
        if known:
            return known + self._pseudonyms.of(key.removeprefix(known), disclosed.CHANNEL_WORDS)
        key = self.text(key)
        while known_part(key):
            key = self.text(key)
        return key


def _filled(content: bytes) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(_FILLER * len(content)))


def _name(body: object) -> str:
    """Return the name of an event; empty if it cannot be one."""
    name = body.get("name") if isinstance(body, dict) else None
    return name if isinstance(name, str) and is_event(name) else ""
