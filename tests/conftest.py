"""What all tests share: how thoroughly hypothesis searches, and an environment of no settings."""

import logging
import os
import signal
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import HealthCheck, settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from exporter.settings import PREFIX
from tests import schedule

_SLOW_ENOUGH = (HealthCheck.too_slow,)

# In CI a run decides over a change, so it must not depend on luck; elsewhere, every run may find
# something new. Deadlines measure the machine, not the program.
settings.register_profile(
    "default",
    deadline=None,
    max_examples=50,
    suppress_health_check=_SLOW_ENOUGH,
    # One bug at a time: looking for more after the first takes minutes.
    report_multiple_bugs=False,
)
settings.register_profile(
    "ci",
    settings.get_profile("default"),
    derandomize=True,
    print_blob=True,
)
settings.register_profile("thorough", settings.get_profile("default"), max_examples=1000)

_is_ci = os.environ.get("CI", "").lower() in {"1", "true"}
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if _is_ci else "default"))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start with the longest tests."""
    schedule.sort(items)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling | None:
    """Let tests/schedule.py make the groups; xdist's groups by marks fail with this pytest."""
    return schedule.Groups(config, log) if config.getvalue("dist") == "loadscope" else None


@pytest.fixture(autouse=True)
def _signals_of_the_tests() -> Iterator[None]:
    """Let no test leave signals blocked: the programs that later tests start would inherit that."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    yield
    signal.pthread_sigmask(signal.SIG_SETMASK, before)


@pytest.fixture
def no_settings_of_the_developer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget what the environment of whoever runs the tests sets for the exporter."""
    for name in list(os.environ):
        if name.startswith(PREFIX):
            monkeypatch.delenv(name)


@pytest.fixture
def restored_logging() -> Iterator[None]:
    """Let a test start the program, which sets up logging for its process."""
    names = ("", "exporter", "dataflows")
    levels = {name: logging.getLogger(name).level for name in names}
    handlers = logging.getLogger().handlers[:]
    yield
    logging.getLogger().handlers = handlers
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    structlog.reset_defaults()
