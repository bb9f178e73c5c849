#!/bin/sh
# Run the tests, with the servers they need; arguments go to pytest.
# On Debian, root gets missing servers installed (never started). Elsewhere the tests that need
# them are left out, and the last lines say so; with CI=true that is a failure instead.
set -eu
cd "$(dirname "$0")/.."
. scripts/lib.sh

# Debian keeps servers in sbin, which is not on everybody's path.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export PATH

lacking() {
    packages=
    command -v rabbitmq-server >/dev/null || packages="$packages rabbitmq-server"
    command -v promtool >/dev/null || packages="$packages prometheus"
    command -v prometheus-alertmanager >/dev/null || packages="$packages prometheus-alertmanager"
    command -v buildah >/dev/null || packages="$packages buildah"
    command -v debootstrap >/dev/null || packages="$packages debootstrap"
    command -v systemd-analyze >/dev/null || packages="$packages systemd"
    command -v ip >/dev/null || packages="$packages iproute2"
    [ -n "$packages" ]
}

if lacking && may_apt; then
    # shellcheck disable=SC2086  # a list of words
    apt_install $packages || say "test: apt-get could not install:$packages"
fi

selection=
if lacking; then
    hint="apt-get install --no-install-recommends$packages"
    [ "${CI:-}" != true ] || die "test: servers are missing: $hint"
    for package in $packages; do
        case $package in
        rabbitmq-server) marker=integration ;;
        prometheus-alertmanager) marker=alertmanager ;;
        buildah | debootstrap) marker=image ;;
        systemd) marker=systemd ;;
        # Two tests among others, which say so themselves.
        iproute2) continue ;;
        *) marker=promtool ;;
        esac
        selection="${selection:+$selection and }not $marker"
    done
    say "test: going on without$packages"
fi

# Where it is forbidden to keep compiled modules, each of some hundred processes compiles them anew,
# which takes four fifths of the start of the exporter.
unset PYTHONDONTWRITEBYTECODE

status=0
# Four at a time: much of it is waiting for servers. Groups are those of tests/schedule.py.
.venv/bin/python -m pytest --numprocesses "${JOBS:-4}" --dist loadscope --no-loadscope-reorder ${selection:+-m "$selection"} "$@" || status=$?
if [ -n "$selection" ]; then
    say "test: left out the tests that need$packages. To run them too: $hint"
fi
exit "$status"
