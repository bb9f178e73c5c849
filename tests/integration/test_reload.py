"""Settings that change while the program runs: it follows them, loses nothing, doubles nothing."""

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.integration.bus import (
    ORIGIN,
    Wire,
    assert_account_balances,
    chats,
    connected,
    count_of,
    domain,
    event,
    own,
    processed,
    publish,
    publish_chats,
)
from tests.notified import Systemd
from tests.program import PROGRAM, Exporter, Series
from tests.servers import Broker
from tests.support import eventually, free_port

RELOADED = "settings reloaded"
REFUSED = "the settings are wrong; the old ones stay"
HELD = "changed settings need a restart of the exporter"

pytestmark = pytest.mark.usefixtures("with_exchange")


class Site:
    """A running exporter whose settings file changes."""

    def __init__(self, broker: Broker, folder: Path, *, keeps_state: bool) -> None:
        self.broker = broker
        self.file = folder / "config.toml"
        self.fixed: dict[str, object] = {"instance": "i", "listen": "127.0.0.1:0"}
        if keeps_state:
            self.fixed["state_dir"] = f"{folder / 'state'}"
        self.write()
        self.program = Exporter(folder, "--config", f"{self.file}", program=(*PROGRAM, "run"))

    def write(
        self, buses: Mapping[str, Mapping[str, object]] | None = None, **settings: object
    ) -> None:
        """Write the settings: those of each bus besides its URL, and others."""
        chosen = {**self.fixed, **settings}
        lines = [f"{name} = {json.dumps(value)}" for name, value in chosen.items()]
        for name, more in (buses or {"default": {}}).items():
            of_bus = {"name": name, "url": self.broker.url(), **more}
            lines += ["[[buses]]", *(f"{key} = {json.dumps(it)}" for key, it in of_bus.items())]
        self.file.write_text("\n".join(lines))

    def reload(self, event: str = RELOADED) -> dict[str, str]:
        """Let it read the settings, and return the new log line of an event."""
        before = len(self.program.logged(event))
        os.kill(self.program.pid, signal.SIGHUP)
        lines = eventually(
            lambda: self.program.logged(event)[before:],
            what=lambda: f"{event}: {self.program.log()[-3000:]}",
        )
        return lines[0]

    def shown(self, is_there: Callable[[dict[Series, float]], object]) -> dict[Series, float]:
        """Wait until something is shown, and return all that is shown."""

        def samples() -> dict[Series, float]:
            found = self.program.samples()
            return found if is_there(found) else {}

        return eventually(samples, what=lambda: f"it is shown: {self.program.log()[-3000:]}")


@pytest.fixture(params=[False, True], ids=["no-state-dir", "state-dir"])
def site(request: pytest.FixtureRequest, broker: Broker, tmp_path: Path) -> Iterator[Site]:
    site = Site(broker, tmp_path, keeps_state=request.param)
    with site.program:
        connected(site.program)
        yield site
    request.node.add_report_section("teardown", "log", site.program.log())


def login(agent: str) -> Wire:
    return Wire(
        event("agent_status_update", {"agent_id": int(agent), "status": "logged_in"}),
        "status.agent",
    )


def agents(samples: Mapping[Series, float]) -> set[str]:
    """The agents that have a series of their own."""
    return {dict(labels)["agent_id"] for name, labels in samples if name == "xivo_agent_logged_in"}


def test_details_begin_and_end_and_all_else_goes_on(site: Site) -> None:
    publish(site.broker, "xivo", [login("1"), login("2"), *chats(0, 10)])
    before = processed(site.program, 12)
    assert not agents(before)
    site.write(details=["agents"])
    assert site.reload()["changed"] == "details"
    shown = site.shown(agents)
    assert agents(shown) == {"1", "2"}
    assert count_of(shown, "xivo_chat_messages_total") == 10
    assert count_of(shown, "xivo_agents", status="logged_in") == 2
    # Nobody connected again, and nothing is in doubt.
    assert own(shown, "bus_connects_total") == 1
    assert own(shown, "bus_gaps_total") == 0
    publish_chats(site.broker, 10, 20)
    after = processed(site.program, 22)
    assert count_of(after, "xivo_chat_messages_total") == 20
    assert_account_balances(after)
    site.write()
    site.reload()
    without = site.shown(lambda samples: not agents(samples))
    assert domain(without) == domain(
        {series: value for series, value in after.items() if "agent_id" not in dict(series[1])}
    )


