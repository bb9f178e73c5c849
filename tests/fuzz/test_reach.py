"""What the fuzzer sends reaches every decoder, and every field that one reads."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from dataflows.envelope import Delivery
from dataflows.subsystems import SUBSYSTEMS
from tests import corpus
from tests.decoded_fields import DECODERS, read_by
from tests.fuzz.floods import FLOODS
from tests.fuzz.traffic import VALUE_HOLES
from tests.pipeline import Pipeline

_MARK = 918_273_645
Path = tuple[str, ...]


def marked(value: object, path: Path = ()) -> Iterator[Path]:
    """Yield where the mark is in some JSON, without the indices of lists."""
    if value == _MARK:
        yield path
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from marked(inner, (*path, key))
    elif isinstance(value, list):
        for inner in value:
            yield from marked(inner, path)


def paths(read: Mapping[str, Any], path: Path = ()) -> Iterator[Path]:
    """Yield the path of each field that is read, and of those inside of it."""
    for name, inside in read.items():
        yield (*path, name)
        yield from paths(inside, (*path, name))


def test_each_field_that_a_decoder_reads_gets_hostile_values() -> None:
    hit: defaultdict[str, set[Path]] = defaultdict(set)
    for hole in VALUE_HOLES:
        content = json.loads(hole.fill(str(_MARK).encode()))
        if isinstance(content, dict) and isinstance(content.get("name"), str):
            hit[content["name"]] |= {*marked(content)}
    missing = {
        (name, path)
        for name, decoder in DECODERS.items()
        for path in paths(read_by(decoder), ("data",))
        if path not in hit[name]
    }
    assert missing == set()


def test_each_subsystem_of_a_server_is_flooded_with_new_entities() -> None:
    """Those of the bus and of its deliveries count servers, which two other floods make."""
    flooded = {json.loads(flood.head + flood.value(1) + flood.tail).get("name") for flood in FLOODS}
    for subsystem in SUBSYSTEMS:
        names = {decoder.name for decoder in subsystem.decoders}
        assert not names or names & flooded, subsystem.name


def test_the_first_message_of_each_flood_is_valid() -> None:
    for flood in FLOODS:
        pipeline = Pipeline()
        pipeline.take(
            [Delivery("default", flood.head + flood.value(1) + flood.tail, corpus.ARRIVED)]
        )
        assert not pipeline.rejected, flood
