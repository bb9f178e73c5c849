"""The rooms of `exporter/`: each has its tests in a folder of the same name."""

from pathlib import Path

import pytest

from tests.support import REPOSITORY

SHELL = REPOSITORY / "exporter"
TESTS = REPOSITORY / "tests"
ROOMS = sorted(path.parent.name for path in SHELL.glob("*/__init__.py"))


def modules(folder: Path) -> set[str]:
    return {path.stem for path in folder.glob("*.py")} - {"__init__", "__main__"}


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_says_what_it_is_for_and_has_tests_of_its_own(room: str) -> None:
    first = (SHELL / room / "__init__.py").read_text(encoding="utf-8").partition("\n")[0]
    assert first.startswith('"""')
    assert list((TESTS / room).glob("test_*.py"))


def test_no_module_of_a_room_has_its_tests_outside_of_that_room() -> None:
    outside = {path.stem.removeprefix("test_") for path in TESTS.glob("test_*.py")}
    of_rooms = {module for room in ROOMS for module in modules(SHELL / room)}
    of_core = modules(REPOSITORY / "dataflows")
    assert not outside & (of_rooms | of_core)


def test_beside_the_rooms_stands_only_what_belongs_to_all_of_them() -> None:
    assert modules(SHELL) == {"clock", "logs", "signals", "systemd"}
