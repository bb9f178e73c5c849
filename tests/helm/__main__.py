"""Write the golden renderings and the README of the chart, with which its tests compare."""

from tests.chart import CHART
from tests.helm.golden import MATRIX, golden_of, rendering
from tests.helm.readme import README, readme

for values in MATRIX:
    golden_of(values).write_text(rendering(values), encoding="utf-8")
(CHART / README).write_text(readme(), encoding="utf-8")
