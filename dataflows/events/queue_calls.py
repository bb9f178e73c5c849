"""What happens to callers in queues. Source: app_queue of Asterisk, through amid."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from dataflows.listings import Listing, Source
from dataflows.queue_call_metrics import EndedBy
from dataflows.subsystem import Event


class CallEvent(Event, frozen=True, gc=False):
    """Something happened to a caller in a queue.

    Attributes:
        caller: `Uniqueid` of the caller's channel; empty if the event lacks it.
        digest: Of its name, all fields and the time stamp. An event with the same digest is a
            duplicate; without a time stamp, it must also have arrived at the same time.
        is_stamped: Whether it has a time stamp.
    """

    queue: str
    caller: str
    digest: int
    is_stamped: bool


class CallerJoined(CallEvent, frozen=True, gc=False):
    """A caller joined a queue: a visit began."""


class CallerLeft(CallEvent, frozen=True, gc=False):
    """A caller does not wait any more. The event does not say why."""


class WaitFailed(CallEvent, frozen=True, gc=False):
    """A wait ended without an answer, because of the caller or of Asterisk.

    Asterisk calls it an abandon. If the caller leaves by a key, there is no such event.

    Attributes:
        wait: Seconds since the caller joined; None if it is not known.
    """

    wait: int | None


class AgentConnected(CallEvent, frozen=True, gc=False):
    """A member answered a caller.

    Attributes:
        interface: Of the member, in lower case.
        wait: Seconds since the caller joined; None if it is not known.
        ring: Seconds for which the member's phone had rung; None if it is not known.
    """

    interface: str
    wait: int | None
    ring: int | None


class MemberDidNotAnswer(CallEvent, frozen=True, gc=False):
    """A member was called, and did not answer in time or rejected the call."""

    interface: str


class CallCompleted(CallEvent, frozen=True, gc=False):
    """The talk of a caller and a member ended.

    Attributes:
        interface: Of the member, in lower case.
        talk_time: Length of the talk in seconds; None if it is not known.
        by: Who ended it; None if it is not known.
        wrap_up: Wrap-up time of the queue in seconds; None without the patch of XiVO and Wazo.
    """

    interface: str
    talk_time: int | None
    by: EndedBy | None
    wrap_up: int | None


class ListedCaller(msgspec.Struct, frozen=True, gc=False):
    """A caller who waits.

    Attributes:
        channel: `Uniqueid` of the channel.
        wait: Whole seconds since the caller joined.
    """

    channel: str
    wait: int


class ListedQueue(msgspec.Struct, frozen=True, gc=False):
    """The calls of one queue.

    Attributes:
        queue: Its name.
        threshold: Of the service level in seconds; 0 if the queue has none.
        callers: Who waits.
        talking: Interfaces of the members who talk to a caller of the queue, in lower case.
    """

    queue: str
    threshold: int
    callers: tuple[ListedCaller, ...]
    talking: tuple[str, ...]


class CallersListed(Listing, frozen=True, gc=False):
    """All queues of a server with their calls. Source: `QueueStatus` of Asterisk, through amid."""

    source: ClassVar[Source] = Source.AMID

    queues: tuple[ListedQueue, ...]
