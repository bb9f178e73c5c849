"""What was not tried says why, and one failure decides."""

from exporter.checks.report import Finding, Findings, Result, result


def results(findings: Findings) -> list[tuple[str, str]]:
    return [(each.check, each.result) for each in findings.all()]


def test_what_depends_on_a_failed_check_is_not_tried_and_says_why() -> None:
    findings = Findings("bus", ("name", "TCP", "login"))
    findings.good("name", "found")
    findings.fail("TCP", "refused", "start it")
    assert results(findings) == [("name", "good"), ("TCP", "failed"), ("login", "not_tried")]
    assert findings.all()[2].detail == "TCP must work first"


def test_a_later_finding_replaces_an_earlier_one() -> None:
    findings = Findings("bus", ("exchange",))
    findings.good("exchange", "it exists")
    findings.fail("exchange", "nothing comes", "set another one")
    assert results(findings) == [("exchange", "failed")]


def test_a_check_that_was_not_planned_comes_last() -> None:
    findings = Findings("bus", ("name",))
    findings.fail("check", "internal error", "report it")
    assert results(findings) == [("name", "not_tried"), ("check", "failed")]


def test_the_result_of_all_is_the_worst() -> None:
    def of(*found: Result) -> Result:
        return result([Finding("s", "c", each, "d") for each in found])

    assert of(Result.GOOD, Result.NOT_TRIED) is Result.GOOD
    assert of(Result.GOOD, Result.WARNING) is Result.WARNING
    assert of(Result.WARNING, Result.FAILED, Result.GOOD) is Result.FAILED
