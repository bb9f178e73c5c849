"""Which tests stay together on a worker of pytest-xdist, and which begin first."""

import pytest
from xdist.scheduler import LoadScopeScheduling

# A long test that starts late keeps the other workers idle at the end.
LONGEST_FIRST = (
    *("maltreated broker", "tests/integration/test_image.py", "tests/integration/test_chaos.py"),
    "tests/integration/test_deb.py",
    *("tests/windows/test_simulated_day.py", "tests/dashboards/test_panels.py"),
    *("tests/laws/test_queue_calls.py", "tests/simulation/test_first_minute.py"),
    *("tests/integration/test_recorded_calls.py", "tests/recordings/test_disturbed_calls.py"),
    *("tests/integration/test_windows.py", "tests/integration/test_network.py"),
    *("tests/integration/test_cluster.py", "tests/dashboards/test_numbers.py"),
    *("tests/fuzz/test_hostile_traffic.py", "tests/scripts/test_locked_versions.py"),
)
_RANKS = {name: rank for rank, name in enumerate(LONGEST_FIRST)}

# All of these stop, kill and freeze one broker, one after the other.
MALTREATING = ("tests/integration/test_faults.py", "tests/integration/test_broker_faults.py")

# What they build takes longer than their tests.
BUILDING = ("tests/integration/test_deb.py", "tests/integration/test_image.py")


def group_of(nodeid: str) -> str:
    """Return the name of the group of a test; a group runs on one worker.

    The tests of a module share its fixtures, which may be expensive, so they are a group. Tests
    with servers mostly wait, so each of them is a group of its own and runs on any free worker.
    """
    path = nodeid.partition("::")[0]
    if path in MALTREATING:
        return "maltreated broker"
    is_alone = path.startswith("tests/integration/") and path not in BUILDING
    return nodeid if is_alone else path


def sort(items: list[pytest.Item]) -> None:
    """Sort the longest tests first; all others keep their random order."""
    items.sort(key=lambda item: _rank(item.nodeid))


def _rank(nodeid: str) -> int:
    names = (group_of(nodeid), nodeid.partition("::")[0])
    return min(_RANKS.get(name, len(_RANKS)) for name in names)


class Groups(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Gives the next group to the first worker that is free."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)
