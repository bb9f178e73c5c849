"""A Wazo of today: wazo-chatd, wazo-calld and wazo-call-logd tell of users, lines and calls.

Its queues and agents are those of a XiVO; amid and agentd tell of them.
"""

from collections.abc import Mapping, Sequence

from exporter.simulation.calls import traffic
from exporter.simulation.people import Desk
from exporter.simulation.scheduler import Process
from exporter.simulation.servers import Daemon, Server
from exporter.simulation.wazo.bus import Bus
from exporter.simulation.wazo.call_logs import CallLogs
from exporter.simulation.wazo.calls import Calls
from exporter.simulation.wazo.conferences import Conferences
from exporter.simulation.wazo.direct_calls import OPENING, DirectCalls
from exporter.simulation.wazo.endpoints import Endpoint, Line, Trunk, outages
from exporter.simulation.wazo.faxes import Faxes
from exporter.simulation.wazo.office import Office
from exporter.simulation.wazo.status import Agentd, Daemons
from exporter.simulation.wazo.switchboards import Switchboard
from exporter.simulation.wazo.users import Chatd, Person
from exporter.simulation.world import World

_OPERATORS = 3
_REST_AFTER = 30.0


class Wazo(Server):
    """The software of a Wazo, and the true state that it publishes.

    Attributes:
        chatd: Tells of users, and of chat.
        calls: Those under way, and how legs ended.
        logs: The call logs.
        office: The missed calls, voicemail and parked calls.
        trunks: The trunks; the last one is not tracked by calld.
        switchboard: The only one.
        conferences: Who takes part.
        faxes: How many were sent.
        daemons: Which components work.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        bus = Bus(world)
        self.chatd = Chatd(world, bus)
        self.logs = CallLogs(world, bus)
        self.trunks = (
            Trunk(bus, 1, "trunk"),
            Trunk(bus, 2, "backup"),
            Trunk(bus, 3, "dahdi-g1", is_tracked=False),
        )
        self._endpoints: dict[str, Endpoint] = {
            f"{world.wire.era.technology}/{trunk.name}": trunk for trunk in self.trunks
        }
        self.calls = Calls(
            world,
            bus,
            self._endpoints,
            changed=self._endpoint_changed,
            finished=self.logs.finish,
        )
        world.legs = self.calls
        self.office = Office(world, bus, self.calls, self.trunks[:2])
        self.switchboard = Switchboard(self.office, "Standard")
        self.conferences = Conferences(self.office)
        self.faxes = Faxes(self.office)
        self.daemons = Daemons(world)
        self._by_line: dict[Endpoint, Person] = {}

    @property
    def reporter(self) -> Chatd:
        """The daemon wazo-chatd."""
        return self.chatd

    @property
    def agentd(self) -> Daemon:
        """The daemon wazo-agentd."""
        return Agentd()

    @property
    def people(self) -> Mapping[str, Person]:
        """The users, by UUID."""
        return {person.uuid: person for person in self.chatd.people.values()}

    def start(self) -> None:
        """Follow the lines, and register the trunks."""
        for person in self.chatd.people.values():
            self._endpoints[person.phone.interface] = person.line
            self._by_line[person.line] = person
        for trunk in self.trunks[:2]:
            trunk.register()
        self._world.scheduler.start(outages(self._world, self.trunks[1]))
        self._world.scheduler.start(self.daemons.failures())

    def start_calls(
        self, desks: Sequence[Desk], offices: Sequence[Desk], per_second: float
    ) -> None:
        """Start the calls of users, and all that comes with them."""
        world = self._world
        people = [self.chatd.people[desk.user.user_id] for desk in desks]
        others = [self.chatd.people[desk.user.user_id] for desk in offices]
        self.office.voicemail.open(people)
        direct = DirectCalls(self.office, people, others)
        world.scheduler.start(traffic(world, per_second, direct.call))
        first = DirectCalls(self.office, others, others)
        for after, plan in OPENING:
            world.scheduler.start(first.make(plan), after=after)
        self.switchboard.open(others[-_OPERATORS:])
        self.conferences.open(others)
        world.scheduler.start(self.faxes.send(others))
        world.scheduler.start(self._rest(others[0]), after=_REST_AFTER)

    def _rest(self, person: Person) -> Process:
        """Let a user turn do-not-disturb on for a while."""
        person.user.show("donotdisturb")
        yield self._world.rng.uniform(20, 60)
        person.user.show("available")

    def _endpoint_changed(self, endpoint: Endpoint) -> None:
        if isinstance(endpoint, Line):
            self.chatd.line_changed(self._by_line[endpoint])
        else:
            endpoint.refresh()
