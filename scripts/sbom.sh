#!/bin/sh
# Write dist/sbom.json, the bill of materials (CycloneDX): the exporter and everything that is
# installed with it, with versions, licences and dependencies.
set -eu
cd "$(dirname "$0")/.."

venv=$(mktemp -d)
trap 'rm -rf "$venv"' EXIT
trap 'exit 130' INT TERM

# In an environment with nothing else in it, because .venv contains the developers' tools too.
.venv/bin/python -m venv --without-pip "$venv"
.venv/bin/python -m pip --python "$venv/bin/python" install --quiet --disable-pip-version-check \
    --no-deps --require-hashes -r requirements.lock
.venv/bin/python -m hatchling build --target wheel --directory "$venv/dist" >/dev/null 2>&1
.venv/bin/python -m pip --python "$venv/bin/python" install --quiet --disable-pip-version-check \
    --no-deps --no-index "$venv"/dist/*.whl
mkdir -p dist
.venv/bin/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible \
    --output-format JSON --output-file dist/sbom.json "$venv/bin/python"
