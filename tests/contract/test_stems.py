"""One subject, one stem: a subsystem is the same word everywhere."""

from pathlib import Path

import pytest

from dataflows import subsystems
from dataflows.subsystem import Subsystem
from dataflows.subsystems import METRICS, SUBSYSTEMS
from tests import corpus
from tests.support import REPOSITORY

FOLDER = Path(subsystems.__file__).parent
# The exporter's account of itself is no slice of the bus.
OWN = "deliveries"
# Words that the contract of the metrics fixes otherwise than by the stem.
OTHER_WORDS = {
    OWN: ("exporter",),
    "bus": ("bus", "origin", "exporter_window_start"),
    "queue_calls": ("queue",),
    "calls": ("calls", "call_legs", "conversations", "conversation", "missed_calls"),
    "parking": ("parked",),
}


def by_name(subsystem: Subsystem) -> str:
    return subsystem.name


def test_names_of_subsystems_and_metrics_are_unique() -> None:
    names = [subsystem.name for subsystem in SUBSYSTEMS]
    assert len(set(names)) == len(names)
    metrics = [spec.name for spec in METRICS]
    assert len(set(metrics)) == len(metrics)


def test_every_module_is_a_subsystem_or_part_of_one() -> None:
    names = {subsystem.name for subsystem in SUBSYSTEMS}
    modules = {path.stem for path in FOLDER.glob("*.py")} - {"__init__"}
    assert names <= modules
    assert {module.split("_events")[0] for module in modules} == names


@pytest.mark.parametrize("subsystem", SUBSYSTEMS, ids=by_name)
def test_a_subsystem_has_a_module_tests_and_a_corpus(subsystem: Subsystem) -> None:
    assert (FOLDER / f"{subsystem.name}.py").is_file()
    assert (REPOSITORY / "tests" / "subsystems" / f"test_{subsystem.name}.py").is_file()
    has_corpus = bool(corpus.names(subsystem.name))
    assert has_corpus == bool(subsystem.decoders)


@pytest.mark.parametrize("subsystem", SUBSYSTEMS, ids=by_name)
def test_a_module_begins_with_the_question_it_answers(subsystem: Subsystem) -> None:
    text = (FOLDER / f"{subsystem.name}.py").read_text()
    first = text.partition("\n")[0].removeprefix('"""')
    assert subsystem.question.endswith("?")
    assert first.startswith(subsystem.question.removesuffix("?")) or "?" in first
    assert "Trouble:" in text or subsystem.name == OWN


@pytest.mark.parametrize("subsystem", SUBSYSTEMS, ids=by_name)
def test_the_second_word_of_a_metric_is_its_subsystem(subsystem: Subsystem) -> None:
    stem = subsystem.name.removesuffix("s")
    words = OTHER_WORDS.get(subsystem.name, (stem, f"{stem}s"))
    for spec in subsystem.metrics:
        rest = spec.name.removeprefix("xivo_")
        assert any(rest == word or rest.startswith(f"{word}_") for word in words), spec.name


def test_test_files_and_corpus_folders_are_of_subsystems() -> None:
    names = {subsystem.name for subsystem in SUBSYSTEMS}
    tests = (REPOSITORY / "tests" / "subsystems").glob("test_*.py")
    stems = {path.stem.removeprefix("test_") for path in tests}
    assert names <= stems
    assert all(any(stem.startswith(name) for name in names) for stem in stems)
    folders = {path.name for path in corpus.FOLDER.iterdir() if any(path.glob("*.json"))}
    assert folders <= names | {"asterisk", "channels", "configuration", "unused", "rejected"}


def test_modules_stay_readable() -> None:
    for path in FOLDER.parent.rglob("*.py"):
        assert len(path.read_text().splitlines()) <= 250, path
