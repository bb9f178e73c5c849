"""How many members of each call-centre queue can take a call?

Source: the QueueMember events of Asterisk, as xivo-amid and wazo-amid publish them
(`dataflows/events/queue_member_decoders.py`). An agent in five queues is five members, so sums over
queues count members, not people. The wrap-up time of a queue comes from `AgentComplete`; only the
Asterisk of XiVO and Wazo sends it there.

Trouble: amid publishes the events of a few milliseconds in reverse order. The last event to arrive
wins, unless its fields contradict that order (`dataflows/member_order.py`). The member's next event
corrects a wrong state, because it contains all fields. For a second after a removal, status and
pause events of the member are ignored, because they are older; only `QueueMemberAdded`, or a newer
`LoginTime` (Asterisk 18 and later), adds the member again. Duplicates change nothing. After a start
of Asterisk 16 or later, members whose device was in a call or rang before it are `unknown` until
their next event, and wrap-ups from before it are over. A queue without members stays, at 0, until
it had no event for a week. A queue that confd says is deleted ends at once, if its name is known:
that of a group contains its UUID, that of a queue must have been listed by confd. For a minute,
events of a deleted queue change nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import islice
from operator import attrgetter

from dataflows.deleted_queues import DeletedQueues, of_group
from dataflows.events import asterisk, configuration
from dataflows.events.configuration import (
    ConfigurationChanged,
    GroupDeleted,
    GroupUsersChanged,
    QueueDeleted,
)
from dataflows.events.queue_calls import CallCompleted
from dataflows.events.queue_member_decoders import DECODERS
from dataflows.events.queue_members import (
    MemberRemoved,
    MemberReported,
    MembersListed,
    QueueEvent,
    StatusReported,
)
from dataflows.events.queue_names import QueueKind, QueueName, QueuesNamed
from dataflows.knowledge import Drift
from dataflows.listed_series import ListedSeries
from dataflows.listings import Source
from dataflows.merging import Changed
from dataflows.parts import MAX_PARTS, PartedState
from dataflows.queue_members import drift_of
from dataflows.queue_metrics import (
    AVAILABLE,
    AVAILABLE_LEVELS,
    CHANGES,
    INFO,
    MEMBERS,
    PAUSED,
    STATES,
    WRAP_UP,
)
from dataflows.queue_state import QueueState
from dataflows.subsystem import Context, Event, Subsystem

NAME = "queues"

_USER = re.compile("local/([0-9a-f-]{36})@usersharedlines.*")
"""The interface of a user who is a member of a group, in lower case."""


class QueuesState(PartedState[QueueEvent | CallCompleted]):
    """The queues of one origin, and their names for people.

    A queue with one member, idle and not paused:

        xivo_queue_members{origin_uuid="ca7f…",queue="petak",membership="static"} 1
        xivo_queue_member_states{origin_uuid="ca7f…",queue="petak",status="not_in_use"} 1
        xivo_queue_members_paused{origin_uuid="ca7f…",queue="petak"} 0
        xivo_queue_members_wrap_up{origin_uuid="ca7f…",queue="petak"} 0
        xivo_queue_members_available{origin_uuid="ca7f…",queue="petak"} 1
    """

    part_name = attrgetter("queue")
    start_part = QueueState

    def __init__(self, first: Event, context: Context) -> None:
        super().__init__(first, context)
        self._origin = first.origin_uuid
        self._names = ListedSeries(self.samples, INFO)
        # By name in Asterisk, as confd lists them.
        self._named: dict[str, QueueName] = {}
        self._deleted = DeletedQueues()

    def apply(self, event: QueueEvent | CallCompleted | ConfigurationChanged) -> None:
        # Nearly all events are of this kind, and `isinstance` takes longer.
        if type(event) is not StatusReported and isinstance(event, ConfigurationChanged):
            self._configure(event)
            return
        if self.asked:
            self.note(event)
        super().apply(event)

    def _configure(self, event: ConfigurationChanged) -> None:
        match event:
            case QueueDeleted(queue_id=queue_id, at=at):
                self._delete_listed(QueueKind.QUEUE, queue_id, at)
            case GroupDeleted(group_id=group_id, group_uuid=uuid, at=at):
                if uuid:
                    self._deleted.add(uuid, at)
                self._delete_listed(QueueKind.GROUP, group_id, at)
                for queue in of_group(self._parts, uuid):
                    self._delete(queue, at)
            case GroupUsersChanged(group_uuid=uuid, users=users, at=at):
                for queue in of_group(self._parts, uuid):
                    self._remove_others(queue, users, at)

    def _delete_listed(self, kind: QueueKind, queue_id: str, at: float) -> None:
        for each in [*self._named.values()]:
            if (each.kind, each.queue_id) == (kind, queue_id):
                self._delete(each.queue, at)

    def _delete(self, queue: str, at: float) -> None:
        self._deleted.add(queue, at)
        if self._named.pop(queue, None):
            self._name([*self._named.values()])
        if queue in self._parts:
            self.drop(queue)

    def _remove_others(self, queue: str, users: frozenset[str], at: float) -> None:
        """Remove the users who are no longer members; members that are no users stay."""
        part = self._parts[queue]
        assert isinstance(part, QueueState)
        for interface in part.interfaces:
            user = _USER.fullmatch(interface)
            if user is not None and user[1] not in users:
                self.apply(MemberRemoved(self._origin, at, queue, interface))

    def note(self, event: QueueEvent | CallCompleted) -> None:
        # Other events do not say whether somebody is a member, so they are no reason to keep the
        # answer away.
        changed = self.asked.get(Source.AMID)
        if changed is not None and isinstance(event, MemberReported | MemberRemoved):
            changed.add((event.queue, event.interface))

    def may_start(self, event: QueueEvent | CallCompleted) -> bool:
        # The end of a call does not say how many members the queue has.
        return isinstance(event, MemberReported | MemberRemoved) and not self._deleted.has(
            event.queue, event.at
        )

    def recheck(self, now: float) -> None:
        super().recheck(now)
        self._deleted.recheck(now)

    def merge(self, listing: MembersListed | QueuesNamed, changed: Changed) -> Mapping[Drift, int]:
        if isinstance(listing, QueuesNamed):
            self._name(
                each for each in listing.queues if not self._deleted.has(each.queue, listing.at)
            )
            return {}
        found: Counter[Drift] = Counter()
        touched = {queue for queue, _ in changed}
        # First, because new queues and members can take the places.
        for name in self._parts.keys() - listing.queues.keys():
            found += self._follow_members(name, (), changed, listing.at)
            if name not in touched:
                self.drop(name)
        for name, members in listing.queues.items():
            found += self._follow_members(name, members, changed, listing.at)
        return found

    def _name(self, names: Iterable[QueueName]) -> None:
        """Show these names and no others; as many as there can be queues."""
        # One for each queue: with two, PromQL could not join other series with them.
        self._named = {each.queue: each for each in islice(names, MAX_PARTS)}
        self._names.show(
            {
                (self._origin, each.queue, each.display_name, each.kind, each.tenant_uuid): 1
                for each in self._named.values()
            }
        )

    def _follow_members(
        self, name: str, members: tuple[MemberReported, ...], changed: Changed, at: float
    ) -> Counter[Drift]:
        of = MemberRemoved(self._origin, at, name, "")
        part = self._parts.get(name) or self.part_of(of)
        if part is None:
            return Counter()
        assert isinstance(part, QueueState)
        found = part.follow_members(of, members, changed)
        if found or part.refused:
            self._touched[name] = part
        return drift_of(found)


SUBSYSTEM = Subsystem(
    NAME,
    "How many members of each call-centre queue can take a call?",
    (MEMBERS, STATES, PAUSED, WRAP_UP, AVAILABLE, CHANGES, *AVAILABLE_LEVELS, INFO),
    QueuesState,
    DECODERS,
    starters=(QueueEvent, CallCompleted),
    also=(*asterisk.DECODERS, *configuration.QUEUES),
    needs=(QueueDeleted, GroupDeleted, GroupUsersChanged),
    listings=(MembersListed, QueuesNamed),
    can_be_complete=True,
    max_shown=MAX_PARTS,
)
