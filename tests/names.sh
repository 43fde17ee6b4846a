#!/bin/sh
# Every symbol that X/y.c exports begins with "y_", so that a name says where it lives. A module of several files is
# one module: X/y_part.c may export what X/y.h declares as "y_". Other fronts are listed here, file by file.
# names.sh BUILD_DIRECTORY
set -eu
build=${1:?the build directory is missing}

# FILE FRONT...: what a file exports besides its own front.
exceptions='
base/io source_ sink_
base/codec source_ sink_
base/digest hash_ source_ sink_
base/str buf_
channels/repodata rows_
cmd/solve_all kept_
conda/linked prefix_
fetch/item desk_
conda/record index_
solver/solver channel_priority_ solution_ why_kind_
'

fronts() {
	stem=${1##*/}
	echo "$stem"
	while [ "$stem" != "${stem%_*}" ]; do
		stem=${stem%_*}
		[ -e "${1%/*}/$stem.h" ] && echo "$stem"
	done
	printf '%s\n' "$exceptions" | while read -r file more; do
		[ "$file" = "$1" ] && printf '%s\n' "$more" | tr ' ' '\n'
	done
	return 0
}

objects=0
bad=0
for object in "$build"/*/lib*.a.p/*.c.o; do
	[ -e "$object" ] || continue
	objects=$((objects + 1))
	folder=${object#"$build"/}
	folder=${folder%%/*}
	file=$(basename "$object" .c.o)
	pattern=$(fronts "$folder/$file" | sed 's/_$//' | paste -sd'|' -)
	names=$(nm -g --defined-only "$object" | awk '$2 ~ /^[TDBRVWC]$/ { print $3 }' | grep -v '^__' |
		grep -vE "^($pattern)(_|\$)" || true)
	for name in $names; do
		echo "$folder/$file.c: exports $name, expected a name that begins with $(echo "$pattern" | sed 's/|/_, /g')_"
		bad=1
	done
done
if [ "$objects" -eq 0 ]; then
	echo "no objects below $build" >&2
	exit 1
fi
exit "$bad"
