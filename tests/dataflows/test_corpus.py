"""Every message of the corpus has the outcome that its file says."""

import json
from typing import Any

import pytest

from dataflows.envelope import Reason
from dataflows.events import asterisk, channels, configuration
from dataflows.repair import repaired
from dataflows.subsystems import SUBSYSTEMS
from tests import corpus
from tests.corpus import Message
from tests.pipeline import Pipeline

NAMES = corpus.names()
_REASONS_OF_ONE_MESSAGE = set(Reason) - {Reason.OVER_LIMIT}
_BOUND_BY_NAME = {f"configuration/wazo-26.04_queue_{change}" for change in ("created", "deleted")}
"""Their routing key is not bound, because only a headers exchange has them."""


def _outcome(message: Message) -> str:
    pipeline = Pipeline()
    pipeline.send(message)
    if pipeline.rejected:
        (rejected,) = pipeline.rejected
        assert pipeline.value("xivo_exporter_rejected_total", "default", rejected.reason) == 1
        return f"rejected:{rejected.reason}"
    used = pipeline.value("xivo_exporter_used_total", "default")
    unused = pipeline.value("xivo_exporter_unused_total", "default")
    assert (used, unused) in {(1, 0), (0, 1)}
    return "used" if used else "unused"


@pytest.mark.parametrize("name", NAMES)
def test_a_message_has_the_outcome_that_its_file_says(name: str) -> None:
    message = corpus.load(name)
    assert _outcome(message) == message.outcome


@pytest.mark.parametrize("name", NAMES)
def test_the_body_may_be_bytes_or_text(name: str) -> None:
    message = corpus.load(name)
    body = message.body()
    if isinstance(body, bytes):
        try:
            other: bytes | str | None = body.decode()
        except UnicodeDecodeError:
            return
    elif isinstance(body, str):
        other = body.encode(errors="surrogatepass")
    else:
        return
    again = Message(name, message.outcome, message.routing_key, message.headers, other, False)
    assert _outcome(again) == message.outcome


@pytest.mark.parametrize("name", NAMES)
def test_a_file_says_where_its_message_comes_from(name: str) -> None:
    raw = json.loads((corpus.FOLDER / f"{name}.json").read_text())
    assert raw["source"]
    assert set(raw) - {"note", "body", "raw", "base64"} == {
        "outcome",
        "source",
        "routing_key",
        "headers",
        "properties",
    }
    assert len({"body", "raw", "base64"} & set(raw)) == 1


def _content(message: Message) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(repaired(message.body() or ""))
    return content


def test_a_used_message_is_in_the_folder_of_its_subsystem() -> None:
    reads = {
        decoder.name: subsystem.name for subsystem in SUBSYSTEMS for decoder in subsystem.decoders
    }
    reads |= {decoder.name: "asterisk" for decoder in asterisk.DECODERS}
    reads |= {decoder.name: "channels" for decoder in channels.DECODERS}
    reads |= {decoder.name: "configuration" for decoder in configuration.DECODERS}
    for name in NAMES:
        message = corpus.load(name)
        folder = name.partition("/")[0]
        if message.outcome.startswith("rejected"):
            continue
        content = _content(message)
        read_by = reads.get(content.get("name", ""), "unused")
        assert folder == (read_by if content.get("origin_uuid") else "unused"), name


def test_every_event_of_every_subsystem_is_in_the_corpus() -> None:
    declared = {decoder.name for each in SUBSYSTEMS for decoder in each.all_decoders}
    used = set()
    for name in NAMES:
        message = corpus.load(name)
        if message.outcome == "used":
            used.add(_content(message)["name"])
    assert used == declared


def test_every_reason_to_reject_is_in_the_corpus() -> None:
    outcomes = {corpus.load(name).outcome for name in NAMES}
    assert {f"rejected:{reason}" for reason in _REASONS_OF_ONE_MESSAGE} <= outcomes
    assert len(outcomes) == len(_REASONS_OF_ONE_MESSAGE) + 2


def test_routing_keys_of_used_messages_are_bound() -> None:
    bound = {decoder.name: decoder.routing_key for s in SUBSYSTEMS for decoder in s.all_decoders}
    for name in NAMES:
        message = corpus.load(name)
        if message.outcome == "used" and name not in _BOUND_BY_NAME:
            pattern = bound[_content(message)["name"]]
            assert _matches(pattern.split("."), message.routing_key.split(".")), name


def _matches(pattern: list[str], key: list[str]) -> bool:
    """Return whether a topic exchange would route the key to the binding."""
    if not pattern:
        return not key
    if pattern[0] == "#":
        return any(_matches(pattern[1:], key[i:]) for i in range(len(key) + 1))
    return bool(key) and pattern[0] in {"*", key[0]} and _matches(pattern[1:], key[1:])
