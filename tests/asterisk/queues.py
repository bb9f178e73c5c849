"""The queues of the tests' Asterisk. All names and numbers are invented."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Queue:
    """A queue of the server.

    Attributes:
        name: Its technical name.
        exten: The number of the queue; callers are answered first. With `7` instead of the first
            digit they are not, so that they can send a CANCEL; with `9` they wait twice.
        settings: Of queues.conf.
        timeout: Seconds after which the dialplan goes on.
        overflow: The queue to which it goes then.
        agents: Numbers of the agents that log in to it.
        static: Members of the configuration.
        gosub: A context that runs on the phone of an agent between his answer and the talk.
    """

    name: str
    exten: str
    settings: dict[str, str]
    timeout: int = 60
    overflow: str = ""
    agents: tuple[int, ...] = ()
    static: tuple[str, ...] = ()
    gosub: str = ""

    @property
    def may_refuse(self) -> bool:
        """Whether it takes not everybody."""
        return not {"maxlen", "joinempty"}.isdisjoint(self.settings)


QUEUES = (
    Queue(
        "support",
        "801",
        {"strategy": "ringall", "timeout": "12", "servicelevel": "10", "context": "keys"},
        agents=(1, 2, 3),
    ),
    Queue(
        "ventes",
        "802",
        {"strategy": "rrmemory", "timeout": "6", "wrapuptime": "5", "context": "keys"},
        agents=(1, 2, 4),
    ),
    Queue(
        "urgence",
        "803",
        {"strategy": "leastrecent", "timeout": "6", "autopause": "yes", "retry": "1"},
        timeout=30,
        agents=(3, 4),
        gosub="slow",
    ),
    Queue(
        "hotline",
        "804",
        {"strategy": "linear", "timeout": "5", "retry": "1", "memberdelay": "2"},
        timeout=9,
        overflow="ventes",
        agents=(5, 6),
    ),
    Queue(
        "reserve",
        "805",
        {
            "strategy": "ringall",
            "timeout": "6",
            "joinempty": "paused,unavailable,invalid,unknown",
            "leavewhenempty": "paused,unavailable,invalid,unknown",
        },
        agents=(5, 6),
    ),
    Queue("petite", "806", {"strategy": "ringall", "timeout": "8", "maxlen": "2"}, agents=(6,)),
    Queue(
        "grp-acme-1",
        "807",
        {"strategy": "ringall", "timeout": "10", "ringinuse": "yes"},
        timeout=25,
        static=("PJSIP/phone7", "PJSIP/phone8"),
    ),
)


def queue_of(exten: str) -> Queue | None:
    """Return the queue to which a number leads."""
    return next((queue for queue in QUEUES if queue.exten[1:] == exten[1:]), None)