@contextmanager
def watched(program: Exporter, metrics: Sequence[str]) -> Iterator[None]:
    """Scrape without a pause: no series ends, and no counter goes back."""
    is_over = threading.Event()
    problems: list[str] = []

    def watch() -> None:
        before: dict[Series, float] = {}
        while not is_over.is_set():
            samples = {
                series: value for series, value in program.samples().items() if series[0] in metrics
            }
            for series, value in before.items():
                if samples.get(series, -1) < value:
                    problems.append(f"{series}: {value}, then {samples.get(series)}")
            before = samples

    watcher = threading.Thread(target=watch)
    watcher.start()
    yield
    is_over.set()
    watcher.join(60)
    assert not problems


COUNTERS = (
    "xivo_chat_messages_total",
    "xivo_bus_events_total",
    "xivo_exporter_deliveries_total",
    "xivo_exporter_used_total",
    "xivo_exporter_bus_connects_total",
)


@pytest.mark.parametrize(
    ("changed", "is_connected_again"),
    [
        ({"max_series": 20}, False),
        ({"bind_all": True}, True),
        ({"service_level": 30}, False),
    ],
    ids=["dataflow", "bus", "levels"],
)
def test_reloads_under_load_lose_and_double_nothing(
    site: Site, changed: Mapping[str, object], is_connected_again: bool
) -> None:
    count, chunk = 20_000, 500

    def publish_all() -> None:
        for start in range(0, count, chunk):
            publish_chats(site.broker, start, start + chunk)

    publisher = threading.Thread(target=publish_all)
    of_bus = {} if "max_series" in changed else {"default": changed}
    of_all = changed if "max_series" in changed else {}
    reloads = 0
    with watched(site.program, COUNTERS):
        publisher.start()
        while publisher.is_alive() or reloads < 4:
            reloads += 1
            if reloads % 2:
                site.write(of_bus or None, **of_all)
            else:
                site.write()
            os.kill(site.program.pid, signal.SIGHUP)
            time.sleep(0.7)
        publisher.join(60)
        samples = site.shown(lambda found: count_of(found, "xivo_chat_messages_total") >= count)
    # All at once: together they show where a message came from that is too many.
    assert {
        "chats": count_of(samples, "xivo_chat_messages_total"),
        "used": own(samples, "used_total"),
        "gaps": own(samples, "bus_gaps_total"),
    } == {"chats": count, "used": count, "gaps": 0}, {
        series: value for series, value in samples.items() if series[0].startswith("xivo_exporter")
    }
    assert (own(samples, "bus_connects_total") > 1) == is_connected_again
    assert_account_balances(samples)


# --- Buses ---------------------------------------------------------------------------------------

LYON = "0b57b8e9-c2c8-5fad-ba1b-c3140ebb9be3"


@pytest.fixture
def lyon(broker: Broker) -> Iterator[Mapping[str, str]]:
    """Settings of a second bus, which carries another server."""
    with broker.vhosts("lyon"):
        yield {"url": broker.url(vhost="lyon")}


def chats_of(samples: Mapping[Series, float], origin: str) -> float | None:
    return samples.get(("xivo_chat_messages_total", frozenset({("origin_uuid", origin)})))


def names_bus(samples: Mapping[Series, float], bus: str) -> bool:
    return any(("bus", bus) in labels for _, labels in samples)


def test_a_bus_is_added_and_removed_while_the_other_is_read(
    site: Site, lyon: Mapping[str, str]
) -> None:
    publish_chats(site.broker, 0, 10)
    processed(site.program, 10)
    site.write({"default": {}, "lyon": lyon})
    assert site.reload()["changed"] == "buses"
    site.shown(lambda found: names_bus(found, "lyon") and bool(own(found, "bus_connected", "lyon")))
    publish(site.broker, "xivo", chats(0, 3, LYON), vhost="lyon")
    publish_chats(site.broker, 10, 20)
    both = site.shown(lambda found: chats_of(found, LYON) == 3 and chats_of(found, ORIGIN) == 20)
    assert own(both, "bus_connects_total") == 1
    assert own(both, "bus_gaps_total") == own(both, "bus_gaps_total", "lyon") == 0
    site.write()
    site.reload()
    alone = site.shown(lambda found: not names_bus(found, "lyon"))
    assert chats_of(alone, LYON) is None
    assert chats_of(alone, ORIGIN) == 20
    assert own(alone, "bus_connects_total") == 1
    [line] = site.program.logged("the bus is not in the settings, so its kept state is removed")
    assert line["bus"] == "lyon"


