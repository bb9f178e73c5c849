"""Write the golden files."""

import sys

from tests.golden import FOLDER, expositions
from tests.golden.states import STATES, shapes

for name, text in expositions().items():
    (FOLDER / name).write_text(text)

# A recovery store of an unchanged format must stay readable.
before, after = STATES.read_text(), shapes()
if before != after and before.splitlines()[0] == after.splitlines()[0]:
    sys.exit("The attributes of states changed. Increase FORMAT in dataflows/snapshot.py first.")
STATES.write_text(after)
