"""Which tests stay together on a worker of pytest-xdist, and which begin first."""

import pytest
from xdist.scheduler import LoadScopeScheduling

# What takes long and begins late is waited for by idle workers.
LONGEST_FIRST = (
    *("maltreated broker", "tests/integration/test_image.py", "tests/integration/test_chaos.py"),
    *("tests/windows/test_simulated_day.py", "tests/dashboards/test_panels.py"),
    *("tests/integration/test_windows.py", "tests/integration/test_network.py"),
    *("tests/integration/test_cluster.py", "tests/dashboards/test_numbers.py"),
    *("tests/fuzz/test_hostile_traffic.py", "tests/scripts/test_locked_versions.py"),
)
_RANKS = {name: rank for rank, name in enumerate(LONGEST_FIRST)}

# One broker is stopped, killed and frozen by all of these, one after the other.
MALTREATING = ("tests/integration/test_faults.py", "tests/integration/test_broker_faults.py")


def group_of(nodeid: str) -> str:
    """Name those that share what takes long to make: the tests of a module share its fixtures.

    Those of servers mostly wait, each for itself, and go where there is room.
    """
    path = nodeid.partition("::")[0]
    if path in MALTREATING:
        return "maltreated broker"
    is_alone = path.startswith("tests/integration/") and path != "tests/integration/test_image.py"
    return nodeid if is_alone else path


def sort(items: list[pytest.Item]) -> None:
    """Put first what takes longest; what is equal keeps its order, which is random."""
    items.sort(key=lambda item: _rank(item.nodeid))


def _rank(nodeid: str) -> int:
    names = (group_of(nodeid), nodeid.partition("::")[0])
    return min(_RANKS.get(name, len(_RANKS)) for name in names)


class Groups(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Gives whole groups to whoever is free."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)
