"""The same verdict as exporter-toolkit, for its own files and for random ones."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from tests.web.web_configs import (
    CONFIGS,
    DATA,
    DIFFERENCES,
    NEWER,
    OLD_CONFIGS,
    Peer,
    text_of,
    verdict,
)

FILES = sorted(path.name for path in DATA.iterdir() if path.suffix in (".yml", ".yaml"))

# These names say something else: the file is for a client that is refused, or is swapped.
GOOD_BY_TEST = {
    "web_config_auth_clientCAs_missing.bad.yml",
    "web_config_auth_client_san.bad.yaml",
    "web_config_empty.yml",
    "web_config_rate_limiter_nonblocking.yaml",
    "web_config_rate_limiter_one_second.yaml",
}
REFUSED_BY_NAME = {
    "tls_config_noAuth.requireanyclientcert.good.yml": "RequireAnyClientCert",
    "tls_config_noAuth.requireanyclientcertkeyinline.good.yml": "RequireAnyClientCert",
    "web_config_noAuth_allCurves.good.yml": "curve_preferences",
}
"""Good files that Python's TLS cannot obey, and the name that the message must have."""


def is_good_there(name: str) -> bool:
    return name in GOOD_BY_TEST or ".good." in name


@pytest.mark.parametrize("name", FILES)
def test_each_file_of_exporter_toolkit_gets_its_verdict(name: str) -> None:
    access, problem = verdict(DATA / name)
    if name in REFUSED_BY_NAME:
        assert REFUSED_BY_NAME[name] in problem
        assert "Python" in problem
        assert ": write " in problem or ": leave " in problem
    else:
        assert (access is not None) == is_good_there(name), problem


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    peer = Peer(tmp_path_factory.mktemp("peer"))
    yield peer
    peer.close()


@pytest.mark.node_exporter
@pytest.mark.parametrize("name", FILES)
def test_the_table_is_what_the_node_exporter_says(name: str, peer: Peer) -> None:
    content = (DATA / name).read_text()
    knows = not any(key in content for key in NEWER)
    assert peer.accepts(DATA / name) == (is_good_there(name) and knows)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the certificates and keys."""
    folder = tmp_path_factory.mktemp("configs")
    for path in DATA.iterdir():
        if path.name not in FILES:
            (folder / path.name).write_bytes(path.read_bytes())
    return folder


@pytest.mark.node_exporter
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(config=OLD_CONFIGS)
def test_what_is_accepted_here_is_accepted_by_the_node_exporter(
    config: dict[str, Any], peer: Peer, folder: Path
) -> None:
    path = folder / "random.yml"
    path.write_text(text_of(config))
    access, problem = verdict(path)
    if access is not None:
        assert peer.accepts(path)
    elif not any(difference in problem for difference in DIFFERENCES):
        assert not peer.accepts(path), problem


@given(config=CONFIGS)
def test_a_file_is_accepted_or_refused_with_one_line(config: dict[str, Any], folder: Path) -> None:
    path = folder / "random.yml"
    path.write_text(text_of(config))
    access, problem = verdict(path)
    assert (access is None) == bool(problem)
    assert problem.isprintable()
