"""What all tests share: how thoroughly hypothesis searches, and an environment of no settings."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from exporter.settings import PREFIX

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

_HERE = Path(__file__).parent

_LONGEST_FIRST = (
    *("maltreated broker", "test_image.py", "test_chaos.py", "test_panels.py"),
    *("test_simulated_day.py", "test_cluster.py", "test_windows.py", "test_network.py"),
    *("test_hostile_traffic.py", "test_numbers.py", "test_locked_versions.py"),
)
"""Groups and modules. What takes long and begins late is waited for by idle workers."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say what stays together on a worker, and what begins first."""
    for item in items:
        if group := _group(item):
            item.add_marker(pytest.mark.xdist_group(group))
    ranks = {name: rank for rank, name in enumerate(_LONGEST_FIRST)}

    def rank(item: pytest.Item) -> int:
        return ranks.get(_group(item), ranks.get(item.path.name, len(ranks)))

    # What is equal keeps its order, which is random.
    items.sort(key=rank)


def _group(item: pytest.Item) -> str:
    """Name those that share something that takes long to make; the others go where there is room.

    Tests of a module share its fixtures. Those in `integration` mostly wait, each for itself.
    """
    if "victim_node" in getattr(item, "fixturenames", ()):
        return "maltreated broker"
    is_alone = item.path.is_relative_to(_HERE / "integration") and item.path.name != "test_image.py"
    return "" if is_alone else f"{item.path.relative_to(_HERE)}"


@pytest.fixture
def no_settings_of_the_developer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget what the environment of whoever runs the tests sets for the exporter."""
    for name in list(os.environ):
        if name.startswith(PREFIX):
            monkeypatch.delenv(name)
