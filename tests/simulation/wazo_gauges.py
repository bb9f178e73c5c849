"""The gauges of a simulated Wazo that its APIs make complete, as an exporter must show them."""

from __future__ import annotations

from collections import Counter

from dataflows.listings import Source
from exporter.simulation.simulator import Activity, CallCentre
from tests.simulation.wazo_truth import Truth, true_series

GAUGES_OF = {
    Source.AMID: (
        *("xivo_queue_members", "xivo_queue_members_paused", "xivo_queue_members_in_call"),
        *("xivo_queue_member_states", "xivo_queue_callers_waiting"),
    ),
    # What agents do, amid has told before.
    Source.AGENTD: ("xivo_agents", "xivo_agents_by_activity"),
    Source.CHATD: (
        *("xivo_users", "xivo_users_do_not_disturb"),
        *("xivo_users_connected", "xivo_users_line_state"),
    ),
    Source.CALLD: (
        *("xivo_lines", "xivo_lines_in_call", "xivo_trunk_registered", "xivo_trunk_calls"),
        *("xivo_calls", "xivo_switchboard_calls", "xivo_parked_calls"),
    ),
    Source.CONFD: (),
}
"""By the API that tells them. None lists the participants of conferences."""

GAUGES = tuple(name for names in GAUGES_OF.values() for name in names)

_STATES = (
    *("unknown", "not_in_use", "in_use", "busy", "invalid", "unavailable"),
    *("ringing", "ringing_in_use", "on_hold"),
)
"""Of devices, by Asterisk's number."""


def _agents(centre: CallCentre) -> Truth:
    listed = Counter(bool(agent["logged"]) for agent in centre.apis.agents())
    doing = Counter(activity.value for activity in centre.activities.values())
    return {
        ("xivo_agents", ("logged_in",)): listed[True],
        ("xivo_agents", ("logged_out",)): listed[False],
        **{
            ("xivo_agents_by_activity", (name,)): doing[name]
            for name in (*(each.value for each in Activity), "unknown")
        },
    }


def _queues(centre: CallCentre) -> Truth:
    truth: Truth = {}
    members = [each for each in centre.apis.queue_status() if each.get("Event") == "QueueMember"]
    for queue in centre.queues:
        own = [member for member in members if member["Queue"] == queue]
        kinds = Counter(member["Membership"] for member in own)
        states = Counter(member["Status"] for member in own)
        calls = centre.queue_calls(queue)
        own_truth: Truth = {
            ("xivo_queue_callers_waiting", (queue,)): calls.waiting,
            ("xivo_queue_members_in_call", (queue,)): calls.members_in_call,
            ("xivo_queue_members_paused", (queue,)): sum(each["Paused"] == "1" for each in own),
            **{
                ("xivo_queue_members", (queue, kind)): kinds[kind]
                for kind in ("static", "dynamic", "realtime")
            },
            **{
                ("xivo_queue_member_states", (queue, state)): states[f"{number}"]
                for number, state in enumerate(_STATES)
            },
        }
        truth |= own_truth
    return truth


def true_gauges(centre: CallCentre) -> Truth:
    """Return the true values of the gauges, without the label of the origin."""
    truth = true_series(centre, has_apis=True) | _agents(centre) | _queues(centre)
    return {each: value for each, value in truth.items() if each[0] in GAUGES}
