"""Carries out a plan, and remembers what it did: one of the truths that are compared."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from tests.asterisk import configuration
from tests.asterisk.ami import ActionError, Message, Session
from tests.asterisk.consultation import Consultation
from tests.asterisk.deeds import Deeds, Done
from tests.asterisk.phones import Phones
from tests.asterisk.queues import QUEUES
from tests.asterisk.server import Asterisk
from tests.asterisk.steps import Call, Deed, Step


class Driver:
    """Does what a plan says, in real time."""

    def __init__(
        self,
        server: Asterisk,
        phones: Phones,
        wait_for_bus: Callable[[], None] = lambda: None,
        *,
        is_listed: bool = False,
    ) -> None:
        """Log in.

        Args:
            server: Where it drives.
            phones: Of agents and callers.
            wait_for_bus: Called when Asterisk is up again; returns when the bus hears of it.
            is_listed: Whether the exporter asks for the state of the members, so that they need
                not tell it after a start of Asterisk.
        """
        self._server, self._phones, self._wait_for_bus = server, phones, wait_for_bus
        self._is_listed = is_listed
        self.deeds = Deeds()
        self._channels: dict[str, str] = {}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._helpers: list[threading.Thread] = []
        self._transferred: set[str] = set()
        self._session = self._login()

    def run(self, steps: list[Step]) -> None:
        """Carry out all steps, and wait for the end of the calls."""
        began = time.time()
        for at, step in steps:
            self._look_after(began + at)
            if isinstance(step, Call):
                self._call(step)
            elif step.what in {"restart", "kill"}:
                self._die(step.what)
            else:
                self._do(step)
        self._look_after(time.time() + 60, while_calls=True)
        for helper in self._helpers:
            helper.join(timeout=30)
        self._end_calls()
        self._look_after(time.time() + 2)

    def close(self) -> None:
        """Log out."""
        self._session.close()

    def _login(self) -> Session:
        return self._server.session("driver", self._heard)

    def _look_after(self, until: float, *, while_calls: bool = False) -> None:
        """Wait, and note which callers' programs have ended."""
        while True:
            for number, process in list(self._processes.items()):
                if process.poll() is not None:
                    self.deeds.calls[number].ended = time.time()
                    del self._processes[number]
            left = until - time.time()
            if left <= 0 or (while_calls and not self._processes):
                return
            time.sleep(min(left, 0.05))

    # Calls

    def _call(self, call: Call) -> None:
        self.deeds.calls[call.number] = Done(call, time.time())
        self._processes[call.number] = self._phones.call(
            call.exten,
            call.number,
            call.plan,
            then=call.then,
            user=call.user,
            ends=call.ends,
            after=call.after,
        )

    def _end_calls(self) -> None:
        for process in self._processes.values():
            process.kill()

    def _heard(self, event: Message) -> None:
        number = event.get("CallerIDNum", "")
        done = self.deeds.calls.get(number)
        if done is None:
            return
        if event["Event"] == "QueueCallerJoin":
            done.uniqueid = done.uniqueid or event["Uniqueid"]
            self._channels[number] = event["Channel"]
        # What waits for answers must not run in the thread that reads them.
        is_first = number not in self._transferred
        if event["Event"] == "AgentConnect" and "attended" in done.call.plan and is_first:
            self._transferred.add(number)
            arguments = (done, event["Interface"], event["Uniqueid"])
            helper = threading.Thread(target=self._transfer, args=arguments, daemon=True)
            self._helpers.append(helper)
            helper.start()

    def _transfer(self, done: Done, interface: str, uniqueid: str) -> None:
        number = done.call.number
        # Local/id-3@agentcallback or PJSIP/phone7
        agent = interface.partition("@")[0][-1]
        consultation = Consultation(self._session, self._server.sip_port, agent, done.call)
        own = f"9{number[1:]}"
        try:
            self._call(consultation.call(own))
            replaced = consultation.transfer()
        except (ActionError, ValueError, OSError) as error:
            # The caller or Asterisk may have gone.
            self.deeds.refused.append(f"transfer of {number}: {error}")
        else:
            if consultation.is_with_queue:
                self.deeds.transfers[replaced] = uniqueid

    # Agents, supervisors, administrators

    def _do(self, deed: Deed) -> None:
        try:
            getattr(self, f"_do_{deed.what}")(deed)
        except (ActionError, OSError) as error:
            self.deeds.refused.append(f"{deed}: {error}")

    @staticmethod
    def _queues(deed: Deed) -> list[str]:
        its = [queue.name for queue in QUEUES if deed.agent in queue.agents]
        return [deed.queue] if deed.queue else its

    @staticmethod
    def _interface(deed: Deed) -> str:
        return f"Local/id-{deed.agent}@agentcallback"

    def _login_agent(self, deed: Deed, queue: str) -> None:
        self._session.action(
            "QueueAdd",
            Queue=queue,
            Interface=self._interface(deed),
            MemberName=f"Agent/100{deed.agent}",
            StateInterface=f"PJSIP/phone{deed.agent}",
        )

    def _each(self, deed: Deed, act: Callable[[Deed, str], None]) -> None:
        for queue in self._queues(deed):
            try:
                act(deed, queue)
            except ActionError as error:
                # Such as a login of one who is logged in.
                self.deeds.refused.append(f"{deed} {queue}: {error}")

    def _do_login(self, deed: Deed) -> None:
        self._each(deed, self._login_agent)

    def _do_logout(self, deed: Deed) -> None:
        self._each(
            deed,
            lambda deed, queue: self._tell(
                "QueueRemove", Queue=queue, Interface=self._interface(deed)
            ),
        )

    def _tell(self, action: str, **given: str) -> None:
        self._session.action(action, **given)

    def _do_pause(self, deed: Deed) -> None:
        self._pause_or_not(deed, "true")

    def _do_unpause(self, deed: Deed) -> None:
        self._pause_or_not(deed, "false")

    def _pause_or_not(self, deed: Deed, paused: str) -> None:
        where = {"Queue": deed.queue} if deed.queue else {}
        reason = {"Reason": deed.value} if deed.value else {}
        interface = self._interface(deed)
        self._tell("QueuePause", Interface=interface, Paused=paused, **where, **reason)

    def _do_penalty(self, deed: Deed) -> None:
        interface = self._interface(deed)
        self._tell("QueuePenalty", Interface=interface, Penalty=deed.value, Queue=deed.queue)

    def _do_unregister(self, deed: Deed) -> None:
        self._phones.register(deed.agent, 0)

    def _do_register(self, deed: Deed) -> None:
        self._phones.register(deed.agent)

    def _do_reload(self, _: Deed) -> None:
        self._tell("Reload", Module="app_queue.so")

    def _do_reconfigure(self, deed: Deed) -> None:
        static = {deed.queue: tuple(deed.value.split())}
        (self._server.home / "etc" / "queues.conf").write_text(configuration.queues(static))
        self._tell("Command", Command="queue reload all")
        self.deeds.reconfigured.append((time.time(), static))

    def _do_redirect(self, deed: Deed) -> None:
        channel = self._channels.get(deed.value)
        if channel is not None:
            self.deeds.withdrawn[deed.value] = time.time()
            self._tell("Redirect", Channel=channel, Context="elsewhere", Exten="s", Priority="1")

    def _do_hangup(self, deed: Deed) -> None:
        channel = self._channels.get(deed.value)
        if channel is not None:
            self.deeds.withdrawn[deed.value] = time.time()
            self._tell("Hangup", Channel=channel, Cause="16")

    def _die(self, how: str) -> None:
        at = time.time()
        if how == "kill":
            self._server.kill()
            time.sleep(2)
            self._server.start()
        else:
            # It may end before it answers.
            with suppress(ActionError):
                self._session.action("Command", Command="core restart now")
            while not self._session.closed:
                time.sleep(0.05)
            self._server.wait_until_booted()
        self._session.close()
        self._end_calls()
        # What happens now, nobody would hear. Only a snapshot tells the state of the members;
        # without one, all phones register again, so each member has an event.
        self._wait_for_bus()
        if not self._is_listed:
            self._phones.start(again=True)
        self._session = self._login()
        self.deeds.deaths.append((how, at, time.time()))
