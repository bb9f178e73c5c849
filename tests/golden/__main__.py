"""Write the golden files anew."""

import sys

from tests.golden import FOLDER, expositions
from tests.golden.states import STATES, shapes

for name, text in expositions().items():
    (FOLDER / name).write_text(text)

# Whoever has a store of this format must be able to go on with it.
before, after = STATES.read_text(), shapes()
if before != after and before.splitlines()[0] == after.splitlines()[0]:
    sys.exit("States are made of other things now: raise FORMAT in dataflows/snapshot.py first.")
STATES.write_text(after)
