"""An agent asks somebody else, and then transfers the caller there: by REFER with Replaces."""

from __future__ import annotations

import time
from urllib.parse import quote

from tests.asterisk.ami import Session
from tests.asterisk.steps import Call

_BEFORE_SECONDS = 1
_SECONDS = 3
_ANSWERED_SECONDS = 7
"""So long that an agent of the queue has answered."""


class Consultation:
    """What one agent does during a talk.

    sipp cannot put two dialogs into relation. So a second program of sipp makes the call of the
    agent's phone, and Asterisk is asked for its dialog; the phone hears of it by a NOTIFY.
    """

    def __init__(self, session: Session, sip_port: int, agent: str, talk: Call) -> None:
        """Prepare.

        Args:
            session: Of the manager interface.
            sip_port: Of Asterisk.
            agent: Number of the agent.
            talk: The call that he talks to.
        """
        self._session, self._agent, self._talk = session, agent, talk
        self._address = f"127.0.0.1:{sip_port}"
        self.is_with_queue = "queue" in talk.plan
        self._exten = "802" if self.is_with_queue else f"6{1 + int(agent) % 4}"
        self._talking: list[str] = []

    def call(self, number: str) -> Call:
        """Wait a moment, and return the second call."""
        time.sleep(_BEFORE_SECONDS)
        self._talking = self._legs()
        plan = self._talk.then or "after0:after0"
        user = f"phone{self._agent}"
        return Call(number, self._exten, plan, then=plan, user=user, ends="bye", after=40)

    def transfer(self) -> str:
        """Let it last a moment, and transfer; return the Uniqueid of the second call.

        Raises:
            ActionError: Asterisk refused something.
            ValueError: One of the calls is over.
        """
        time.sleep(_ANSWERED_SECONDS if "answered" in self._talk.plan else _SECONDS)
        (leg,) = [each for each in self._legs() if each not in self._talking]
        (channel,) = self._talking
        local, remote = (self._told(leg, f"pjsip,{tag}_tag") for tag in ("local", "remote"))
        dialog = f"{self._told(leg, 'pjsip,call-id')};to-tag={local};from-tag={remote}"
        target = f"<sip:{self._exten}@{self._address}?Replaces={quote(dialog, safe='')}>"
        uniqueid = self._told(leg, "uniqueid")
        self._session.action(
            "PJSIPNotify",
            ("Variable", "Event=refer"),
            ("Variable", f"X-Target={target}"),
            Channel=channel,
        )
        return uniqueid

    def _told(self, channel: str, what: str) -> str:
        (answer,) = self._session.action("Getvar", Channel=channel, Variable=f"CHANNEL({what})")
        return answer["Value"]

    def _legs(self) -> list[str]:
        parts = self._session.action("CoreShowChannels")
        names = [part["Channel"] for part in parts if "Channel" in part]
        return [name for name in names if name.startswith(f"PJSIP/phone{self._agent}-")]
