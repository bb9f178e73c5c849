"""How many users are available? Their presence, and on Wazo do-not-disturb, connection and lines.

Sources: `user_status_update` of xivo-ctid and xivo-ctid-ng (until XiVO 19.05),
with a user id up to 16.08 and a UUID from 16.09; `chatd_presence_updated` of
wazo-chatd since then. Administrators of XiVO can define presences of their own,
which count as `other`. chatd tells all facts about a user at once, each as it is.

Trouble: a repeated status changes nothing, so duplicates do no harm. Reordered
events: the last one to arrive wins. After a restart of xivo-ctid all users are
disconnected, without an event. So when it registers, all users become disconnected
here, except those whose events it published in the seconds before, and the state is
complete. It is also complete when chatd has listed all users. chatd may publish the
status of a deleted user; for a minute, events of a deleted user change nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

from dataflows.ctid_start import CtidStart
from dataflows.events import asterisk, configuration
from dataflows.events.services import DEREGISTERED, REGISTERED, CtidDeregistered, CtidRegistered
from dataflows.events.users import (
    DECODERS,
    Presence,
    PresencesListed,
    UserDeleted,
    UserStatusChanged,
    user_status,
)
from dataflows.knowledge import Drift
from dataflows.levels import levels
from dataflows.listings import Source
from dataflows.merging import Changed, drift, merge
from dataflows.metric import Kind, MetricSpec
from dataflows.recent import DELETED_SECONDS, MAX_DELETED, Recent
from dataflows.state_counts import Outcome
from dataflows.subsystem import Context, Event, State, Subsystem
from dataflows.user_counts import CONNECTED, DO_NOT_DISTURB, LINE_STATE, USERS, UserCounts
from dataflows.windows import Level

NAME = "users"

_DISCONNECTED = user_status(Presence.DISCONNECTED)

CHANGES = MetricSpec(
    "xivo_user_presence_changes_total",
    Kind.COUNTER,
    "Changes of users to a presence. The first event of a user counts; a repeated presence "
    "does not, even if something else about the user changed.",
    ("origin_uuid", "presence"),
    USERS.vocabulary,
    cardinality="10 per origin",
)

AVAILABLE = levels(
    "xivo_users_available_min",
    "xivo_users_available_max",
    "xivo_users_available_avg",
    "users who are available and not in do-not-disturb",
    ("origin_uuid",),
    gauge='`xivo_users{presence="available"}`, which on Wazo also counts users in do-not-disturb,',
)


class UsersState(State[Event]):
    """The users of one origin.

    After user 42 became available, on XiVO:

        xivo_users{origin_uuid="ca7f…",presence="available"} 1
        xivo_user_presence_changes_total{origin_uuid="ca7f…",presence="available"} 1
    """

    def __init__(self, first: Event, context: Context) -> None:
        super().__init__(context)
        self._origin = (first.origin_uuid,)
        self._users = UserCounts(self.samples, self._origin, self.entities)
        # A deletion names the user twice: by number and by UUID.
        self._deleted = Recent(DELETED_SECONDS, 2 * MAX_DELETED)
        self._ctid = CtidStart()
        self.samples.start(CHANGES, self._origin)
        self._available = Level(
            self.samples, AVAILABLE, self._origin, self.windows, at=first.at, value=0
        )
        self.trackers = (self._available,)

    def apply(self, event: Event) -> None:
        if self.asked:
            self.note(event)
        match event:
            case UserStatusChanged():
                self._change(event)
            case UserDeleted(users=users, at=at):
                for user in users:
                    self._deleted.add(user, at)
                    self._users.remove(user)
            case CtidRegistered():
                self._disconnect_others(event)
            case CtidDeregistered():
                if self._ctid.end(event):
                    self.knowledge.end()
        self._available.follow(event.at, self._users.available)

    def note(self, event: Event) -> None:
        changed = self.asked[Source.CHATD]
        match event:
            case UserStatusChanged(user=user):
                changed.add(user)
            case UserDeleted(users=users):
                for user in users:
                    changed.add(user)

    def merge(self, listing: PresencesListed, changed: Changed) -> Mapping[Drift, int]:
        merged = merge(self._users, listing.users, changed, self._deleted, listing.at)
        self.refused += merged.refused
        self._available.follow(listing.at, self._users.available)
        return drift(merged.differences)

    def recheck(self, now: float) -> None:
        super().recheck(now)
        self._deleted.recheck(now)
        self._ctid.recheck(now)

    def _change(self, event: UserStatusChanged) -> None:
        if self._deleted and self._deleted.has(event.user, event.at):
            return
        before = self._users.get(event.user)
        outcome = self._users.set_state(event.user, event.status)
        if outcome is Outcome.OVER_QUOTA:
            self.refused += 1
            return
        self._ctid.heard[event.user] = event.at
        presence = event.status.presence
        if before is None or before.presence is not presence:
            self.samples.add(CHANGES, (*self._origin, presence))

    def expire(self, now: float) -> float | None:
        self._ctid.prune(now)
        if self._ctid.is_over(now, is_read=self.knowledge.is_updated):
            self.knowledge.complete(now)
        return self._ctid.earliest(super().expire(now))

    def miss(self, at: float) -> None:
        super().miss(at)
        self._ctid.miss()

    def _disconnect_others(self, event: CtidRegistered) -> None:
        silent = self._ctid.begin(event, [user for user, _ in self._users])
        if silent is not None:
            self.knowledge.learn(is_certain=self._ctid.is_certain)
            for user in silent:
                self._users.set_state(user, _DISCONNECTED)


SUBSYSTEM = Subsystem(
    NAME,
    "How many users are available?",
    (USERS, CHANGES, DO_NOT_DISTURB, CONNECTED, LINE_STATE, *AVAILABLE),
    UsersState,
    DECODERS,
    starters=(UserStatusChanged, UserDeleted, CtidRegistered),
    also=(REGISTERED, DEREGISTERED, *asterisk.DECODERS, *configuration.USERS),
    needs=(CtidDeregistered,),
    listings=(PresencesListed,),
    can_be_complete=True,
)
