"""The metrics of agents."""

from __future__ import annotations

from dataflows.activities import ACTIVITIES
from dataflows.events.agents import AgentStatus
from dataflows.levels import levels
from dataflows.metric import Kind, MetricSpec

AGENTS = MetricSpec(
    "xivo_agents",
    Kind.GAUGE,
    "Agents in each status. An agent counts from its first event until it is deleted.",
    ("origin_uuid", "status"),
    {"status": tuple(AgentStatus)},
    cardinality="2 per origin",
)
LOGINS = MetricSpec(
    "xivo_agent_logins_total",
    Kind.COUNTER,
    "Changes of agents to `logged_in`. The first event of an agent counts. A repeated status does "
    "not count. A login less than five seconds after a logout does not count either: it is a "
    "relog, in which agentd logs agents out and in again.",
    ("origin_uuid",),
)
LOGOUTS = MetricSpec(
    "xivo_agent_logouts_total",
    Kind.COUNTER,
    "Changes of agents to `logged_out`. The first event of an agent counts. A repeated status and "
    "the creation of an agent do not count. A logout counts ten seconds later. It does "
    "not count if the agent logs in again within five seconds: this is a relog by agentd.",
    ("origin_uuid",),
)
SESSIONS = MetricSpec(
    "xivo_agent_session_duration_seconds",
    Kind.HISTOGRAM,
    "Time from an agent's login to its logout. A session counts ten seconds after its logout, if "
    "the exporter saw its login. A relog by agentd does not end it.",
    ("origin_uuid",),
    cardinality="12 per origin",
    # Login by mistake, time until a break, half a shift, a shift, a forgotten logout.
    buckets=(60, 300, 900, 1800, 3600, 7200, 14400, 21600, 28800, 36000, 43200, 86400),
)
LOGGED_IN = MetricSpec(
    "xivo_agent_logged_in",
    Kind.GAUGE,
    "1 while the agent is logged in, 0 while it is logged out. The series ends when the agent is "
    "deleted.",
    ("origin_uuid", "agent_id"),
    cardinality="one per agent",
    detail=True,
)

BY_ACTIVITY = MetricSpec(
    "xivo_agents_by_activity",
    Kind.GAUGE,
    "Agents logged in, by what they do now. If several activities are true, the first one counts. "
    "`on_call`: the phone is in use, busy or on hold, also in a call that did not come from a "
    "queue. `ringing`: the phone rings. `paused`: paused in all of their queues. `wrap_up`: in "
    "wrap-up in one of their queues. `unavailable`: the phone cannot be reached. `available`: the "
    "agent waits for a call. `unknown`: no queue of the agent is known. The sum is always "
    'that of `xivo_agents{status="logged_in"}`.',
    ("origin_uuid", "activity"),
    {"activity": ACTIVITIES},
    cardinality="7 per origin",
)
PAUSED = MetricSpec(
    "xivo_agents_paused",
    Kind.GAUGE,
    "Agents logged in who are paused in all of their queues, also if they are on a call, by the "
    "reason of the pause: a name of `--pause-reasons`, `other`, or `none` for a pause without a "
    "reason.",
    ("origin_uuid", "reason"),
    cardinality="one per origin and reason",
)
PAUSES = MetricSpec(
    "xivo_agent_pause_duration_seconds",
    Kind.HISTOGRAM,
    "How long agents were paused in all of their queues, by the reason as in `xivo_agents_paused`. "
    "A pause counts when it ends, if the exporter saw its beginning. It ends when the agent takes "
    "calls of one queue again, logs out, or gives another reason.",
    ("origin_uuid", "reason"),
    cardinality="14 per origin and reason",
    # By mistake, a note, coffee, a short and a long break, lunch, training, half a shift.
    buckets=(30, 60, 120, 300, 600, 900, 1200, 1800, 2700, 3600, 7200, 14400),
)
SECONDS = MetricSpec(
    "xivo_agent_activity_seconds_total",
    Kind.COUNTER,
    "Time that agents spent in each activity of `xivo_agents_by_activity`, all agents together, up "
    "to the moment of the scrape. It grows by one second a second for each agent in the activity. "
    "It never falls: after an event that arrived late, it stops until the correct time is higher. "
    "While the bus is not read, it stops; the time counts once its events have arrived. If events "
    "were missed, the time does not count.",
    ("origin_uuid", "activity"),
    {"activity": ACTIVITIES},
    cardinality="7 per origin",
    grows=True,
)
ACTIVITY = MetricSpec(
    "xivo_agent_activity",
    Kind.GAUGE,
    "1 for the current activity of the agent, 0 for all other activities, see "
    "`xivo_agents_by_activity`. The series end while the agent is logged out.",
    ("origin_uuid", "agent_id", "activity"),
    {"activity": ACTIVITIES},
    cardinality="7 per agent",
    detail=True,
    state_set=True,
)

ANSWERED = MetricSpec(
    "xivo_agent_calls_answered_total",
    Kind.COUNTER,
    "Calls of queues that the agent answered. The series ends when the agent is deleted.",
    ("origin_uuid", "agent_id"),
    cardinality="one per agent",
    detail=True,
)

LEVELS = levels(
    "xivo_agents_logged_in_min",
    "xivo_agents_logged_in_max",
    "xivo_agents_logged_in_avg",
    "agents logged in",
    ("origin_uuid",),
    gauge='`xivo_agents{status="logged_in"}`',
)

METRICS = (
    AGENTS,
    BY_ACTIVITY,
    PAUSED,
    SECONDS,
    PAUSES,
    LOGINS,
    LOGOUTS,
    SESSIONS,
    LOGGED_IN,
    ACTIVITY,
    ANSWERED,
    *LEVELS,
)
