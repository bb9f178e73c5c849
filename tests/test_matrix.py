"""`make matrix` never calls something passed that was not run."""

from pathlib import Path

import pytest

from tests.matrix import __main__ as matrix
from tests.matrix import combinations, roots
from tests.matrix.combinations import Asterisk, Combination, Python, RabbitMQ, Trial
from tests.roots import entering


def run(monkeypatch: pytest.MonkeyPatch, directory: Path, *arguments: str) -> int:
    monkeypatch.setattr(matrix, "RESULTS", directory)
    monkeypatch.setattr("sys.argv", ["make matrix", *arguments])
    return matrix.main()


def test_a_python_that_is_not_there_is_not_run_and_that_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(matrix, "COMBINATIONS", (Python("3.99"),))
    assert run(monkeypatch, tmp_path) == 1
    table = capsys.readouterr().out
    assert "not run: no python3.99" in table
    assert "passed" not in table.replace("passed failed skipped", "")


@pytest.mark.parametrize("combination", [RabbitMQ("trixie", "quorum"), Asterisk("sid")], ids=str)
def test_a_root_that_cannot_be_made_is_not_run(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    combination: Combination,
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(matrix, "COMBINATIONS", (combination,))
    assert run(monkeypatch, tmp_path) == 1
    assert "not run: needs root, and debootstrap" in capsys.readouterr().out


def test_names_that_match_no_combination_are_a_failure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert run(monkeypatch, tmp_path, "--only", "oracle") == 1


@pytest.mark.parametrize(("asserted", "verdict"), [("True", "passed"), ("False", "failed")])
def test_the_verdict_and_the_counts_are_those_of_pytest(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    asserted: str,
    verdict: str,
) -> None:
    tests = tmp_path / "test_it.py"
    tests.write_text(f"def test_it():\n    assert {asserted}\n")
    trial = Trial("It 1.0", [combinations.PYTHON], [f"{tests}"], directory=tmp_path)
    monkeypatch.setattr(Python, "prepare", lambda *_: trial)
    monkeypatch.setattr(matrix, "COMBINATIONS", (Python("1.0"),))
    assert run(monkeypatch, tmp_path, "--jobs", "1") == (verdict == "failed")
    counts = "1      0" if verdict == "passed" else "0      1"
    assert f"It 1.0{' ' * 38}{counts}" in capsys.readouterr().out


def test_our_own_system_is_entered_by_no_command() -> None:
    assert entering(None, (1, 2), Path("/home")) == []
    assert roots.within(roots.make(roots.HERE), ["python"]) == ["python"]
