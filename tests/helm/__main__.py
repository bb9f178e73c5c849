"""Write what the tests of the chart compare with: golden renderings, and the chart's README."""

from tests.chart import CHART
from tests.helm.golden import MATRIX, golden_of, rendering
from tests.helm.readme import README, readme

for values in MATRIX:
    golden_of(values).write_text(rendering(values), encoding="utf-8")
(CHART / README).write_text(readme(), encoding="utf-8")
