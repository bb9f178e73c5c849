"""Hostile traffic: batches of deliveries, reproducible by their seed."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random

from dataflows.envelope import MAX_BODY, Delivery
from dataflows.items import Duplicates, Item
from tests import corpus
from tests.decoded_fields import DECODERS, read_by
from tests.fuzz.floods import drop
from tests.fuzz.holes import absent_holes, member_holes, value_holes, values, without_a_member
from tests.fuzz.octets import spoil
from tests.fuzz.oddities import oddity
from tests.fuzz.stamps import stamp, stamp_ms

BUSES = ("default", "default", "default", "second")

_MESSAGES = [corpus.load(name) for name in corpus.names()]
# Very large messages are left out; `oddities` makes some, less often.
_CONTENTS = [
    m.content for m in _MESSAGES if m.is_json and len(json.dumps(m.content)) < MAX_BODY // 8
]
_TEXTS = [body for m in _MESSAGES if (body := m.body()) is not None and len(body) < MAX_BODY // 8]
_BODIES = [
    body.encode(errors="surrogatepass") if isinstance(body, str) else body for body in _TEXTS
]
_READ = {name: read_by(decoder) for name, decoder in DECODERS.items()}
VALUE_HOLES = [hole for content in _CONTENTS for hole in value_holes(content)] + [
    hole
    for content in _CONTENTS
    # Some messages have a name that is no text, or no data.
    if isinstance(content, dict) and "data" in content and str(content.get("name")) in _READ
    for hole in absent_holes(content, _READ[content["name"]])
]
_MEMBER_HOLES = [hole for content in _CONTENTS for hole in member_holes(content)]
_WITHOUT = [body for content in _CONTENTS for body in without_a_member(content)]
_VALUES = sorted({value for content in _CONTENTS for value in values(content)})


def _value(random: Random) -> bytes:
    return oddity(random) if random.random() < 0.7 else random.choice(_VALUES)


def _stamped(random: Random, now: float) -> bytes:
    # Lone surrogates are escaped, which JSON allows but parsers refuse.
    text = json.dumps(stamp(random, now)).encode()
    return random.choice(_BODIES).replace(b"{", b'{"timestamp":%b,' % text, 1)


_KINDS: tuple[tuple[int, Callable[[Random, float], bytes]], ...] = (
    (20, lambda random, _: random.choice(_BODIES)),
    (20, lambda random, _: spoil(random, random.choice(_BODIES))),
    (15, lambda random, _: random.choice(VALUE_HOLES).fill(_value(random))),
    (8, lambda random, _: random.choice(_MEMBER_HOLES).fill(_value(random))),
    (4, lambda random, _: random.choice(_WITHOUT)),
    (4, _stamped),
    (20, lambda random, _: drop(random, random.getrandbits(40))),
    # Few numbers, so that the same entities occur again, change and are removed.
    (8, lambda random, _: drop(random, random.getrandbits(10))),
    (1, lambda random, _: random.randbytes(random.randrange(200))),
)
_WEIGHTS = [weight for weight, _ in _KINDS]
_MAKERS = [make for _, make in _KINDS]


def batch(seed: int, number: int, size: int, now: float) -> list[Item]:
    """Return one batch, which depends only on the arguments."""
    random = Random(f"{seed} {number}")  # noqa: S311 -- reproducible, not secret
    makers = random.choices(_MAKERS, _WEIGHTS, k=size)
    return [_delivery(random, make(random, now), now) for make in makers]


def _delivery(random: Random, body: bytes, now: float) -> Item:
    chance = random.random()
    if chance > 0.97:
        return Duplicates(random.choice(BUSES), 1, now)
    return Delivery(
        random.choice(BUSES),
        _as_received(random, body),
        now if chance < 0.9 else now - random.random(),
        stamp(random, now) if chance < 0.1 else None,
        stamp_ms(random, now) if 0.05 < chance < 0.15 else None,
    )


def _as_received(random: Random, body: bytes) -> bytes | str | None:
    """Return the body as the consumer passes it on: None if too large, bytes or text."""
    if len(body) > MAX_BODY:
        return None
    return body.decode(errors="surrogateescape") if random.random() < 0.1 else body
