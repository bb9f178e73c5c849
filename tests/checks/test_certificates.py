"""What a certificate says of itself is read; whatever else a peer sends is no error."""

import ssl
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.checks.certificates import read_certificate
from tests.certificates import dated, make_certificates


@pytest.fixture(scope="module")
def der(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    certificates = make_certificates(tmp_path_factory.mktemp("certificates"))
    begins, ends = datetime(2024, 2, 29, tzinfo=UTC), datetime(2060, 1, 2, 3, 4, 5, tzinfo=UTC)
    return ssl.PEM_cert_to_DER_cert(dated(certificates, begins, ends).server.read_text())


def test_names_and_dates_are_read(der: bytes) -> None:
    found = read_certificate(der)
    assert found is not None
    assert found.names == ("localhost", "127.0.0.1")
    # Of which openssl writes the one in the short form, the other in the long one.
    assert found.begins == datetime(2024, 2, 29, tzinfo=UTC)
    assert found.ends == datetime(2060, 1, 2, 3, 4, 5, tzinfo=UTC)


@given(st.data())
def test_a_damaged_certificate_is_no_error(der: bytes, data: st.DataObject) -> None:
    damaged = bytearray(der)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(der) - 1))] = data.draw(st.integers(0, 255))
    read_certificate(bytes(damaged[: data.draw(st.integers(0, len(der)))]))


@given(st.binary(max_size=200))
def test_any_bytes_are_no_error(content: bytes) -> None:
    read_certificate(content)


def test_a_huge_one_is_not_read(der: bytes) -> None:
    assert read_certificate(der + bytes(100_000)) is None
