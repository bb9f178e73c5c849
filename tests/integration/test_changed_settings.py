"""Settings that change between two starts with one state directory.

The exporter goes on with what it can keep, or ends with one clear line. It never ends with a
traceback.
"""

import json
import os
import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import pytest

from dataflows.snapshot import FORMAT
from dataflows.subsystems import METRICS, kept, metrics_of
from tests.integration.bus import (
    ORIGIN,
    Wire,
    assert_account_balances,
    domain,
    event,
    member,
    own,
    publish,
)
from tests.program import Exporter, Series, parse_log_line
from tests.servers import Broker
from tests.support import eventually

PARIS, LYON = ORIGIN, "0b57b8e9-c2c8-5fad-ba1b-c3140ebb9be3"
VHOSTS = {PARIS: "/", LYON: "lyon"}
CHATS = {PARIS: 5, LYON: 7}
"""Chats of each server in the first session."""

QUEUES = 10

IS_REMOVED = "the bus is not in the settings, so its kept state is removed"

StateOf = dict[Series, float]


@dataclass
class Site:
    """An exporter whose settings file changes between its starts."""

    broker: Broker
    folder: Path
    program: Exporter

    @property
    def state(self) -> Path:
        return self.folder / "state"

    @property
    def store(self) -> Path:
        return self.state / "process-0" / "part-0.sqlite3"

    def configure(
        self, buses: Mapping[str, str], exchange: str = "xivo", **settings: object
    ) -> None:
        """Write the settings: for each bus the server that it carries, and other settings."""
        chosen = {"instance": "i", "state_dir": f"{self.state}", **settings}
        lines = [f"{name} = {json.dumps(value)}" for name, value in chosen.items()]
        for bus, server in buses.items():
            url = self.broker.url(vhost=VHOSTS[server])
            lines += ["[[buses]]", f'name = "{bus}"', f'url = "{url}"', f'exchange = "{exchange}"']
        (self.folder / "config.toml").write_text("\n".join(lines))

    def start(self, buses: Mapping[str, str], exchange: str = "xivo", **settings: object) -> None:
        """Start with these settings, and wait for all buses."""
        self.configure(buses, exchange, **settings)
        self.program.start()
        eventually(
            lambda: all(own(self.program.samples(), "bus_connected", bus) for bus in buses),
            what=lambda: f"all buses are connected: {self.program.log()[-2000:]}",
        )

    def shown(self, is_there: Callable[[StateOf], bool]) -> StateOf:
        """Wait until something is shown, and return all that is shown."""

        def samples() -> StateOf:
            found = self.program.samples()
            return found if is_there(found) else {}

        return eventually(samples, what=lambda: f"it is shown: {self.program.log()[-2000:]}")

    def shows(self, expected: StateOf) -> StateOf:
        """Wait until the buses' series are just these, and return all that is shown."""
        return self.shown(lambda samples: domain(samples) == expected)

    def refusal(self) -> str:
        """Start, and return the only line with which it ends."""
        before = len(self.program.log())
        self.program.start(wait=False)
        assert self.program.wait() == 1
        [line] = self.program.log()[before:].splitlines()
        assert line.startswith("xivo-exporter: ")
        return line

    def stop(self, *, is_killed: bool = False) -> None:
        if is_killed:
            self.program.kill()
        else:
            assert self.program.terminate(timeout=5) == 0

    def first_session(self, buses: Mapping[str, str]) -> StateOf:
        """Run once while each server publishes; return what is shown and kept at the end."""
        self.start(buses)
        for server in buses.values():
            say(self.broker, server, CHATS[server])
        samples = self.counted(buses)
        self.stop()
        return samples

    def counted(self, buses: Mapping[str, str], instance: str = "i") -> StateOf:
        """Wait until all that was published is counted and kept; return what is shown."""
        for bus, server in buses.items():
            eventually(
                lambda v=VHOSTS[server], inbox=f"xivo-exporter.{instance}.{bus}": (  # type: ignore[misc]  # mypy infers no default of a lambda
                    self.broker.queues(v)[inbox]["messages"] == 1
                ),
                what=lambda: f"all but the bookmark is kept: {self.program.log()[-2000:]}",
            )
        samples = self.program.samples()
        for bus in buses:
            assert_account_balances(samples, bus)
        return samples


