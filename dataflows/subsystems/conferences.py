"""How many people take part in conferences?

Source: `conference_participant_joined` and `conference_participant_left` of wazo-calld (from
19.02). It publishes the same for each user as `conference_user_participant_joined` and
`conference_user_participant_left`, which are unused. A participant is known by the `Uniqueid` of
the channel.

Trouble: duplicates change nothing. Reordered events: the one with the newer time stamp wins. A
missed end: the end of the channel ends it, or a start of Asterisk, or a day. After a restart
without a recovery store, participants who joined before are unknown.
"""

from __future__ import annotations

from dataflows.events import asterisk, channels
from dataflows.events.channels import ChannelEnded
from dataflows.events.conferences import DECODERS, ParticipantJoined, ParticipantLeft
from dataflows.metric import Kind, MetricSpec
from dataflows.open_calls_state import OpenCallsState
from dataflows.subsystem import Subsystem

NAME = "conferences"

PARTICIPANTS = MetricSpec(
    "xivo_conference_participants",
    Kind.GAUGE,
    "Participants of all conferences now. It rises when somebody joins one, and falls when "
    "somebody leaves or hangs up. Meetings and ad hoc conferences do not count.",
    ("origin_uuid",),
)


class ConferencesState(OpenCallsState):
    """The participants of the conferences of one origin.

    xivo_conference_participants{origin_uuid="ca7f…"} 1
    """

    gauge = PARTICIPANTS


SUBSYSTEM = Subsystem(
    NAME,
    "How many people take part in conferences?",
    (PARTICIPANTS,),
    ConferencesState,
    DECODERS,
    starters=(ParticipantJoined, ParticipantLeft),
    also=(channels.ENDED, *asterisk.DECODERS),
    needs=(ChannelEnded,),
)
