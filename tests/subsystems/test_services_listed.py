"""Which services are up, as consul and the daemons themselves tell."""

from collections.abc import Mapping

from dataflows.events.services import ComponentsListed, Instance, ServicesListed
from dataflows.items import (
    Opened,
    ReadingContinued,
    SnapshotBegun,
    SnapshotFailed,
    SnapshotTaken,
)
from dataflows.listings import Listing, Source
from dataflows.metric import Histogram
from tests.corpus import ORIGIN, Message
from tests.pipeline import Pipeline, assert_exposition
from tests.subsystems.test_services import (
    DAY,
    END_OF_FIRST,
    END_OF_SECOND,
    FIRST,
    GAP,
    METRICS,
    SECOND,
)

Value = float | Histogram | None

CTID = "xivo-ctid"
COUNTERS = (
    "xivo_service_registrations_total",
    "xivo_service_deregistrations_total",
    "xivo_service_unclean_restarts_total",
)


class Asked:
    """An exporter that asks APIs, and whose bus is read."""

    def __init__(self) -> None:
        self.pipeline = Pipeline()
        self.pipeline.take([Opened("default", self.pipeline.now), ReadingContinued("default")])
        self.number = 0

    def ask(self, source: Source = Source.CONSUL) -> None:
        self.number += 1
        now = self.pipeline.now
        self.pipeline.take([SnapshotBegun("default", now, ORIGIN, source, self.number)])

    def answer(self, listing: Listing) -> None:
        now, source = self.pipeline.now, listing.source
        taken = SnapshotTaken("default", now, ORIGIN, source, self.number, (listing,))
        self.pipeline.take([taken])

    def lists(self, *ids: str | tuple[str, int], name: str = CTID) -> None:
        """Let consul list instances of a service, each with its index if there is one."""
        instances = [each if isinstance(each, tuple) else (each, 0) for each in ids]
        listed = tuple(Instance(each, "10.0.0.5", "9495", index) for each, index in instances)
        services = {name: listed} if listed else {}
        self.answer(ServicesListed(ORIGIN, self.pipeline.now, self.number, services))

    def send(self, *messages: Message) -> None:
        self.pipeline.wait(1)
        self.pipeline.send(*messages)

    def components(self, components: Mapping[str, Mapping[str, bool]]) -> None:
        self.ask(Source.STATUS)
        self.answer(ComponentsListed(ORIGIN, self.pipeline.now, self.number, components))

    def value(self, metric: str) -> Value:
        return self.pipeline.value(metric, CTID)

    @property
    def latest(self) -> str | None:
        """The instance that the info shows."""
        infos = [labels for name, labels in self.pipeline.series() if name == "xivo_service_info"]
        assert len(infos) <= 1
        return infos[0][2] if infos else None

    @property
    def counts(self) -> list[Value]:
        return [self.value(name) for name in COUNTERS]

    @property
    def is_known(self) -> bool:
        return self.pipeline.value("xivo_state_known", "services") == 1

    @property
    def drift(self) -> dict[str, Value]:
        kinds = ("added", "removed", "changed")
        values = {
            kind: self.pipeline.value("xivo_state_drift_total", "services", kind) for kind in kinds
        }
        return {kind: value for kind, value in values.items() if value}


def test_a_service_that_consul_lists_is_up_before_its_first_event() -> None:
    asked = Asked()
    asked.ask()
    assert asked.value("xivo_service_up") is None
    asked.lists("first")
    assert_exposition(
        asked.pipeline,
        """
        xivo_service_up{origin_uuid="ca7f…",service_name="xivo-ctid"} 1
        xivo_service_info{address="10.0.0.5",origin_uuid="ca7f…",port="9495","""
        """service_id="first",service_name="xivo-ctid"} 1
        xivo_service_registrations_total{origin_uuid="ca7f…",service_name="xivo-ctid"} 0
        xivo_service_deregistrations_total{origin_uuid="ca7f…",service_name="xivo-ctid"} 0
        xivo_service_unclean_restarts_total{origin_uuid="ca7f…",service_name="xivo-ctid"} 0
        """,
        *METRICS,
    )
    assert asked.is_known
    assert asked.drift == {}
    # Its events are those of the instance that was listed.
    asked.send(FIRST)
    assert asked.counts == [0, 0, 0]
    asked.send(END_OF_FIRST)
    assert (asked.value("xivo_service_up"), asked.counts) == (0, [0, 1, 0])


def test_a_crash_of_a_service_that_only_consul_told_of_is_an_unclean_restart() -> None:
    asked = Asked()
    asked.ask()
    asked.lists("first")
    asked.send(SECOND)
    assert (asked.latest, asked.counts) == ("second", [1, 0, 1])


def test_a_service_that_consul_does_not_list_is_down_without_a_deregistration() -> None:
    asked = Asked()
    asked.ask()
    asked.lists("first")
    asked.send(FIRST)
    asked.pipeline.wait(100)
    asked.ask()
    asked.lists()
    assert (asked.value("xivo_service_up"), asked.counts) == (0, [0, 0, 0])
    # A rule compares this time with that of the registration.
    at = asked.value("xivo_service_deregistered_timestamp_seconds")
    assert at == asked.pipeline.now
    assert asked.drift == {"removed": 1}
    asked.pipeline.wait(7 * DAY)
    assert asked.value("xivo_service_up") is None


