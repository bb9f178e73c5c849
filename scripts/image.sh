#!/bin/sh
# Build the image with podman, buildah or docker: the first that is installed, or BUILDER.
#   image.sh [OPTION...]   options go to its build command, as in --build-arg BASE=…
# IMAGE names it; the tag is the version.
set -eu
cd "$(dirname "$0")/.."
. scripts/lib.sh

for builder in ${BUILDER:-podman buildah docker} ''; do
    [ -n "$builder" ] || die "image: podman, buildah or docker is needed: apt-get install buildah"
    if command -v "$builder" >/dev/null; then break; fi
done

version=$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' exporter/__init__.py)
revision=$(git rev-parse HEAD 2>/dev/null || echo unknown)
# The same commit gives the same image: all time stamps in it are that of the commit.
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null || echo 0)
export SOURCE_DATE_EPOCH

case $builder in
# Docker's own format, because the OCI format has no health check.
podman | buildah) set -- --format docker --timestamp "$SOURCE_DATE_EPOCH" "$@" ;;
esac
say "image: $builder builds ${IMAGE:-xivo-exporter}:$version"
exec "$builder" build "$@" --file Containerfile --tag "${IMAGE:-xivo-exporter}:$version" \
    --build-arg "VERSION=$version" --build-arg "REVISION=$revision" .
