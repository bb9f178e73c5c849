#!/bin/sh
# Make .venv hold what a lock file says, and do nothing when it already does.
#   setup.sh run   what the exporter needs to run
#   setup.sh dev   that, and the tools of its developers
# PYTHON names the interpreter; without it, the first suitable one on the path.
set -eu
cd "$(dirname "$0")/.."
. scripts/lib.sh

supported() {
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null
}

find_python() {
    for candidate in ${PYTHON:-python3 python3.12 python3.11}; do
        if supported "$candidate"; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    return 1
}

version_of() { "$1" -c 'import platform; print(platform.python_version())' 2>/dev/null || :; }

if ! python=$(find_python); then
    [ -z "${PYTHON:-}" ] || die "setup: PYTHON=$PYTHON is not a Python 3.11 or 3.12"
    if ! command -v python3 >/dev/null && may_apt && apt_install python3 python3-venv; then
        python=$(find_python) || :
    fi
    [ -n "${python:-}" ] || die "setup: Python 3.11 or 3.12 is needed: install it and name it, as in" \
        "make setup PYTHON=python3.12 (Debian 12: apt-get install python3 python3-venv)"
fi
version=$(version_of "$python")

# A venv of another Python (or of one that was removed) cannot be repaired, only made anew.
if [ "$(version_of .venv/bin/python)" != "$version" ] || [ ! -x .venv/bin/pip ]; then
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        # Debian splits venv off, into a package named after the very interpreter.
        package=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
        if ! may_apt || ! apt_install "$package"; then
            die "setup: this Python cannot make virtual environments: apt-get install $package"
        fi
    fi
    say "setup: new .venv with Python $version"
    rm -rf .venv
    "$python" -m venv .venv
fi

fingerprint() { sha256sum "$1" | cut -d ' ' -f 1; }

# True if the stamp of $1 says that $2 is installed.
installed() { [ "$(cat ".venv/.stamp-$1" 2>/dev/null)" = "$(fingerprint "$2")" ]; }

install() {
    say "setup: installing $2"
    rm -f .venv/.stamp-*
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes \
        -r "$2" || die "setup: could not install $2 (see above)"
    fingerprint "$2" >".venv/.stamp-$1"
}

case "${1:-}" in
run)
    # The developers' lock holds the same versions and more; `make lock` keeps it so.
    installed dev requirements-dev.lock || installed run requirements.lock ||
        install run requirements.lock
    ;;
dev) installed dev requirements-dev.lock || install dev requirements-dev.lock ;;
*) die "usage: setup.sh run|dev" ;;
esac