def test_a_bus_whose_credentials_changed_goes_on_where_it_was(site: Site) -> None:
    publish_chats(site.broker, 0, 10)
    processed(site.program, 10)
    site.broker.add_user("other", "pass", configure=".*", write=".*", read=".*")
    site.write({"default": {"url": site.broker.url(user="other", password="pass")}})
    assert site.reload()["changed"] == "buses"
    # Meanwhile, the inbox waits.
    publish_chats(site.broker, 10, 20)
    found = site.shown(lambda samples: count_of(samples, "xivo_chat_messages_total") == 20)
    assert own(found, "bus_gaps_total") == 0
    connected(site.program, times=2)
    assert "pass" not in site.program.log()


# --- Wrong settings ------------------------------------------------------------------------------


def shows_failure(samples: Mapping[Series, float]) -> bool:
    return not samples["xivo_exporter_config_last_reload_successful", frozenset()]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("windows = [", "is not valid TOML"),
        ('max_series = 0\ndetails = ["agents"]', "must be at least 1"),
        ('no_such = 1\ndetails = ["agents"]', "there is no such setting"),
    ],
)
def test_a_broken_file_changes_nothing_and_says_so(site: Site, content: str, problem: str) -> None:
    publish(site.broker, "xivo", [login("1")])
    before = processed(site.program, 1)
    when = (
        "xivo_exporter_config_last_reload_success_timestamp_seconds",
        frozenset[tuple[str, str]](),
    )
    good = site.file.read_text()
    site.file.write_text(content)
    assert problem in site.reload(REFUSED)["problem"]
    failed = site.shown(shows_failure)
    assert failed[when] == before[when]
    assert not agents(failed)
    assert domain(failed) == domain(before)
    publish_chats(site.broker, 0, 5)
    processed(site.program, 6)
    site.file.write_text(good)
    assert site.reload()["changed"] == ""
    after = site.shown(lambda samples: not shows_failure(samples))
    assert after[when] > before[when]


def test_settings_that_need_a_restart_are_named_and_all_others_followed(site: Site) -> None:
    publish(site.broker, "xivo", [login("1")])
    processed(site.program, 1)
    site.write(listen=f"127.0.0.1:{free_port()}", details=["agents"], log_level="warning")
    # At this level, only the warning is written.
    assert site.reload(HELD)["settings"] == "--listen"
    assert agents(site.shown(agents)) == {"1"}
    assert not site.program.logged(RELOADED)


def test_a_reload_while_the_broker_is_away_is_followed_when_it_is_back(
    victim: Broker, tmp_path: Path
) -> None:
    site = Site(victim, tmp_path, keeps_state=False)
    with site.program as program:
        connected(program)
        publish(victim, "xivo", [login("1"), *chats(0, 9)])
        processed(program, 10)
        victim.freeze()
        site.write({"default": {"bind_all": True}}, details=["agents"])
        assert set(site.reload()["changed"].split(",")) == {"details", "buses"}
        assert agents(site.shown(agents)) == {"1"}
        victim.thaw()
        publish(victim, "xivo", chats(9, 19))
        site.shown(lambda samples: count_of(samples, "xivo_chat_messages_total") == 19)
        assert own(program.samples(), "bus_gaps_total") == 0


def test_systemd_is_told_of_the_start_reloads_progress_and_the_end(tmp_path: Path) -> None:
    with closing(Systemd(f"{tmp_path / 'notify'}")) as systemd:
        environment = {"NOTIFY_SOCKET": systemd.name, "WATCHDOG_USEC": "1000000"}
        arguments = ("--bus-url", "amqp://127.0.0.1:1")
        told: list[str] = []

        def has_told(what: str, times: int = 1) -> bool:
            told.extend(systemd.told())
            return sum(what in datagram for datagram in told) >= times

        with Exporter(tmp_path, *arguments, env=environment) as program:
            eventually(lambda: has_told("READY=1"), what="it is ready")
            eventually(lambda: has_told("WATCHDOG=1", 3), what="it makes progress")
            os.kill(program.pid, signal.SIGHUP)
            eventually(lambda: has_told("READY=1", 2), what="it has reloaded")
            assert program.terminate(timeout=5) == 0
            assert has_told("STOPPING=1")
    names = [datagram.partition("=")[0] for datagram in told]
    assert [name for name in names if name != "WATCHDOG"] == [
        *("READY", "RELOADING", "READY", "STOPPING")
    ]
