#!/bin/sh
# Install exactly what a lock file lists into .venv; do nothing if that is already installed.
#   setup.sh run   what the exporter needs to run
#   setup.sh dev   the same, and the tools of its developers
# PYTHON names the interpreter; by default it is the first suitable one on the PATH, else that of the
# present .venv.
set -eu
cd "$(dirname "$0")/.."
. scripts/lib.sh

is_supported() {
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null
}

find_python() {
    if [ -n "${PYTHON:-}" ]; then
        set -- "$PYTHON"
    else
        set -- python3 python3.12 python3.11 \
            "$(.venv/bin/python -c 'import sys; print(sys._base_executable)' 2>/dev/null)"
    fi
    for python in "$@"; do
        if is_supported "$python"; then return; fi
    done
    found=$("$1" --version 2>/dev/null) || found="not a Python interpreter"
    die "setup: $1 is $found, but Python 3.11 or 3.12 is needed: use PYTHON=, uv or the image
  another Python of this machine:   make demo PYTHON=/path/to/python3.12
  a Python that uv downloads:       uv python install 3.12 && make demo PYTHON=\"\$(uv python find 3.12)\"
  the image, with its own Python:   make image, then docs/install.md"
}

if [ -z "${PYTHON:-}" ] && ! command -v python3 >/dev/null && may_apt; then
    apt_install python3 python3-venv || :
fi
find_python

# Identifies the content of .venv: this Python, and the lines of a lock file.
stamp_of() { { "$python" -VV && cat "$1"; } | sha256sum; }

has() {
    [ "$(cat .venv/.stamp 2>/dev/null)" = "$(stamp_of "$1")" ] && .venv/bin/python -c '' 2>/dev/null
}

case "${1:-}" in
run) lock=requirements.lock ;;
dev) lock=requirements-dev.lock ;;
*) die "usage: setup.sh run|dev" ;;
esac
# The developers' lock contains everything that the program needs, in the same versions.
if has "$lock" || has requirements-dev.lock; then exit 0; fi

if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    # Debian ships venv in a separate package, named after the interpreter.
    package=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    if ! may_apt || ! apt_install "$package"; then
        die "setup: $python cannot create virtual environments: apt-get install $package"
    fi
fi
say "setup: installing $lock into a new .venv with $("$python" --version)"
rm -rf .venv
"$python" -m venv .venv
# The lock is complete, so pip must not resolve. If it resolves, an old pip ignores the locked
# version of a package that another one requires with an extra, and takes the newest.
export PIP_DISABLE_PIP_VERSION_CHECK=1
# Some settings of pip would install elsewhere, or nothing.
export PIP_USER=0
unset PIP_DRY_RUN PIP_PREFIX PIP_ROOT PIP_TARGET
.venv/bin/python -m pip install --quiet --no-deps --require-hashes --only-binary :all: -r "$lock" ||
    die "setup: could not install $lock (see above)"
missing=$(.venv/bin/python -m pip check) || die "$missing" "setup: $lock is not complete (see above)"
stamp_of "$lock" >.venv/.stamp
