#!/bin/sh
# Build the Debian package, dist/xivo-exporter_VERSION_ARCHITECTURE.deb, for Debian 12 and the
# architecture of this machine. The same commit gives the same bytes: no file has a time stamp, an
# owner or a path of this machine.
#   deb.sh [DIRECTORY]   writes it into another directory
set -eu
cd "$(dirname "$0")/.."
. scripts/lib.sh

python=/usr/bin/python3.11
[ -x "$python" ] || die "deb: needs Debian 12, with $python: apt-get install python3.11"
command -v dpkg-deb >/dev/null || die "deb: needs dpkg-deb: apt-get install dpkg"

version=$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' exporter/__init__.py)
# Debian sorts 1.0~rc1 before 1.0, as Python sorts 1.0rc1.
version=$(echo "$version" | sed -E 's/\.?(a|b|rc|dev)([0-9]+)$/~\1\2/')
architecture=$(dpkg --print-architecture)
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null || echo 0)
export SOURCE_DATE_EPOCH
# Sets have the same order in the bytecode of each build.
export PYTHONHASHSEED=0
umask 022

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
root=$work/root
home=/opt/xivo-exporter
share=$root/usr/share

# A virtual environment, without what only its users need: pip, scripts of libraries, activation.
mkdir -p "$root$home/bin"
ln -s "$python" "$root$home/bin/python"
cat >"$root$home/pyvenv.cfg" <<END
home = /usr/bin
include-system-site-packages = false
version = 3.11
END
say "deb: installing requirements.lock for $("$python" --version)"
pip() {
    .venv/bin/python -m pip --python "$root$home/bin/python" install --quiet --no-compile \
        --disable-pip-version-check --no-warn-script-location --no-deps "$@"
}
# The lock is complete; a pip that resolves can ignore a pin (docs/adr/0022-pip-without-resolver.md).
pip --require-hashes --only-binary :all: -r requirements.lock
.venv/bin/python -m hatchling build --target wheel --directory "$work" >/dev/null 2>&1
pip --no-index "$work"/*.whl
find "$root$home/bin" -type f ! -name xivo-exporter -delete
sed -i "1s|.*|#!$home/bin/python|" "$root$home/bin/xivo-exporter"
# They have paths of this machine, or hashes of files that have changed. dpkg has hashes of its own.
find "$root$home" \( -name RECORD -o -name direct_url.json -o -name REQUESTED \) -delete
rm -rf "$root$home/include" "$root$home/lib64" "$root$home/share"
# The program cannot write bytecode. It is not compared with its source, which has the same package.
"$python" -m compileall -q -s "$root" -p / --invalidation-mode unchecked-hash "$root$home/lib"

# What belongs to the system.
install -D -m 644 packaging/config.toml "$root/etc/xivo-exporter/config.toml"
install -D -m 644 packaging/xivo-exporter.service "$root/lib/systemd/system/xivo-exporter.service"
install -d "$root/usr/bin" "$share/xivo-exporter/dashboards" "$share/doc/xivo-exporter"
ln -s "$home/bin/xivo-exporter" "$root/usr/bin/xivo-exporter"
cp packaging/config.schema.json "$share/xivo-exporter"
cp -R dashboards/alerts "$share/xivo-exporter"
cp dashboards/*.json "$share/xivo-exporter/dashboards"
cp -R dashboards/fr "$share/xivo-exporter/dashboards"
.venv/bin/python -m scripts.shell_pages "$share"
cp packaging/deb/copyright "$share/doc/xivo-exporter"
cp CHANGELOG.md "$share/doc/xivo-exporter/NEWS"
cat >"$share/doc/xivo-exporter/changelog" <<END
xivo-exporter ($version) bookworm; urgency=medium

  * The changes of each version are in NEWS.gz.

 -- Developers of xivo-exporter <xivo-exporter@localhost>  $(LC_ALL=C date -u -R -d "@$SOURCE_DATE_EPOCH")
END
gzip -9n "$share/doc/xivo-exporter/changelog" "$share/doc/xivo-exporter/NEWS" \
    "$share/man/man1/xivo-exporter.1"
install -D -m 644 packaging/deb/lintian-overrides "$share/lintian/overrides/xivo-exporter"

# What dpkg wants to know.
chmod -R u=rwX,go=rX "$root"
size=$(find "$root" -type f -printf '%s\n' | awk '{ kib += int(($1 + 1023) / 1024) } END { print kib }')
install -d "$root/DEBIAN"
install -m 755 packaging/deb/postinst packaging/deb/prerm packaging/deb/postrm "$root/DEBIAN"
sed "s/@VERSION@/$version/; s/@ARCHITECTURE@/$architecture/; s/@SIZE@/$size/" \
    packaging/deb/control >"$root/DEBIAN/control"
echo /etc/xivo-exporter/config.toml >"$root/DEBIAN/conffiles"
(cd "$root" && find . -path ./DEBIAN -prune -o -type f -printf '%P\0' | LC_ALL=C sort -z |
    xargs -0 md5sum >DEBIAN/md5sums)
if grep -rlF -e "$work" -e "$PWD" "$root"; then
    die "deb: these files name a path of this machine"
fi
find "$root" -exec touch --no-dereference --date "@$SOURCE_DATE_EPOCH" {} +

target=${1:-dist}
mkdir -p "$target"
deb=$target/xivo-exporter_${version}_${architecture}.deb
# Compressed by xz, unless DPKG_DEB_COMPRESSOR_TYPE says otherwise: tests need not wait for that.
dpkg-deb --root-owner-group --build "$root" "$deb" >/dev/null
say "deb: $deb"
