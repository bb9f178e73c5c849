"""A simulated day without its personal data: all of it is known, and nothing is left."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import msgspec
import pytest

from exporter.recording.format import Message
from exporter.simulation import staff
from exporter.simulation.legs import Leg
from exporter.simulation.people import Desk, User
from exporter.simulation.simulator import CallCentre, Era
from exporter.simulation.wazo.users import Chatd
from exporter.simulation.wire import Wire
from exporter.simulation.world import World
from tests.personal import Search

START = 1_772_418_000.0
SECONDS = 420.0


class Watched(NamedTuple):
    """The messages of a call centre, and what its people said and were called."""

    messages: list[Message]
    values: set[str]


def strings(value: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        for each in value.values():
            yield from strings(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from strings(each)
    elif isinstance(value, str):
        yield value


def watched(era: Era) -> Watched:
    """Run a call centre, and note its persons, numbers, devices, texts and forms."""
    values: set[str] = set()
    make_desks, make_leg, publish = staff.make_desks, World.leg, Wire.publish
    write_to, watch = User.write_to, Chatd.watch

    def note_desks(*arguments: object) -> list[Desk]:
        desks: list[Desk] = make_desks(*arguments)  # type: ignore[arg-type]  # passed on
        for desk in desks:
            values.update((desk.phone.name, desk.phone.number, desk.phone.interface))
        return desks

    def note_leg(world: World, device: str, number: str, **more: object) -> Leg:
        leg: Leg = make_leg(world, device, number, **more)  # type: ignore[arg-type]  # passed on
        values.update((number, leg.channel))
        return leg

    def note_text(user: User, other: User, text: str) -> None:
        values.add(text)
        write_to(user, other, text)

    def note_person(chatd: Chatd, desk: Desk) -> None:
        watch(chatd, desk)
        values.add(chatd.people[desk.user.user_id].uuid)

    def note_forms(
        wire: Wire, name: str, key: str, data: Mapping[str, object], *more: object, **named: object
    ) -> None:
        values.update(strings([data.get("variables"), data.get("alias")]))
        publish(wire, name, key, data, *more, **named)  # type: ignore[arg-type]  # passed on

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(staff, "make_desks", note_desks)
        patch.setattr(World, "leg", note_leg)
        patch.setattr(User, "write_to", note_text)
        patch.setattr(Chatd, "watch", note_person)
        patch.setattr(Wire, "publish", note_forms)
        centre = CallCentre(agents=20, seed=1, start=START, era=era)
        messages = [
            Message(each.at, msgspec.Raw(each.body), each.routing_key, dict(each.headers))
            for each in centre.until(START + SECONDS)
        ]
    return Watched(messages, values)


@pytest.fixture(scope="module", params=[Era.XIVO_15_20, Era.WAZO_26_04])
def search(request: pytest.FixtureRequest) -> Search:
    messages, values = watched(request.param)
    sent = "\n".join(msgspec.json.encode(message).decode() for message in messages)
    sent_values = {value for value in values if value in sent}
    assert len(sent_values) > 100
    assert any(" " in value for value in sent_values)
    assert request.param.is_wazo or {"John", "Doe"} <= sent_values
    return Search(messages, values)


def test_nothing_is_left_of_the_people(search: Search) -> None:
    assert search.leaked() == set()


def test_no_word_stays_in_its_place(search: Search) -> None:
    assert search.unchanged() == set()
