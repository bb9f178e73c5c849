"""Agents: their shifts, breaks and queues."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from exporter.simulation.activities import Timesheet
from exporter.simulation.day import DAY, Shift
from exporter.simulation.members import Member
from exporter.simulation.people import DISCONNECTED, Desk
from exporter.simulation.phones import Phone
from exporter.simulation.queues import Queue
from exporter.simulation.scheduler import Process
from exporter.simulation.servers import Daemon
from exporter.simulation.world import World


@dataclass(frozen=True, slots=True)
class Break:
    """A pause, or an absence for which the agent logs off.

    Attributes:
        reason: The reason that the agent gives; empty for none.
        presence: What the agent's user shows.
        minutes: Shortest and longest time.
        weight: How often, compared with the others.
        logs_off: Whether the agent logs off instead of pausing.
    """

    reason: str
    presence: str
    minutes: tuple[float, float]
    weight: int = 0
    logs_off: bool = False


BREAKS = (
    Break("coffee", "berightback", (5, 15), 5),
    Break("lunch", "outtolunch", (30, 60), 1),
    Break("back-office", "away", (10, 30), 2),
    Break("réunion", "en réunion", (20, 60), 1),
    Break("", "away", (1, 5), 3),
)
_SECONDS_BETWEEN_BREAKS = 3000.0
_SHORTEST_STRETCH = 60.0

# Share of breaks for which agents log off instead of pausing.
_LOG_OFF = 0.1
_ABSENCE = Break("", DISCONNECTED, (2, 30), logs_off=True)

# Share of the breaks that an agent of several queues takes in one of them only.
_PARTIAL = 0.1

_LOG_IN = (5.0, 200.0)
FIRST_BREAK = (8.0, 16.0)
"""Seconds from the login to an early break: shortest and longest time."""


class Agent:
    """An agent: logs in on a phone, takes calls of queues, takes breaks, and logs off.

    Attributes:
        agent_id: Id in the configuration.
        number: What the agent dials to log in.
        is_logged_in: None before the first login.
        queues: Those of the agent.
        timesheet: What the agent does, and for how long.
        pauses: Seconds of the pauses in all queues that ended, by reason.
    """

    def __init__(
        self,
        world: World,
        agentd: Daemon,
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
        self.number = str(1000 + agent_id)
        self.queues = queues
        self._members: list[tuple[Queue, Member]] = []
        self.timesheet = Timesheet()
        self.pauses: defaultdict[str, list[float]] = defaultdict(list)

    @property
    def phone(self) -> Phone:
        """The phone on which the agent logs in."""
        return self._desk.phone

    @property
    def paused_for(self) -> str | None:
        """Reason of the pause in all queues, empty for none; None if there is no such pause."""
        return self._members[0][1].reason if self._is_paused else None

    def work_shifts(
        self,
        shift: Shift,
        *,
        log_in: tuple[float, float] = _LOG_IN,
        first_break: Break | None = None,
        worked: tuple[float, float] = FIRST_BREAK,
    ) -> Process:
        """Work a shift every day.

        Args:
            shift: The working hours.
            log_in: Shortest and longest time from the begin of the shift to the login, in seconds.
            first_break: A break in all queues soon after the first login; None for none.
            worked: Shortest and longest time from the login to this break, in seconds.
        """
        rng = self._world.rng
        begin = self._world.opened + shift.begins
        while True:
            yield max(begin - self._world.now, 0) + rng.uniform(*log_in)
            until = begin + shift.length + rng.uniform(-600, 600)
            yield from self._log_in()
            if first_break is not None:
                yield rng.uniform(*worked)
                yield from self._take_a_break(first_break)
                first_break = None
            yield from self._work(until=until)
            begin += DAY

    def phone_changed(self, phone: Phone) -> None:
        """Note what the agent does now."""
        if not self.is_logged_in:
            return
        self.timesheet.note(
            self._world.now,
            phone.device,
            is_paused=self._is_paused,
            wraps_up_until=max(member.wraps_up_until for _, member in self._members),
        )

    @property
    def _is_paused(self) -> bool:
        return bool(self.is_logged_in) and all(member.paused for _, member in self._members)

    def _work(self, *, until: float) -> Process:
        """Alternate between calls and breaks, and log off."""
        rng = self._world.rng
        while True:
            to_break = rng.expovariate(1 / _SECONDS_BETWEEN_BREAKS)
            yield max(_SHORTEST_STRETCH, min(to_break, until - self._world.now))
            if self._world.now >= until:
                break
            if self._world.chance(_LOG_OFF):
                yield from self._take_a_break(_ABSENCE)
            else:
                weights = [each.weight for each in BREAKS]
                [taken] = rng.choices(BREAKS, weights)
                yield from self._take_a_break(taken, is_partial=self._world.chance(_PARTIAL))
        yield from self._log_off()

    def _take_a_break(self, taken: Break, *, is_partial: bool = False) -> Process:
        """Take a break; a partial one is a pause in the first queue only."""
        rng, phone = self._world.rng, self._desk.phone
        if taken.logs_off:
            yield from self._log_off()
            yield 60 * rng.uniform(*taken.minutes)
            yield from self._log_in()
            return
        members = self._members[:1] if is_partial else self._members
        begin = self._world.now
        for queue, member in members:
            queue.pause(member, taken.reason)
        self.phone_changed(phone)
        self._desk.user.show(taken.presence)
        yield 60 * rng.uniform(*taken.minutes)
        if self._is_paused:
            self.pauses[taken.reason].append(self._world.now - begin)
        for queue, member in members:
            queue.resume(member)
        self.phone_changed(phone)
        self._desk.user.show("available")

    def _log_in(self) -> Process:
        yield from self._agentd_answers()
        self.is_logged_in = True
        self._members = [
            (queue, self._join(queue, penalty=min(rank, 1)))
            for rank, queue in enumerate(self.queues)
        ]
        for queue, member in self._members:
            queue.add(member)
        phone = self._desk.phone
        phone.watchers.append(self)
        self.phone_changed(phone)
        self._publish("AgentLogin", "logged_in")
        self._desk.user.show("available")

    def _join(self, queue: Queue, *, penalty: int) -> Member:
        """Return a new member; in the queues of others, only called if their agents are busy."""
        return Member(
            queue=queue.name,
            name=f"Agent/{self.number}",
            interface=f"Local/id-{self.agent_id}@agentcallback",
            state_interface=self._desk.phone.interface,
            desk=self._desk,
            membership="dynamic",
            publish=queue.publish,
            penalty=penalty,
            login_time=self._world.now,
        )

    def _log_off(self) -> Process:
        while not self._desk.phone.is_at_rest:
            yield 5
        yield from self._agentd_answers()
        self.is_logged_in = False
        for queue, member in self._members:
            queue.remove(member)
        self._desk.phone.watchers.remove(self)
        self.timesheet.stop(self._world.now)
        self._publish("AgentLogoff", "logged_out")
        self._desk.user.show(DISCONNECTED)

    def _publish(self, user_event: str, status: str) -> None:
        fields = {
            "UserEvent": user_event,
            "AgentID": str(self.agent_id),
            "AgentNumber": self.number,
        }
        self._world.noise.event("UserEvent", fields)
        data = {"agent_id": self.agent_id, "status": status}
        self._world.wire.publish("agent_status_update", "status.agent", data)

    def _agentd_answers(self) -> Process:
        """Wait until agentd runs: only it can log an agent in or off."""
        while not self._agentd.is_running:
            yield 1
