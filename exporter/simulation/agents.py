"""Agents: their shifts, breaks and queues."""

from collections.abc import Sequence

from exporter.simulation.day import DAY, Shift
from exporter.simulation.people import DISCONNECTED, Desk
from exporter.simulation.queues import Member, Queue
from exporter.simulation.scheduler import Process
from exporter.simulation.services import Service
from exporter.simulation.world import World

# Reason of the pause; presence during it; shortest and longest time, in minutes; weight.
_BREAKS = (
    ("coffee", "berightback", (5, 15), 5),
    ("lunch", "outtolunch", (30, 60), 1),
    ("back-office", "away", (10, 30), 2),
    ("réunion", "en réunion", (20, 60), 1),
    ("", "away", (1, 5), 3),
)
_SECONDS_BETWEEN_BREAKS = 3000.0
_SHORTEST_STRETCH = 60.0

# Share of breaks for which agents log off instead of pausing.
_LOG_OFF = 0.1


class Agent:
    """An agent: logs in on a phone, takes calls of queues, takes breaks, and logs off."""

    def __init__(
        self,
        world: World,
        agentd: Service,
        *,
        agent_id: int,
        desk: Desk,
        queues: Sequence[Queue],
    ) -> None:
        self.agent_id = agent_id
        self.is_logged_in: bool | None = None
        self._desk = desk
        self._world = world
        self._agentd = agentd
        self._number = str(1000 + agent_id)
        self._queues = queues
        self._members: list[Member] = []

    def work_shifts(self, shift: Shift) -> Process:
        """Work a shift every day."""
        rng = self._world.rng
        begin = self._world.opened + shift.begins
        while True:
            yield max(begin - self._world.now, 0) + rng.uniform(5, 200)
            yield from self._work(until=begin + shift.length + rng.uniform(-600, 600))
            begin += DAY

    def _work(self, *, until: float) -> Process:
        """Log in, alternate between calls and breaks, and log off."""
        rng = self._world.rng
        yield from self._log_in()
        while True:
            to_break = rng.expovariate(1 / _SECONDS_BETWEEN_BREAKS)
            yield max(_SHORTEST_STRETCH, min(to_break, until - self._world.now))
            if self._world.now >= until:
                break
            if self._world.chance(_LOG_OFF):
                yield from self._log_off()
                yield rng.uniform(120, 1800)
                yield from self._log_in()
            else:
                yield from self._take_a_break()
        yield from self._log_off()

    def _take_a_break(self) -> Process:
        rng = self._world.rng
        reason, presence, minutes, _ = rng.choices(_BREAKS, [often for *_, often in _BREAKS])[0]
        for member in self._members:
            member.queue.pause(member, reason)
        self._desk.user.show(presence)
        yield 60 * rng.uniform(*minutes)
        for member in self._members:
            member.queue.resume(member)
        self._desk.user.show("available")

    def _log_in(self) -> Process:
        yield from self._agentd_answers()
        self.is_logged_in = True
        self._members = [
            Member(
                queue=queue,
                name=f"Agent/{self._number}",
                interface=f"Local/id-{self.agent_id}@agentcallback",
                state_interface=self._desk.phone.interface,
                desk=self._desk,
                membership="dynamic",
                # In the queues of others, an agent is called only if their own agents are busy.
                penalty=min(rank, 1),
                login_time=self._world.now,
            )
            for rank, queue in enumerate(self._queues)
        ]
        for member in self._members:
            member.queue.add(member)
        self._publish("AgentLogin", "logged_in")
        self._desk.user.show("available")

    def _log_off(self) -> Process:
        while not self._desk.phone.is_at_rest:
            yield 5
        yield from self._agentd_answers()
        self.is_logged_in = False
        for member in self._members:
            member.queue.remove(member)
        self._publish("AgentLogoff", "logged_out")
        self._desk.user.show(DISCONNECTED)

    def _publish(self, user_event: str, status: str) -> None:
        fields = {
            "UserEvent": user_event,
            "AgentID": str(self.agent_id),
            "AgentNumber": self._number,
        }
        self._world.noise.event("UserEvent", fields)
        data = {"agent_id": self.agent_id, "status": status}
        self._world.wire.publish("agent_status_update", "status.agent", data)

    def _agentd_answers(self) -> Process:
        """Wait until xivo-agentd runs: only it can log an agent in or off."""
        while not self._agentd.is_running:
            yield 1
