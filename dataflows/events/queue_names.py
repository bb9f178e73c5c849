"""The names of queues for people, and the ids of queues. Source: confd."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

import msgspec

from dataflows.listings import Listing, Source


class QueueKind(StrEnum):
    """What Asterisk calls a queue: a call-centre queue, or a group of users, in Wazo."""

    QUEUE = "queue"
    GROUP = "group"


class QueueName(msgspec.Struct, frozen=True, gc=False):
    """How a queue is called.

    Attributes:
        queue: Name in Asterisk and in the events.
        queue_id: Its id; ids of queues and of groups can be equal.
        kind: Queue or group.
        display_name: Name for people; empty if there is none.
        tenant_uuid: The tenant that it belongs to; empty if there is none.
    """

    queue: str
    queue_id: str
    kind: QueueKind
    display_name: str
    tenant_uuid: str


class QueuesNamed(Listing, frozen=True, gc=False):
    """The names of all queues and groups of a server."""

    source: ClassVar[Source] = Source.CONFD
    is_needed: ClassVar[bool] = False

    queues: tuple[QueueName, ...]
