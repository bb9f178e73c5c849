"""The call centre: who waits now, how calls end, and what agents do."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards import agent_panels, call_panels, frame, house, member_panels, palette
from dashboards.completeness import completeness
from dashboards.documents import explained
from dashboards.frame import Section
from dashboards.names import CALL_CENTRE
from dashboards.panels import Panel, bars, lines, stat
from dashboards.signals import agents, call_forms, knowledge, queue_calls, queues
from dashboards.tables import Column, table

_IF_ANY: house.Steps = ((0, house.TRANSPARENT), (1, palette.WARNING))


def dashboard() -> Dashboard:
    """Build the dashboard."""
    return frame.frame(
        CALL_CENTRE,
        "Call centre",
        "For a supervisor: who waits now and how long, the service level and the calls of today, "
        "what agents do. Below: how calls ended, waits and talks, occupancy and pauses, and "
        "members of queues.",
        (frame.origins(), frame.queue_names(), frame.windows()),
        (
            Section("Now and today", [*_now(), *_queues_and_agents(), _known()]),
            Section("Calls", call_panels.panels()),
            Section("Agents", agent_panels.panels()),
            Section("Queues in each window", member_panels.windows(), is_folded=True),
            Section("Members of queues and their phones", member_panels.members(), is_folded=True),
            Section("Logins and sessions", agent_panels.sessions(), is_folded=True),
            Section("Call forms", _call_forms(), is_folded=True),
        ),
    )


def _now() -> list[Panel]:
    return [
        stat(
            "Callers waiting",
            "Callers who wait in the selected queues now.",
            queue_calls.ALL_WAITING,
        ),
        stat(
            "Longest wait now",
            "How long the caller who waits longest has been waiting.",
            queue_calls.ALL_LONGEST_WAIT,
            words=house.NOBODY,
            decimals=0,
        ),
        stat(
            "Service level today",
            "Share of the calls since midnight that were answered within the threshold. Callers "
            "who hung up within the threshold do not count. Orange below 80 %, red below 60 %.",
            queue_calls.ALL_SERVICE_LEVEL_TODAY,
            steps=house.LOW_IS_BAD,
            is_named=True,
            decimals=0,
        ),
        stat(
            "Answered today",
            "Calls of the selected queues that a member answered since midnight, exactly counted.",
            queue_calls.ALL_ANSWERED_TODAY,
        ),
        stat(
            "Abandoned today",
            "Calls of the selected queues in which the caller hung up before an answer, since "
            "midnight, exactly counted.",
            queue_calls.ALL_ABANDONED_TODAY,
        ),
        stat(
            "Queues with nobody available",
            "Selected queues in which no member can take a call now.",
            queues.UNSTAFFED,
            steps=house.NONE_IS_GOOD,
            words=house.NONE,
        ),
    ]


def _queues_and_agents() -> list[Panel]:
    return [
        table(
            "Queues now",
            "Each queue now: callers who wait and the longest wait; members who can take a call, "
            "who talk to a caller of this queue, who are paused, and who are in wrap-up. Then the "
            "calls since midnight: answered, abandoned, and the service level. With an API, also "
            "the name of the queue for people, and whether it is a queue of the call centre or a "
            "group of users. Click on a queue to see only this queue.",
            {"server": "server", "queue": "queue", "display_name": "name", "kind": "kind"},
            (
                Column("waiting", queue_calls.WAITING, steps=_IF_ANY),
                Column("longest wait", queue_calls.LONGEST_WAIT, decimals=0),
                Column("available", queues.AVAILABLE, steps=house.FEW_IS_BAD),
                Column("in call", queue_calls.IN_CALL),
                Column("paused", queues.PAUSED),
                Column("in wrap-up", queues.WRAP_UP),
                Column("answered", queue_calls.ANSWERED_TODAY),
                Column("abandoned", queue_calls.ABANDONED_TODAY),
                Column(
                    "service level",
                    queue_calls.SERVICE_LEVEL_TODAY,
                    steps=house.LOW_IS_BAD,
                    decimals=0,
                ),
                Column("", queues.NAMES),
            ),
            details={"queue": CALL_CENTRE},
            links=(explained("calls.md"),),
            no_data=house.NO_QUEUES,
            span=18,
            height=10,
        ),
        bars(
            "Agents now, by activity",
            "Agents of the selected servers who are logged in, by what they do now. If several "
            "activities are true, the first of these counts: on call, ringing, paused in all of "
            "their queues, in wrap-up, phone unavailable, available.",
            agents.BY_ACTIVITY,
            span=6,
            height=10,
        ),
    ]


def _known() -> Panel:
    return completeness(knowledge.CALLS, knowledge.QUEUES, knowledge.AGENTS)


def _call_forms() -> list[Panel]:
    return [
        lines(
            "Call forms per minute",
            "Call forms that users submitted.",
            call_forms.FORMS,
            looks={"forms": house.Look(palette.BLUE)},
        ),
        lines(
            "Users who submitted call forms",
            "Number of different users who submitted a call form in each window, and since "
            "midnight.",
            call_forms.SUBMITTERS,
            call_forms.SUBMITTERS_TODAY,
            looks=house.COUNTS,
        ),
    ]
