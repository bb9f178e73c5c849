"""Whether the metrics of the buses can be trusted."""

import pytest

from exporter.exposition.exchanges import Exchanges
from exporter.exposition.readiness import exchange_doubt, silence, unread
from exporter.exposition.telemetry import BusStatus

PROBLEM = "no answer"


def bus(name: str = "paris", **status: bool | int) -> BusStatus:
    """Return the status of a bus that is not connected."""
    return BusStatus(name, "amqp://h", "xivo", "monitor", problem=PROBLEM, **status)  # type: ignore[arg-type]  # of each field its own type


STANDBY = (
    "The exporter is a standby on the bus paris: another exporter of the instance monitor reads "
    "the inbox."
)


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (bus(), f"The bus paris has not been reached yet: {PROBLEM}."),
        (bus(is_standby=True), STANDBY),
        (bus(is_standby=True, is_withheld=True), STANDBY),
        # It was the reader before.
        (bus(connects=1, is_standby=True), STANDBY),
        (
            bus(connects=1, is_withheld=True),
            (
                "The bus paris has not been reached since the exporter was a standby on it: "
                f"{PROBLEM}."
            ),
        ),
        (bus(connects=1, connected=True), None),
        # It was cut off, and goes on showing what it knew.
        (bus(connects=1), None),
    ],
)
def test_a_bus_can_be_trusted_if_it_was_read_and_the_exporter_is_no_standby(
    status: BusStatus, reason: str | None
) -> None:
    assert unread([status]) == reason


def test_one_bus_that_can_be_trusted_is_enough() -> None:
    good, out = bus("lyon", connects=1, connected=True), bus(connects=1, is_standby=True)
    assert unread([out, good]) is None
    assert unread([good, bus()]) is None
    assert unread([out, bus("lyon")]) == (
        f"{STANDBY} The bus lyon has not been reached yet: {PROBLEM}."
    )


def test_a_process_of_a_cluster_that_reads_no_bus_has_nothing_to_wait_for() -> None:
    assert unread([]) is None


@pytest.mark.parametrize(
    ("exchange", "advice"),
    [
        ("xivo", "exchange xivo: Wazo from 23.01 on uses wazo-headers."),
        ("wazo-headers", "exchange wazo-headers."),
    ],
)
def test_a_connection_on_which_nothing_arrives_is_told_with_the_exchange(
    exchange: str, advice: str
) -> None:
    bus = BusStatus("default", "amqp://h", exchange, connected=True, since=1000.0)
    assert silence(bus, 1299.0) == ""
    assert silence(bus, 1300.0).endswith(advice)
    # A connection before it brought something.
    bus.last_delivery_at = 999.0
    assert silence(bus, 1300.0)
    bus.last_delivery_at = 1001.0
    assert silence(bus, 9000.0) == ""
    assert silence(BusStatus("default", "amqp://h", exchange), 9000.0) == ""


def test_few_subsystems_are_another_reason_for_silence() -> None:
    reason = "Or nothing has happened that concerns the subsystems that are kept."
    for leaves_out, binds_all, is_told in (
        (True, False, True),
        (False, False, False),
        (True, True, False),
    ):
        silent = bus(connected=True, since=1000, leaves_out=leaves_out, binds_all=binds_all)
        assert silence(silent, 1300.0).endswith(reason) is is_told


WAZO = ("wazo-headers",)


@pytest.mark.parametrize(
    ("exchange", "others", "delivery_at", "binds_all", "is_told"),
    [
        ("xivo", WAZO, 0, False, True),
        # Nothing that the exporter uses comes from wazo-auth, but with all events bound it sends.
        ("xivo", WAZO, 1, True, True),
        ("xivo", WAZO, 1, False, False),
        ("xivo", (), 0, False, False),
        ("wazo-headers", ("xivo",), 0, True, False),
        ("other", ("xivo", "wazo-headers"), 0, True, False),
    ],
)
def test_the_exchange_of_wazo_auth_alone_is_told(
    exchange: str, others: tuple[str, ...], delivery_at: float, binds_all: bool, is_told: bool
) -> None:
    bus = BusStatus("default", "amqp://h", exchange, binds_all=binds_all)
    bus.other_exchanges, bus.last_delivery_at = Exchanges(others), delivery_at
    assert ("set --exchange wazo-headers" in exchange_doubt(bus)) == is_told