@pytest.fixture
def new_site(
    request: pytest.FixtureRequest, broker: Broker, tmp_path: Path
) -> Iterator[Callable[[str], Site]]:
    """A function that makes an exporter with a folder of its own; two vhosts have a server each."""
    sites: list[Site] = []

    def make(name: str) -> Site:
        folder = tmp_path / name
        folder.mkdir()
        program = Exporter(folder, "--config", str(folder / "config.toml"))
        sites.append(Site(broker, folder, program))
        return sites[-1]

    broker.declare_exchange("xivo")
    with broker.vhosts(VHOSTS[LYON]):
        yield make
        for site in sites:
            site.program.close()
    for site in sites:
        request.node.add_report_section("teardown", f"log of {site.folder}", site.program.log())
        assert "Traceback" not in site.program.log()
        assert "panicked" not in site.program.log()


@pytest.fixture
def site(new_site: Callable[[str], Site]) -> Site:
    return new_site("monitor")


def say(broker: Broker, server: str, chats: int = 1, *, exchange: str = "xivo") -> None:
    """Publish what a server does: chats that are different each time, and one of each kind."""
    users = {"to": [server, 42], "from": [server, 22], "alias": "Alice"}
    wires = [
        Wire(
            event("chat_message_event", {**users, "msg": os.urandom(8).hex()}, server),
            f"chat.message.{server}.42",
        )
        for _ in range(chats)
    ]
    agents = {"42": "logged_in", "43": "logged_out"}
    for agent, status in agents.items():
        data = {"agent_id": agent, "status": status}
        wires.append(Wire(event("agent_status_update", data, server), "status.agent"))
    phone = {"endpoint_id": "67", "status": 8}
    wires.append(Wire(event("endpoint_status_update", phone, server), "status.endpoint"))
    queues = [f"q{number}" for number in range(QUEUES)]
    wires += [Wire(member(queue, origin=server), "ami.QueueMemberStatus") for queue in queues]
    publish(broker, exchange, wires, vhost=VHOSTS[server])


def of(samples: StateOf, server: str) -> StateOf:
    """Return what the bus says about a server."""
    found = domain(samples)
    return {key: value for key, value in found.items() if ("origin_uuid", server) in key[1]}


def chats_of(samples: StateOf, server: str) -> float | None:
    return samples.get(("xivo_chat_messages_total", frozenset({("origin_uuid", server)})))


def values_of(samples: StateOf, name: str, label: str) -> set[str]:
    """Return the values of a label of a metric."""
    return {dict(labels)[label] for metric, labels in samples if metric == name}


def is_named(samples: StateOf, bus: str) -> bool:
    """Return whether a series has the name of a bus as a label."""
    return any(("bus", bus) in labels for _, labels in samples)


def is_detail(series: Series) -> bool:
    return series[0] in {"xivo_agent_logged_in", "xivo_endpoint_state"}


def removed(program: Exporter) -> list[str]:
    """Return the buses whose state this start has removed, and check that each had states."""
    lines = program.logged(IS_REMOVED)
    assert all(line["level"] == "warning" and int(line["states"]) > 0 for line in lines)
    return [line["bus"] for line in lines]


# --- Buses ---------------------------------------------------------------------------------------


def test_buses_come_and_go_and_the_others_go_on(site: Site) -> None:
    both = {"paris": PARIS, "lyon": LYON}
    first = site.first_session(both)
    assert chats_of(first, PARIS) == 5
    used = own(first, "used_total", "paris")

    site.start(dict(reversed(both.items())))
    site.shows(domain(first))
    assert not removed(site.program)
    # What was written last is in a journal beside the store.
    site.stop(is_killed=True)

    site.start({"paris": PARIS})
    assert removed(site.program) == ["lyon"]
    without = site.shows(of(first, PARIS))
    assert not is_named(without, "lyon")
    assert own(without, "used_total", "paris") == used
    say(site.broker, PARIS, 5)
    # It is still bound, so the next start with this bus reads it.
    say(site.broker, LYON, 2)
    without = site.counted({"paris": PARIS})
    assert chats_of(without, PARIS) == 10
    assert not of(without, LYON)
    site.stop()

    site.start(both)
    assert not removed(site.program)
    again = site.counted(both)
    assert of(again, PARIS) == of(without, PARIS)
    # The bookmark of the first start is not a chat, and all other things are as they were.
    assert chats_of(again, LYON) == 2
    assert own(again, "bus_gaps_total", "lyon") == 0
    site.stop(is_killed=True)

    renamed = {"paris": PARIS, "rhone": LYON}
    site.start(renamed)
    assert removed(site.program) == ["lyon"]
    say(site.broker, LYON, 3)
    last = site.counted(renamed)
    assert chats_of(last, LYON) == 3
    assert not is_named(last, "lyon")
    assert of(last, PARIS) == of(without, PARIS)
    assert [own(last, "bus_gaps_total", bus) for bus in renamed] == [0, 0]
    site.stop()

    site.start({"south": LYON})
    assert sorted(removed(site.program)) == ["paris", "rhone"]
    site.shows({})
    site.stop()


