"""What a check found: a finding for everything that was tried, and the result of all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Result(StrEnum):
    """How a check ended."""

    GOOD = "good"
    WARNING = "warning"
    FAILED = "failed"
    NOT_TRIED = "not_tried"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found out about one thing.

    Attributes:
        subject: Where it was tried, such as `bus default, amqp://pbx.example.com:5672`.
        check: What was tried, such as `login`; unique for the subject.
        result: How it ended.
        detail: What was found, or why it was not tried. It has no secret. It may contain text from
            outside, and so anything unprintable.
        advice: What to do; empty if there is nothing to do.
    """

    subject: str
    check: str
    result: Result
    detail: str
    advice: str = ""


class Findings:
    """The findings about one subject, in the order in which they are planned.

    A check that is planned and has no result was not tried, because of the first one that failed.

    Args:
        subject: See `Finding`.
        planned: The checks, in the order in which they are shown.

    Attributes:
        is_interrupted: Whether the checks were ended early.
    """

    def __init__(self, subject: str, planned: Iterable[str]) -> None:
        self.subject = subject
        self.is_interrupted = False
        self._planned = [*planned]
        self._found: dict[str, Finding] = {}

    def good(self, check: str, detail: str) -> None:
        """Note that something is as it should be."""
        self._note(check, Result.GOOD, detail)

    def warn(self, check: str, detail: str, advice: str) -> None:
        """Note that something works, but needs a look."""
        self._note(check, Result.WARNING, detail, advice)

    def fail(self, check: str, detail: str, advice: str) -> None:
        """Note that something does not work."""
        self._note(check, Result.FAILED, detail, advice)

    def fail_next(self, detail: str, advice: str) -> None:
        """Note that the check that is under way does not work."""
        check = next((each for each in [*self._planned] if each not in self._found), None)
        if check is not None:
            self.fail(check, detail, advice)

    def skip(self, check: str, reason: str) -> None:
        """Note that something cannot be tried."""
        self._note(check, Result.NOT_TRIED, reason)

    def plan(self, checks: Iterable[str]) -> None:
        """Add checks after those that are planned."""
        self._planned += checks

    @property
    def has_failed(self) -> bool:
        """Whether anything has failed so far."""
        return self._first_failed is not None

    def result_of(self, check: str) -> Result:
        """Return how a check ended."""
        found = self._found.get(check)
        return Result.NOT_TRIED if found is None else found.result

    def all(self) -> list[Finding]:
        """Return all findings, in order."""
        reason = "interrupted" if self.is_interrupted else f"{self._first_failed} must work first"
        return [
            self._found.get(check) or Finding(self.subject, check, Result.NOT_TRIED, reason)
            for check in self._planned
        ]

    @property
    def _first_failed(self) -> str | None:
        return next((check for check in self._planned if self._is_failed(check)), None)

    def _is_failed(self, check: str) -> bool:
        return self.result_of(check) is Result.FAILED

    def _note(self, check: str, result: Result, detail: str, advice: str = "") -> None:
        if check not in self._planned:
            self._planned.append(check)
        self._found[check] = Finding(self.subject, check, result, detail, advice)


def counts(findings: Sequence[Finding]) -> Counter[Result]:
    """Return how many findings have each result."""
    return Counter(finding.result for finding in findings)


def result(findings: Sequence[Finding]) -> Result:
    """Return the result of all: failed if anything failed, else warning if anything warns."""
    found = counts(findings)
    return next((each for each in (Result.FAILED, Result.WARNING) if found[each]), Result.GOOD)
