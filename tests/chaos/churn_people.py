"""Users, phones, lines, trunks and services that come and go, and what people send each other."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from tests.chaos.churn_parts import Answers, Chance, Kind, page, wire
from tests.integration.bus import ORIGIN, Wire

_USERS, _PHONES, _LINES, _TRUNKS, _SERVICES = 1000, 500, 500, 20, 20
_IDS = 5
"""So many times as many ids of users and phones as there are at a time. Each comes back after some
minutes: windows of a day count all ids of the day, which is meant so."""

_LINE_STATES = ("available", "ringing", "talking", "holding", "unavailable")


class People:
    """Who and what the configuration of a server has, besides the call centre."""

    def __init__(self, chance: Chance) -> None:
        self._chance = chance
        self._users = {chance.new_uuid(): self._presence() for _ in range(_USERS)}
        self._phones = {chance.new(): 0 for _ in range(_PHONES)}
        self._spare_users = deque(chance.new_uuid() for _ in range(_USERS * (_IDS - 1)))
        self._spare_phones = deque(chance.new() for _ in range(_PHONES * (_IDS - 1)))
        self._lines = {chance.new(): self._reached() for _ in range(_LINES)}
        self._trunks = {chance.new(): self._reached() for _ in range(_TRUNKS)}
        self._services = dict.fromkeys((f"xivo-{n}" for n in range(_SERVICES)), "")
        self.kinds: list[Kind] = [
            (150, self._phone_changes),
            (150, self._line_changes),
            (20, self._trunk_changes),
            (100, self._user_changes),
            (50, self._writes),
            (10, self._service_restarts),
            (10, self._phone_replaced),
            (10, self._line_replaced),
            (10, self._user_replaced),
            (1, self._trunk_replaced),
        ]
        self.answers: Answers = {
            "/chatd/1.0/users/presences": self._listed_users,
            "/calld/1.0/lines": lambda: page([self._line(each) for each in self._lines]),
            "/calld/1.0/trunks": lambda: page([self._trunk(each) for each in self._trunks]),
        }

    def opening(self) -> Iterator[Wire]:
        """Tell of all that is there at first."""
        yield from map(self._told_user, self._users)
        yield from map(self._told_phone, self._phones)
        yield from map(self._told_line, self._lines)
        yield from map(self._told_trunk, self._trunks)

    # What changes

    def _phone_changes(self) -> Iterator[Wire]:
        phone = self._chance.some(self._phones)
        self._phones[phone] = self._chance.choice((0, 1, 2, 4, 8, 16))
        yield self._told_phone(phone)

    def _line_changes(self) -> Iterator[Wire]:
        line = self._chance.some(self._lines)
        self._lines[line] = self._reached()
        yield self._told_line(line)

    def _trunk_changes(self) -> Iterator[Wire]:
        trunk = self._chance.some(self._trunks)
        self._trunks[trunk] = self._reached()
        yield self._told_trunk(trunk)

    def _user_changes(self) -> Iterator[Wire]:
        user = self._chance.some(self._users)
        if self._chance.random() < 0.1:
            # As xivo-ctid-ng told it, which knew no more of a user.
            self._users[user] = {"state": self._chance.choice(("available", "away"))}
            status = self._users[user]["state"]
            yield wire("user_status_update", user_uuid=user, status=status)
        else:
            self._users[user] = self._presence()
            yield self._told_user(user)

    # Who comes and goes

    def _phone_replaced(self) -> Iterator[Wire]:
        old, new = next(iter(self._phones)), self._spare_phones.popleft()
        del self._phones[old]
        self._spare_phones.append(old)
        yield wire("endpoint_status_update", endpoint_id=old, status=-2)
        self._phones[new] = 0
        yield self._told_phone(new)

    def _line_replaced(self) -> Iterator[Wire]:
        old, new = next(iter(self._lines)), self._chance.new()
        del self._lines[old]
        yield wire("line_deleted", id=old)
        self._lines[new] = self._reached()
        yield self._told_line(new)

    def _trunk_replaced(self) -> Iterator[Wire]:
        old, new = next(iter(self._trunks)), self._chance.new()
        del self._trunks[old]
        yield wire("trunk_deleted", id=old)
        self._trunks[new] = self._reached()
        yield self._told_trunk(new)

    def _user_replaced(self) -> Iterator[Wire]:
        old, new = next(iter(self._users)), self._spare_users.popleft()
        del self._users[old]
        self._spare_users.append(old)
        yield wire("user_deleted", id=self._chance.new(), uuid=old)
        self._users[new] = self._presence()
        yield self._told_user(new)

    def _service_restarts(self) -> Iterator[Wire]:
        name = self._chance.some(self._services)
        old, new = self._services[name], f"{self._chance.getrandbits(128):032x}"
        suffix = self._chance.choice(("", "_event"))
        if old and self._chance.random() < 0.5:
            yield wire(f"service_deregistered{suffix}", service_name=name, service_id=old)
        self._services[name] = new
        place = {"address": "192.0.2.1", "port": 9495}
        yield wire(f"service_registered{suffix}", service_name=name, service_id=new, **place)

    # What people send

    def _writes(self) -> Iterator[Wire]:
        chance, sender, recipient = (
            self._chance,
            self._chance.some(self._users),
            self._chance.some(self._users),
        )
        users = {"from": [ORIGIN, sender], "to": [ORIGIN, recipient]}
        match chance.randrange(5):
            case 0:
                name = chance.choice(("chat_message_event", "chat_message_sent"))
                yield wire(name, alias="Alice", msg="Hi!", **users)
            case 1:
                message = chance.new_uuid()
                yield wire("chatd_user_room_message_created", uuid=message, user_uuid=sender)
            case 2:
                yield wire("call_form_result", user_id=chance.randrange(_USERS), variables={})
            case 3:
                box = chance.choice(("user", "global"))
                message = f"1772442000-{chance.new()}"
                yield wire(f"{box}_voicemail_message_created", message_id=message)
                yield wire(f"{box}_voicemail_message_deleted", message_id=message)
            case _:
                end = chance.choice(("succeeded", "failed"))
                yield wire(f"fax_outbound_{end}", id=chance.new_channel())

    # The truth

    def _listed_users(self) -> object:
        return page([{"uuid": user, **presence} for user, presence in self._users.items()])

    def _line(self, line: int) -> dict[str, object]:
        return {"id": line, "technology": "sip", "name": f"line{line}", **self._lines[line]}

    def _trunk(self, trunk: int) -> dict[str, object]:
        return {"id": trunk, "technology": "sip", "name": f"trunk{trunk}", **self._trunks[trunk]}

    # Messages

    def _told_user(self, user: str) -> Wire:
        return wire("chatd_presence_updated", uuid=user, **self._users[user])

    def _told_phone(self, phone: int) -> Wire:
        return wire("endpoint_status_update", endpoint_id=phone, status=self._phones[phone])

    def _told_line(self, line: int) -> Wire:
        return wire("line_status_updated", **self._line(line))

    def _told_trunk(self, trunk: int) -> Wire:
        return wire("trunk_status_updated", **self._trunk(trunk))

    def _presence(self) -> dict[str, object]:
        chance = self._chance
        return {
            "state": chance.choice(("available", "away", "unavailable", "invisible")),
            "do_not_disturb": chance.random() < 0.1,
            "connected": chance.random() < 0.5,
            "line_state": chance.choice(_LINE_STATES),
        }

    def _reached(self) -> dict[str, object]:
        chance = self._chance
        return {"registered": chance.random() < 0.9, "current_call_count": chance.randrange(3)}
