"""What happens in a call centre: a seeded plan of calls, and of what agents and supervisors do."""

from __future__ import annotations

import random
from collections.abc import Iterator

from tests.asterisk.queues import QUEUES
from tests.asterisk.steps import Call, Deed, Step

AGENTS = tuple(sorted({agent for queue in QUEUES for agent in queue.agents}))
REASONS = ("lunch", "meeting", "")


_EXTENS = {queue.name: queue.exten for queue in QUEUES}
# Those whose agents are always there.
_BUSY = ("support", "ventes", "urgence", "hotline", "grp-acme-1")
# Members of the group are phones themselves, so Asterisk sees what they do.
_TRANSFERRING = ("support", "urgence", "hotline", "grp-acme-1")
_NOBODY = "mute:mute"

PAUSE_BEFORE_DEATH = 4
"""Seconds in which nobody changes memberships before Asterisk is killed.

It writes members and their pauses to its database within that time; what came later may be lost.
"""


class Planner:
    """Makes the plan of a seed: the same one each time."""

    def __init__(self, seed: int, minutes: float, calls_a_minute: float) -> None:
        """Choose.

        Args:
            seed: Of the choices.
            minutes: How long new calls come.
            calls_a_minute: How many come on average.
        """
        self._random = random.Random(seed)  # noqa: S311 -- a plan, no secret
        self._end = minutes * 60
        self._gap = 60 / calls_a_minute
        self._count = 0
        self._deaths = {"restart": self._end * 0.35, "kill": self._end * 0.7}

    def steps(self) -> list[Step]:
        """Return all steps in their order."""
        steps: list[Step] = [(0.5, Deed("login", agent)) for agent in AGENTS]
        steps += [(at, Deed(what)) for what, at in self._deaths.items()]
        steps += [(self._end * 0.5, Deed("reload"))]
        at = 2.0
        stories = list(self._stories)
        weights = [self._stories[story] for story in stories]
        # Each of them once, in a short run too.
        first = self._random.sample(stories, len(stories))
        while at < self._end:
            story = first.pop() if first else self._random.choices(stories, weights)[0]
            steps += [(at + delay, step) for delay, step in getattr(self, f"_{story}")()]
            at += self._random.expovariate(1 / self._gap)
        at = 10.0
        while at < self._end:
            steps += [(at + delay, deed) for delay, deed in self._agents()]
            at += self._random.uniform(4, 16)
        return sorted(self._possible(steps), key=lambda step: step[0])

    def _possible(self, steps: list[Step]) -> Iterator[Step]:
        """Leave out what agents do while Asterisk is not there, or might not be remembered."""
        for at, step in steps:
            times = self._deaths.values()
            near = any(death - PAUSE_BEFORE_DEATH < at < death + 8 for death in times)
            if at < self._end + 60 and not (
                near and isinstance(step, Deed) and step.what not in self._deaths
            ):
                yield at, step

    # Calls, with how often each kind comes

    _stories = {  # noqa: RUF012 -- never changed
        "ends_by_agent": 20,
        "ends_by_caller": 20,
        "answered_at_once": 6,
        "rejected_by_some": 8,
        "answered_late": 8,
        "nobody": 4,
        "abandoned": 10,
        "cancelled": 6,
        "left_by_key": 5,
        "vanished": 4,
        "overflow": 4,
        "same_queue_twice": 2,
        "blind": 4,
        "attended": 4,
        "attended_to_queue": 4,
        "attended_to_agent_of_queue": 3,
        "on_hold": 3,
        "moved": 2,
        "redirected": 3,
        "hung_up": 2,
        "left_empty": 2,
        "full": 2,
    }

    def _call(self, queue: str, plan: str, first: str = "8", **how: str | float) -> Call:
        self._count += 1
        number = f"0555{self._count:05}"
        exten = first + _EXTENS[queue][1:]
        return Call(number, exten, plan, **how)  # type: ignore[arg-type]  # of each field its own type

    def _one(self, plan: str, *queues: str, first: str = "8", **how: str | float) -> list[Step]:
        queue = self._random.choice(queues or _BUSY)
        return [(0, self._call(queue, plan, first, **how))]

    def _either(self, plan: str, other: str = "mute") -> str:
        return ":".join(self._random.sample([plan, other], 2))

    def _talk(self) -> str:
        return self._random.choice(("talk3", "talk8", "talk8", "talk20"))

    def _after(self, low: float = 2, high: float = 20) -> float:
        return round(self._random.uniform(low, high), 1)

    def _ends_by_agent(self) -> list[Step]:
        plan = f"{self._random.choice(('after0', 'after2', 'after5'))} {self._talk()}"
        return self._one(f"{plan}:{plan}")

    def _ends_by_caller(self) -> list[Step]:
        return self._one("after2:after2", ends="bye", after=self._after(5, 25))

    def _answered_at_once(self) -> list[Step]:
        return self._one("after0 talk3:after0 talk3", "support", "ventes", "grp-acme-1")

    def _rejected_by_some(self) -> list[Step]:
        return self._one(self._either("reject", f"after2 {self._talk()}"))

    def _answered_late(self) -> list[Step]:
        return self._one(self._either("mute", f"after2 {self._talk()}"))

    def _nobody(self) -> list[Step]:
        return self._one(_NOBODY, "urgence", "grp-acme-1")

    def _abandoned(self) -> list[Step]:
        return self._one(_NOBODY, ends="bye", after=self._after())

    def _cancelled(self) -> list[Step]:
        return self._one(_NOBODY, first="7", ends="cancel", after=self._after(1, 12))

    def _left_by_key(self) -> list[Step]:
        return self._one(_NOBODY, "support", "ventes", ends="key", after=self._after())

    def _vanished(self) -> list[Step]:
        # After two seconds nothing is sent any more; or nothing was ever sent.
        plan = self._random.choice((_NOBODY, "after5:after5"))
        return self._one(plan, user="mobile", ends="vanish", after=2)

    def _overflow(self) -> list[Step]:
        return self._one(_NOBODY, "hotline", ends="bye", after=self._after(14, 25))

    def _same_queue_twice(self) -> list[Step]:
        return self._one(_NOBODY, "hotline", first="9", ends="bye", after=self._after(22, 30))

    def _blind(self) -> list[Step]:
        then = self._random.choice(("after2 talk3:after2 talk3", _NOBODY))
        return self._one(
            "after2 blind:after2 blind",
            *_TRANSFERRING,
            then=then,
            ends="bye",
            after=self._after(15, 30),
        )

    def _attended(self) -> list[Step]:
        return self._one(
            "after2 attended colleague:after2 attended colleague",
            *_TRANSFERRING,
            ends="bye",
            after=self._after(20, 30),
        )

    def _attended_to_queue(self) -> list[Step]:
        then = self._random.choice(("after5 talk3:after5 talk3", _NOBODY))
        return self._one(
            "after2 attended queue:after2 attended queue",
            *_TRANSFERRING,
            then=then,
            ends="bye",
            after=self._after(20, 35),
        )

    def _attended_to_agent_of_queue(self) -> list[Step]:
        # The agent of the other queue has answered when the caller is transferred to him.
        return self._one(
            "after2 attended queue answered:after2 attended queue answered",
            *_TRANSFERRING,
            then="after0:after0",
            ends="bye",
            after=self._after(20, 35),
        )

    def _on_hold(self) -> list[Step]:
        return self._one("after2 hold:after2 hold")

    def _moved(self) -> list[Step]:
        return self._one("moved:moved", "ventes", "urgence", ends="bye", after=self._after(8, 20))

    def _redirected(self) -> list[Step]:
        call = self._call(self._random.choice(_BUSY), _NOBODY)
        return [(0, call), (4, Deed("redirect", value=call.number))]

    def _hung_up(self) -> list[Step]:
        call = self._call(self._random.choice(_BUSY), _NOBODY)
        return [(0, call), (4, Deed("hangup", value=call.number))]

    def _left_empty(self) -> list[Step]:
        waiting, refused = (self._call("reserve", _NOBODY) for _ in range(2))
        outs = [(3, Deed("logout", agent, "reserve")) for agent in (5, 6)]
        ins = [(12, Deed("login", agent, "reserve")) for agent in (5, 6)]
        return [(0, waiting), *outs, (8, refused), *ins]

    def _full(self) -> list[Step]:
        calls = [self._call("petite", _NOBODY, ends="bye", after=8 + i) for i in range(3)]
        return [(index * 0.5, call) for index, call in enumerate(calls)]

    # What agents do

    def _agents(self) -> list[Step]:
        agent = self._random.choice(AGENTS)
        its = [queue.name for queue in QUEUES if agent in queue.agents]
        back = self._random.uniform(5, 25)
        kind = self._random.choice(
            ("pause", "pause", "pause_one", "relogin", "unpause", "penalty", "unregister")
        )
        if kind == "pause":
            reason = self._random.choice(REASONS)
            return [(0, Deed("pause", agent, "", reason)), (back, Deed("unpause", agent))]
        if kind == "pause_one":
            one = self._random.choice(its)
            return [(0, Deed("pause", agent, one, "lunch")), (back, Deed("unpause", agent, one))]
        if kind == "relogin":
            return [(0, Deed("logout", agent)), (back, Deed("login", agent))]
        if kind == "penalty":
            return [(0, Deed("penalty", agent, self._random.choice(its), "1"))]
        if kind == "unregister":
            return [(0, Deed("unregister", agent)), (back, Deed("register", agent))]
        # One whom autopause has paused comes back so.
        return [(0, Deed("unpause", each)) for each in (3, 4)]
