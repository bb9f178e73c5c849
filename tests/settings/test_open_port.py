"""A port that is open to everybody is named in the log; a protected one is not."""

import pytest

from exporter.settings.address import Address
from exporter.settings.open_port import open_to_all

EVERYWHERE = Address.parse(":10495")


def fields(
    listen: Address = EVERYWHERE,
    *,
    has_users: bool = False,
    has_client_certificates: bool = False,
    may_reload: bool = False,
) -> dict[str, str] | None:
    return open_to_all(
        listen,
        has_users=has_users,
        has_client_certificates=has_client_certificates,
        may_reload=may_reload,
    )


def test_a_port_without_protection_is_open() -> None:
    assert fields() == {
        "event": "everybody who can reach the port can read the metrics",
        "address": "0.0.0.0:10495",
        "see": "docs/access.md",
    }


def test_it_says_that_everybody_can_reload() -> None:
    found = fields(may_reload=True)
    assert found is not None
    assert found["event"].endswith("can read the metrics and reload the settings")


@pytest.mark.parametrize("may_reload", [False, True])
def test_users_or_client_certificates_protect_it(may_reload: bool) -> None:
    assert fields(has_users=True, may_reload=may_reload) is None
    assert fields(has_client_certificates=True, may_reload=may_reload) is None


@pytest.mark.parametrize(
    ("host", "is_open"),
    [
        *((host, True) for host in ("0.0.0.0", "0", "0x0", "0.0")),  # noqa: S104 -- the point
        *((host, True) for host in ("::", "0:0::0", "::ffff:0.0.0.0", "::%lo")),
        *((host, False) for host in ("127.0.0.1", "::1", "localhost", "192.0.2.1")),
        *((host, False) for host in ("2001:db8::1", "exporter.example.com", "::ffff:127.0.0.1")),
    ],
)
def test_only_all_addresses_are_open_to_all(host: str, is_open: bool) -> None:
    assert (fields(Address(host, 1)) is not None) is is_open
