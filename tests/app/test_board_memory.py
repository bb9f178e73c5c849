"""The live page takes memory only for what it shows now."""

from __future__ import annotations

import gc
import sys
from uuid import UUID

from dataflows.subsystems import SUBSYSTEMS
from exporter.app.boards import boards
from exporter.exposition.telemetry import BusStatus
from tests.corpus import Message, event
from tests.pipeline import ALL_DETAILS, Pipeline

WARM_UP_SECONDS = 1500
"""Then all caches of the dataflow are full."""
SECONDS = 600
STAYS_SECONDS = 20
"""So long a queue and an agent are there."""
MAX_BLOCKS = SECONDS // 4
"""Of memory: fewer than there were if something stayed of every second."""


def changes(second: int) -> list[Message]:
    """Return what happens in a second: a queue and an agent come, others go."""
    gone = max(0, second - STAYS_SECONDS)
    queue, earlier = ({"Queue": f"grp-acme-{UUID(int=each)}"} for each in (second, gone))
    status = {"Status": "1", "Paused": "0", "Membership": "static"}
    call = {**queue, "Uniqueid": f"{second}.1", "HoldTime": "1"}
    return [
        event("QueueMemberStatus", {**queue, **status, "Interface": "SIP/a"}),
        event("QueueCallerJoin", call),
        event("QueueCallerAbandon", call),
        event("QueueCallerLeave", call),
        event("agent_status_update", {"agent_id": second, "status": "logged_in"}),
        event("Hangup", {"Uniqueid": f"{second}.1"}),
        event("QueueMemberRemoved", {**earlier, **status, "Interface": "SIP/a"}),
        event("group_deleted", {"id": gone, "uuid": f"{UUID(int=gone)}"}),
        event("agent_deleted", {"id": gone}),
    ]


def test_queues_and_agents_that_come_and_go_take_no_more_and_more_memory() -> None:
    pipeline = Pipeline(details=ALL_DETAILS)
    buses = [BusStatus("default", "", "", connected=True)]
    blocks = []
    for second in range(1, WARM_UP_SECONDS + SECONDS + 1):
        pipeline.wait(1)
        pipeline.send(*changes(second))
        (server,) = boards(pipeline.store, buses, SUBSYSTEMS, is_stalled=False)
        there = min(second, STAYS_SECONDS)
        assert (len(server.queues), len(server.agents)) == (there, there)
        if second in (WARM_UP_SECONDS, WARM_UP_SECONDS + SECONDS):
            del server
            gc.collect()
            blocks.append(sys.getallocatedblocks())
    assert blocks[1] - blocks[0] < MAX_BLOCKS