def test_a_bus_moves_to_another_exporter_with_a_state_of_its_own_or_a_copied_one(
    new_site: Callable[[str], Site],
) -> None:
    both = {"paris": PARIS, "lyon": LYON}
    old, new, fresh = (new_site(name) for name in ("old", "new", "fresh"))
    before = old.first_session(both)
    shutil.copytree(old.state, new.state)

    new.start({"lyon": LYON})
    assert removed(new.program) == ["paris"]
    new.shows(of(before, LYON))
    old.start({"paris": PARIS})
    assert removed(old.program) == ["lyon"]
    old.shows(of(before, PARIS))
    say(old.broker, LYON)
    moved = new.counted({"lyon": LYON})
    assert chats_of(moved, LYON) == 8
    assert own(moved, "bus_gaps_total", "lyon") == 0
    new.stop()

    # The inbox has the bookmark, which is new to an exporter without state.
    fresh.start({"lyon": LYON})
    say(fresh.broker, LYON, 2)
    begun = fresh.counted({"lyon": LYON})
    assert chats_of(begun, LYON) == 2
    assert not of(begun, PARIS)
    assert not removed(fresh.program)


def test_a_server_on_two_buses_goes_on_when_its_first_bus_is_removed(site: Site) -> None:
    both = {"first": PARIS, "second": LYON}
    site.start(both)
    say(site.broker, PARIS, 5)
    site.counted({"first": PARIS})
    publish(site.broker, "xivo", [_form(1)], vhost=VHOSTS[LYON])
    shown = site.counted(both)
    assert values_of(shown, "xivo_origin_info", "bus") == {"first"}
    site.stop()
    site.start({"second": LYON})
    assert removed(site.program) == ["first"]
    publish(site.broker, "xivo", [_form(2)], vhost=VHOSTS[LYON])
    shown = site.counted({"second": LYON})
    assert values_of(shown, "xivo_origin_info", "bus") == {"second"}
    assert shown["xivo_call_forms_total", frozenset({("origin_uuid", PARIS)})] == 1
    # It has told of no chat on this bus.
    assert chats_of(shown, PARIS) is None


def test_the_states_of_servers_follow_them_when_two_buses_swap_their_addresses(site: Site) -> None:
    buses = {"one": PARIS, "two": LYON}
    site.first_session(buses)
    swapped = {"one": LYON, "two": PARIS}
    # The second start comes before the servers have said anything.
    for _ in range(2):
        site.start(swapped)
        site.stop()
    site.start(swapped)
    # An event of one subsystem moves the states of all.
    publish(site.broker, "xivo", [_form(1)], vhost=VHOSTS[PARIS])
    site.shown(lambda s: ("two", PARIS) in carried(s))
    shown = site.counted({"two": PARIS})
    assert chats_of(shown, PARIS) == 5
    site.stop()
    site.start({"two": PARIS})
    site.shown(lambda s: chats_of(s, PARIS) == 5)
    site.stop()
    assert "the server is on two buses" not in site.program.log()
    site.start(swapped)
    say(site.broker, PARIS, 1)
    say(site.broker, LYON, 2)
    # The states of the other server waited on its earlier bus until it spoke.
    shown = site.shown(lambda s: (chats_of(s, PARIS), chats_of(s, LYON)) == (6, 9))
    assert carried(shown) == {*swapped.items()}
    site.stop()


def carried(samples: StateOf) -> set[tuple[str, str]]:
    """Return the bus and the UUID of each server."""
    infos = (dict(labels) for name, labels in samples if name == "xivo_origin_info")
    return {(labels["bus"], labels["origin_uuid"]) for labels in infos}


def _form(user: int) -> Wire:
    data = {"user_id": user, "variables": {}}
    return Wire(event("call_form_result", data, PARIS), "call_form_result")


# --- Other settings ------------------------------------------------------------------------------