def test_another_instance_in_the_list_is_no_registration() -> None:
    asked = Asked()
    asked.ask()
    asked.lists()
    asked.send(FIRST)
    asked.ask()
    asked.lists("second")
    assert (asked.latest, asked.counts) == ("second", [1, 0, 0])
    # It is not known when it registered.
    assert asked.value("xivo_service_registered_timestamp_seconds") is None
    assert asked.drift == {"changed": 1}
    # A late event of the instance before.
    asked.send(END_OF_FIRST)
    assert asked.value("xivo_service_up") == 1


def test_what_an_event_said_since_the_request_is_newer_than_the_list() -> None:
    asked = Asked()
    asked.send(FIRST)
    asked.ask()
    asked.send(END_OF_FIRST)
    asked.lists("first")
    assert asked.value("xivo_service_up") == 0
    asked.ask()
    asked.send(SECOND)
    asked.lists()
    assert asked.value("xivo_service_up") == 1
    assert asked.drift == {}


def test_a_request_without_an_answer_changes_nothing() -> None:
    asked = Asked()
    asked.send(FIRST)
    asked.ask()
    now = asked.pipeline.now
    asked.pipeline.take([SnapshotFailed("default", now, ORIGIN, Source.CONSUL, 1)])
    asked.lists()
    assert asked.value("xivo_service_up") == 1
    assert not asked.is_known


def test_an_instance_that_crashed_stays_listed_and_is_not_the_latest_one() -> None:
    asked = Asked()
    asked.send(FIRST, SECOND)
    for ids in (("first", "second"), ("second", "first")):
        asked.ask()
        asked.lists(*ids)
        assert asked.latest == "second"
    asked.send(END_OF_SECOND)
    asked.ask()
    asked.lists("first")
    assert asked.value("xivo_service_up") == 0


def test_consul_may_tell_which_instance_is_the_latest() -> None:
    asked = Asked()
    asked.ask()
    asked.lists(("first", 7), ("second", 9), ("third", 8))
    assert asked.latest == "second"
    # The others crashed before.
    asked.send(END_OF_SECOND)
    asked.ask()
    asked.lists(("first", 7), ("third", 8))
    assert asked.value("xivo_service_up") == 0


def test_else_it_is_the_one_that_events_told_of_unless_some_were_missed() -> None:
    asked = Asked()
    asked.send(FIRST)
    asked.ask()
    asked.lists("older", "first")
    assert asked.latest == "first"
    asked.pipeline.take([GAP])
    asked.ask()
    asked.lists("first", "newer")
    assert asked.latest == "newer"
    # From then on all is known again.
    asked.send(FIRST.but(service_id="newest"))
    assert asked.value("xivo_service_unclean_restarts_total") == 1


def test_a_gap_before_the_answer_leaves_the_services_uncertain() -> None:
    asked = Asked()
    asked.send(FIRST)
    asked.ask()
    asked.pipeline.take([GAP])
    asked.lists("first")
    assert not asked.is_known
    asked.send(SECOND)
    assert asked.value("xivo_service_unclean_restarts_total") == 0


def test_services_that_are_listed_are_bounded_as_others_are() -> None:
    pipeline = Pipeline(max_series=1)
    pipeline.take([Opened("default", pipeline.now), ReadingContinued("default")])
    pipeline.take([SnapshotBegun("default", pipeline.now, ORIGIN, Source.CONSUL, 1)])
    services = {name: (Instance("1", "h", "1"),) for name in ("xivo-agentd", "xivo-ctid")}
    listed = ServicesListed(ORIGIN, pipeline.now, 1, services)
    pipeline.take([SnapshotTaken("default", pipeline.now, ORIGIN, Source.CONSUL, 1, (listed,))])
    assert len([name for name, _ in pipeline.series() if name == "xivo_service_up"]) == 1
    assert pipeline.refused == {"services": 1}


UP_AND_DOWN = {"amid": {"api": True, "ami_socket": False}, "calld": {"api": False}}


def test_the_components_of_daemons_are_shown_as_they_are_listed() -> None:
    asked = Asked()
    asked.components(UP_AND_DOWN)
    assert_exposition(
        asked.pipeline,
        """
        xivo_service_component_up{component="api",origin_uuid="ca7f…",service_name="amid"} 1
        xivo_service_component_up{component="ami_socket",origin_uuid="ca7f…","""
        """service_name="amid"} 0
        xivo_service_component_up{component="api",origin_uuid="ca7f…",service_name="calld"} 0
        """,
    )
    asked.components({"amid": {"ami_socket": True}})
    assert_exposition(
        asked.pipeline,
        """
        xivo_service_component_up{component="ami_socket",origin_uuid="ca7f…","""
        """service_name="amid"} 1
        """,
        "xivo_service_component_up",
    )
    # They do not tell which services are registered.
    assert not asked.is_known
    assert asked.drift == {}


def test_components_survive_a_restart_and_end_with_the_next_answer() -> None:
    asked = Asked()
    asked.components(UP_AND_DOWN)
    before = asked.pipeline.text("xivo_service_component_up")
    asked.pipeline.restart()
    assert asked.pipeline.text("xivo_service_component_up") == before
    now = asked.pipeline.now
    asked.pipeline.take([Opened("default", now), ReadingContinued("default")])
    asked.components({})
    assert_exposition(asked.pipeline, "", "xivo_service_component_up")
