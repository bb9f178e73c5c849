#!/bin/sh
# Write the lock files from pyproject.toml; `lock.sh --upgrade` takes newer versions.
# Only packages with wheels: an installation compiles nothing, and so needs no build tools.
# They contain hashes and no addresses: an installation uses the index that pip is configured for.
set -eu
cd "$(dirname "$0")/.."
. scripts/lib.sh

compile() {
    output=$1
    shift
    .venv/bin/uv pip compile "$@" --quiet --only-binary :all: --universal --python-version 3.11 \
        --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links \
        --output-file "$output" >/dev/null
}

compile requirements.lock pyproject.toml "$@"
compile requirements-dev.lock pyproject.toml --group dev --constraint requirements.lock "$@"
compile requirements-build.lock --group build --constraint requirements-dev.lock "$@"
if grep -n '://' requirements*.lock; then
    die "lock: the lock files must not contain addresses"
fi
