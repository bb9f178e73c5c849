"""Certificates for all tests of the web server."""

import ssl

import pytest

from tests.certificates import Certificates, make_certificates
from tests.web.serving import FakeAccess, FakeTls


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


def tls_of(certificates: Certificates) -> FakeTls:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.server, certificates.server_key)
    return FakeTls(context, ssl.create_default_context(cafile=certificates.ca))


@pytest.fixture
def tls(certificates: Certificates) -> FakeTls:
    return tls_of(certificates)


@pytest.fixture(params=["http", "https"])
def access(request: pytest.FixtureRequest) -> FakeAccess:
    """Rules with and without TLS."""
    return FakeAccess(request.getfixturevalue("tls") if request.param == "https" else None)
