"""Servers to show on the page, in all states."""

from collections.abc import Sequence

from exporter.web.board import AgentRow, QueueRow, ServerBoard
from exporter.web.views import BusView, KnownView

NINE = 1_795_683_600.0
"""2026-11-26, 09:00 UTC."""
QUEUES = ("Accueil", "Commandes", "Dépannage", "Facturation", "Réclamations", "Support technique")
SUBSYSTEMS = ("agents", "queues", "queue_calls", "services", "trunks")


def known_of(server: str, reason: str = "") -> list[KnownView]:
    since = None if reason else NINE
    return [KnownView(server, each, since, reason) for each in SUBSYSTEMS]


def row(place: int, **changes: object) -> QueueRow:
    name = QUEUES[place % len(QUEUES)] + (f" {place}" if place >= len(QUEUES) else "")
    fields: dict[str, object] = {
        "waiting": place % 3, "oldest_at": NINE + 600 - 7 * place if place % 3 else 0.0,
        "members": 12, "available": 2, "in_call": 5, "wrap_up": 1, "paused": 3,
        "answered": 1234 + place, "abandoned": 12, "level": 0.834,
    }  # fmt: skip
    return QueueRow(f"q{place}", name, **{**fields, **changes})  # type: ignore[arg-type]  # of any field


def board(name: str = "lyon", queues: int = 6, reason: str = "", **changes: object) -> ServerBoard:
    fields: dict[str, object] = {
        "known": known_of(name, reason), "events": 100, "last_event_at": NINE + 598,
        "today_from": NINE - 9 * 3600 + 720,
        "queues": [row(place, available=0 if place == 1 else 2) for place in range(queues)],
        "activities": {"on_call": 5, "ringing": 1, "paused": 3, "wrap_up": 1, "available": 2},
    }  # fmt: skip
    origin = f"{name}-8c0f9d1e-4a5b-4c1e-9f7e-0123456789ab"
    return ServerBoard(origin, name, "main", **{**fields, **changes})  # type: ignore[arg-type]  # of any field


def every_state() -> list[ServerBoard]:
    """Servers that have together all states of all parts."""
    agents = [AgentRow(str(1000 + each), "available") for each in range(5)]
    return [
        board(agents=agents, services_down=("agentd", "calld"), trunks_lost=("trunk-1",)),
        board("paris", 4, "no API is set, so the exporter knows only what events have told"),
        board("brest", 0, activities=None, known=(), last_event_at=None, today_from=None),
        ServerBoard("nice-origin", "nice", "second", queues=(QueueRow("new", "new"),)),
    ]


def buses() -> Sequence[BusView]:
    return (
        BusView("main", True, "amqp://p:5672/", "wazo-headers", 7300, 2, gaps=2, last_gap_at=NINE),
        BusView("second", False, "amqps://b/", "xivo", 65, None, "wrong password"),
        BusView("third", False, "amqps://c/", "xivo", 65, 3.0, "it waits", is_standby=True),
    )