def test_details_windows_and_limits_follow_the_settings(site: Site) -> None:
    buses = {"paris": PARIS}
    first = site.first_session(buses)

    site.start(buses, details="agents,endpoints", windows="30s,5m")
    detailed = site.shown(
        lambda found: (
            values_of(found, "xivo_agent_logged_in", "agent_id") == {"42", "43"}
            and domain(first).items() < domain(found).items()
        )
    )
    assert values_of(detailed, "xivo_endpoint_state", "endpoint_id") == {"67"}
    windows = {dict(labels)["window"] for _, labels in detailed if "window" in dict(labels)}
    assert windows == {"30s", "5m"}
    site.stop()

    site.start(buses, details="endpoints", windows="5m", max_series=4)
    # Those known longest stay.
    queues = {f"q{number}" for number in range(4)}
    fewer = site.shown(
        lambda found: (
            values_of(found, "xivo_queue_members_available", "queue") == queues
            and chats_of(found, PARIS) == 5
        )
    )
    assert not values_of(fewer, "xivo_agent_logged_in", "agent_id")
    say(site.broker, PARIS)
    fewer = site.counted(buses)
    assert values_of(fewer, "xivo_queue_members_available", "queue") == queues
    site.stop()

    site.start(buses, max_series=5000)
    more = site.shows({key: value for key, value in domain(fewer).items() if not is_detail(key)})
    assert not values_of(more, "xivo_endpoint_state", "endpoint_id")
    say(site.broker, PARIS)
    more = site.counted(buses)
    assert len(values_of(more, "xivo_queue_members_available", "queue")) == QUEUES
    assert chats_of(more, PARIS) == 7
    assert own(more, "bus_gaps_total", "paris") == 0


def test_a_subsystem_that_is_left_out_begins_anew_when_it_is_back(site: Site) -> None:
    buses = {"paris": PARIS}
    first = site.first_session(buses)
    assert chats_of(first, PARIS) == 5

    site.start(buses, subsystems="agents,queues")
    gone = {spec.name for spec in METRICS} - {
        spec.name for spec in metrics_of(kept(("agents", "queues")))
    }
    rest = {
        (name, labels): value
        for (name, labels), value in domain(first).items()
        if name not in gone and dict(labels).get("subsystem") not in {"chat", "endpoints"}
    }
    site.shows(rest)
    assert left_out(site.program) == [{"chat", "endpoints"}]
    say(site.broker, PARIS, 3)
    few = site.counted(buses)
    assert chats_of(few, PARIS) is None
    assert domain(few).keys() == rest.keys()
    # Neither chats nor phones arrived.
    assert own(few, "unused_total", "paris") == own(first, "unused_total", "paris")
    # What was written last is in a journal beside the store.
    site.stop(is_killed=True)

    site.start(buses, subsystems="chat,agents", details="agents")
    assert left_out(site.program) == [{"queues"}]
    say(site.broker, PARIS, 2)
    other = site.counted(buses)
    assert chats_of(other, PARIS) == 2
    assert {name for name, _ in domain(other) if name.startswith("xivo_queue")} == set()
    assert of_agents(other) == of_agents(few)
    site.stop()

    site.start(buses)
    say(site.broker, PARIS, 4)
    every = site.counted(buses)
    assert left_out(site.program) == []
    assert chats_of(every, PARIS) == 6
    assert domain(every).keys() == domain(first).keys()
    assert own(every, "bus_gaps_total", "paris") == 0

    site.stop()
    before = len(site.program.log())
    site.configure(buses, subsystems="chat", details="agents")
    site.program.start(wait=False)
    assert site.program.wait() == 2
    [line] = site.program.log()[before:].splitlines()
    assert "agents is not among the subsystems that are kept" in line


def left_out(program: Exporter) -> list[set[str]]:
    """Return the subsystems whose state this start has removed."""
    event = "some subsystems are not in the settings, so their kept state is removed"
    return [set(line["subsystems"].split(",")) for line in program.logged(event)]


def of_agents(samples: StateOf) -> StateOf:
    found = domain(samples)
    return {key: found[key] for key in found if key[0] == "xivo_agents"}


def test_another_exchange_is_read_and_the_counts_go_on(site: Site) -> None:
    buses = {"paris": PARIS}
    site.broker.declare_exchange("other")
    first = site.first_session(buses)
    site.start(buses, "other")
    site.shows(domain(first))
    say(site.broker, PARIS, 100)
    say(site.broker, PARIS, 2, exchange="other")
    second = site.counted(buses)
    assert chats_of(second, PARIS) == 7
    assert own(second, "bus_gaps_total", "paris") == 0


def test_another_instance_notices_the_gap_and_the_counts_go_on(site: Site) -> None:
    buses = {"paris": PARIS}
    first = site.first_session(buses)
    site.start(buses, instance="j")
    site.shows(domain(first))
    say(site.broker, PARIS, 2)
    second = site.counted(buses, "j")
    assert chats_of(second, PARIS) == 7
    assert own(second, "bus_gaps_total", "paris") == 1


