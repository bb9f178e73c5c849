#!/bin/sh
# Write dist/sbom.json, the bill of materials (CycloneDX): all that is installed beside the
# exporter, with versions, licences and who needs whom.
set -eu
cd "$(dirname "$0")/.."

venv=$(mktemp -d)
trap 'rm -rf "$venv"' EXIT
trap 'exit 130' INT TERM

# Of an environment with nothing else in it: that of the developers holds their tools too.
.venv/bin/python -m venv --without-pip "$venv"
.venv/bin/python -m pip --python "$venv/bin/python" install --quiet --disable-pip-version-check \
    --no-deps --require-hashes -r requirements.lock
.venv/bin/python -m hatchling build --target wheel --directory "$venv/dist" >/dev/null 2>&1
.venv/bin/python -m pip --python "$venv/bin/python" install --quiet --disable-pip-version-check \
    --no-deps --no-index "$venv"/dist/*.whl
mkdir -p dist
.venv/bin/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible \
    --output-format JSON --output-file dist/sbom.json "$venv/bin/python"
