"""The exposition of the corpus is the one that was last looked at, and it is well formed."""

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from tests.golden import FOLDER, expositions
from tests.golden.states import STATES, shapes
from tests.pipeline import OF_AN_API, SPECS
from tests.support import check_metrics

TEXT, OPENMETRICS = "corpus.prom", "corpus.openmetrics"


@pytest.mark.parametrize("name", [TEXT, OPENMETRICS])
def test_the_exposition_is_the_golden_one(name: str) -> None:
    assert expositions()[name] == (FOLDER / name).read_text(), "meant? python -m tests.golden"


def test_both_formats_parse_to_the_same_samples() -> None:
    text, openmetrics = expositions().values()
    in_text = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in parse_text(text)
        for sample in family.samples
    }
    in_openmetrics = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in parse_openmetrics(openmetrics)
        for sample in family.samples
    }
    assert in_text == in_openmetrics
    assert len(in_text) == len([line for line in text.splitlines() if not line.startswith("#")])


def test_every_metric_says_what_it_is() -> None:
    families = {family.name: family for family in parse_openmetrics(expositions()[OPENMETRICS])}
    told = [spec for spec in SPECS if spec.name not in OF_AN_API]
    assert len(families) == len(told)
    for spec in told:
        family = families[spec.name.removesuffix("_total")]
        assert family.type == spec.kind
        assert family.documentation == spec.help
        assert family.samples


def test_states_are_made_of_what_their_format_says() -> None:
    assert shapes() == STATES.read_text(), "meant? raise FORMAT, then python -m tests.golden"


@pytest.mark.promtool
def test_promtool_has_nothing_to_say() -> None:
    assert check_metrics(expositions()[TEXT]) == ""
