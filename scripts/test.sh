#!/bin/sh
# Run the tests, with the servers that they need; arguments go to pytest.
# On Debian, as root, this installs missing servers and does not start them. Otherwise it leaves
# out the tests that need them, and the last lines say so; with CI=true that is a failure instead.
set -eu
cd "$(dirname "$0")/.."
. scripts/lib.sh

# Debian has servers in sbin, which is not on the PATH of every user.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export PATH

lacking() {
    packages=
    command -v rabbitmq-server >/dev/null || packages="$packages rabbitmq-server"
    command -v promtool >/dev/null || packages="$packages prometheus"
    command -v prometheus-alertmanager >/dev/null || packages="$packages prometheus-alertmanager"
    command -v prometheus-node-exporter >/dev/null || packages="$packages prometheus-node-exporter"
    command -v buildah >/dev/null || packages="$packages buildah"
    command -v debootstrap >/dev/null || packages="$packages debootstrap"
    command -v systemd-analyze >/dev/null || packages="$packages systemd"
    command -v ip >/dev/null || packages="$packages iproute2"
    command -v chromium >/dev/null || packages="$packages chromium"
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
        prometheus-node-exporter) marker=node_exporter ;;
        buildah | debootstrap) marker=image ;;
        systemd) marker=systemd ;;
        chromium) marker=browser ;;
        # Only two tests need it; they skip themselves and say why.
        iproute2) continue ;;
        *) marker=promtool ;;
        esac
        selection="${selection:+$selection and }not $marker"
    done
    say "test: going on without$packages"
fi

# The tests start several hundred processes. Without compiled modules on disk each process compiles
# them again, which is four fifths of the time that the exporter needs to start.
unset PYTHONDONTWRITEBYTECODE

status=0
# Five at a time, because tests wait for servers most of the time. tests/schedule.py makes groups.
.venv/bin/python -m pytest --numprocesses "${JOBS:-5}" --dist loadscope --no-loadscope-reorder ${selection:+-m "$selection"} "$@" || status=$?
if [ -n "$selection" ]; then
    say "test: left out the tests that need$packages. To run them too: $hint"
fi
exit "$status"
