"""Write the golden expositions anew."""

from tests.golden import FOLDER, expositions

for name, text in expositions().items():
    (FOLDER / name).write_text(text)
