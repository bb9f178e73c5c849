# Functions that the other scripts share; they source this file.

say() { printf '%s\n' "$@" >&2; }

die() {
    say "$@"
    exit 1
}

may_apt() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }

# Install Debian packages without letting any of them start its daemon.
apt_install() {
    say "installing Debian packages: $*"
    policy=
    if [ ! -e /usr/sbin/policy-rc.d ]; then
        policy=/usr/sbin/policy-rc.d
        trap 'rm -f "$policy"' EXIT
        trap 'exit 130' INT TERM
        # invoke-rc.d reads status 101 as "action forbidden".
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 755 "$policy"
    fi
    status=0
    { apt-get -qq update && DEBIAN_FRONTEND=noninteractive \
        apt-get -qq -y --no-install-recommends install "$@"; } </dev/null >/dev/null || status=$?
    [ -z "$policy" ] || rm -f "$policy"
    return "$status"
}
