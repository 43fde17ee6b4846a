#!/bin/sh
# Build condaimg from the sources beside this script, and install it below a directory (default: /usr/local). On Debian and
# Ubuntu what it is built with is installed, too.
set -eu

source=$(cd "$(dirname "$0")/.." && pwd)
prefix=${1:-/usr/local}
build=$(mktemp -d)
trap 'rm -rf "$build"' EXIT

if command -v dpkg-query >/dev/null; then
	"$source/tools/install-packages" build
fi
meson setup --buildtype=release -Dtests=false --prefix "$prefix" "$build" "$source" >"$build/log" 2>&1 || {
	cat "$build/log" >&2
	exit 1
}
ninja -C "$build" >"$build/log" 2>&1 || {
	tail -n 40 "$build/log" >&2
	exit 1
}
meson install -C "$build" --no-rebuild --quiet