def test_a_copy_on_another_machine_goes_on(new_site: Callable[[str], Site]) -> None:
    both = {"paris": PARIS, "lyon": LYON}
    old, new = new_site("old"), new_site("new machine")
    before = old.first_session(both)
    shutil.copytree(old.state, new.state)
    old.start(both)
    new.start(both, instance="new")
    new.shows(domain(before))
    say(old.broker, PARIS)
    say(old.broker, LYON)
    for program, instance, gaps in (old, "i", 0), (new, "new", 1):
        shown = program.counted(both, instance)
        assert chats_of(shown, PARIS) == 6
        assert own(shown, "bus_gaps_total", "paris") == gaps


# --- The store -----------------------------------------------------------------------------------


def test_a_store_of_an_older_format_is_moved_aside_and_a_newer_one_is_refused(site: Site) -> None:
    buses = {"paris": PARIS}
    first = site.first_session(buses)

    manifest = site.store.parent / "manifest.json"
    ours = manifest.read_bytes()
    newer: dict[str, object] = {"format": FORMAT + 1, "engine": "bytewax 0.21", "schema": 0}
    newer["checksum"] = crc32(repr(tuple(newer.values())).encode())
    manifest.write_text(json.dumps(newer))
    line = site.refusal()
    assert f"was kept by a newer version (format {FORMAT + 1}, bytewax 0.21)" in line
    assert "--discard-state" in line
    manifest.write_bytes(ours)
    site.start(buses)
    site.shows(domain(first))
    site.stop()

    # As the first version wrote it.
    manifest.write_text(json.dumps({"format": 5, "engine": "bytewax 0.21", "schema": 0}))
    for each in (manifest, site.store):
        each.chmod(0o644)
    kept = site.store.read_bytes()
    site.start(buses)
    logged = map(parse_log_line, site.program.log().splitlines())
    [warning] = [each for each in logged if "moved_to" in each]
    assert "older version" in warning["msg"]
    assert (Path(warning["moved_to"]) / site.store.name).read_bytes() == kept
    say(site.broker, PARIS, 2)
    second = site.counted(buses)
    assert chats_of(second, PARIS) == 2
    site.stop()
    site.start(buses)
    site.shows(domain(second))
    assert len([*site.store.parent.glob("discarded-*")]) == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another user")
def test_what_another_user_has_or_can_change_is_refused_until_it_is_ours_alone(site: Site) -> None:
    buses = {"paris": PARIS}
    first = site.first_session(buses)
    before = site.store.read_bytes()

    os.chown(site.state, 12345, -1)
    line = site.refusal()
    assert f"{site.state} belongs to the user with the number 12345" in line
    assert "--state-dir" in line
    os.chown(site.state, 0, -1)
    for place, mode in (site.state, 0o770), (site.store.parent, 0o702), (site.store, 0o660):
        ours = place.stat().st_mode
        place.chmod(mode)
        line = site.refusal()
        assert f"other users have access to {place} (mode {mode:04o}); run chmod" in line
        place.chmod(ours)
    assert site.store.read_bytes() == before
    site.start(buses)
    site.shows(domain(first))


def test_a_changed_byte_in_a_row_is_damage_and_the_state_can_be_discarded(site: Site) -> None:
    buses = {"paris": PARIS}
    site.first_session(buses)
    chance = random.Random(7)  # noqa: S311 -- no secret
    places = chance.sample(_bytes_of_rows(site.store), 4)
    sound = site.store.read_bytes()
    for at in places:
        changed = bytearray(sound)
        changed[at] ^= 1 << chance.randrange(8)
        site.store.write_bytes(changed)
        line = site.refusal()
        assert f"the store {site.store} is damaged" in line
        assert "restore it from a backup, or start once with --discard-state" in line
        assert site.store.read_bytes() == changed

    site.start(buses, discard_state=True)
    say(site.broker, PARIS, 2)
    again = site.counted(buses)
    assert chats_of(again, PARIS) == 2
    site.stop()
    site.start(buses)
    site.shows(domain(again))


def _bytes_of_rows(store: Path) -> list[int]:
    """Return where in the file the bytes of kept rows are, of each row at most the first 300."""
    with closing(sqlite3.connect(store)) as database:
        # Removes what is not in use, such as copies of older rows.
        database.execute("VACUUM")
        query = "SELECT ser_change FROM snaps WHERE ser_change IS NOT NULL"
        # Long rows go on in other pages.
        rows = [row[:300] for (row,) in database.execute(query)]
    content = store.read_bytes()
    assert len(rows) > 5
    assert {content.count(row) for row in rows} == {1}
    return [content.index(row) + offset for row in rows for offset in range(len(row))]
