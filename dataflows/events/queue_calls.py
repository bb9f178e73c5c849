"""What happens to callers in queues. Source: app_queue of Asterisk, through amid."""

from __future__ import annotations

from dataflows.queue_call_metrics import EndedBy
from dataflows.subsystem import Event


class CallEvent(Event, frozen=True, gc=False):
    """Something happened to a caller in a queue.

    Attributes:
        caller: `Uniqueid` of the caller's channel; empty if the event lacks it.
        digest: Of all fields of the event. An event with the same digest and time is a duplicate.
    """

    queue: str
    caller: str
    digest: int


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
