#!/bin/sh
# The tree's own rules, in one pass over its sources: which folder may include which, which one file speaks to a
# foreign library, which functions nobody calls, and that nobody's home directory is in a file.
# layering.sh [DIRECTORY]; prints what is wrong as file:line: and fails.
set -eu
cd "${1:-.}"

folders='base conda fetch channels solver oci cmd'

# What a folder may include besides itself.
allowed() {
	case $1 in
	base) echo '' ;;
	conda | fetch) echo 'base' ;;
	channels) echo 'conda fetch base' ;;
	solver) echo 'conda base' ;;
	oci) echo 'fetch base' ;;
	cmd) echo 'base conda fetch channels solver oci' ;;
	esac
}

arrows() {
	for from in $folders; do
		[ -d "$from" ] || continue
		for to in $folders; do
			case " $from $(allowed "$from") " in
			*" $to "*) continue ;;
			esac
			grep -rnE --include='*.[ch]' "^[[:space:]]*#[[:space:]]*include[[:space:]]*[<\"](\.\./)*$to/" "$from" |
				sed -E "s|^([^:]*:[0-9]+):.*|\1: $from/ may not include $to/|" || true
		done
		grep -rnE --include='*.[ch]' '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' "$from" |
			grep -vE ":[[:space:]]*#[[:space:]]*include[[:space:]]*\"($(echo "$folders" | tr ' ' '|'))/" |
			sed -E 's|^([^:]*:[0-9]+):.*|\1: an include of ours begins with its folder|' || true
	done
}

# only HEADERS PLACE: includes of <HEADERS...> stand in PLACE alone (a file, or a folder with its slash).
only() {
	# shellcheck disable=SC2086 # $folders is a list
	grep -rnE --include='*.[ch]' "^[[:space:]]*#[[:space:]]*include[[:space:]]*[<\"]($1)" $folders 2>/dev/null |
		grep -v "^$2" | sed -E "s#^([^:]*:[0-9]+):.*[<\"]([^>\"]*)[>\"].*#\1: <\2> is for $2 alone#" || true
}

# never WORDS PLACES WHY: no call of these functions but in PLACES (an expression for grep).
never() {
	# shellcheck disable=SC2086 # $folders is a list
	grep -rnE --include='*.[ch]' "(^|[^_[:alnum:]])($1)[[:space:]]*\(" $folders 2>/dev/null |
		grep -vE "^[^:]*:[0-9]+:[[:space:]]*(/?\*|//)" |
		sed -E 's|/\*.*\*/||; s|"[^"]*"||g' |
		grep -E "(^|[^_[:alnum:]])($1)[[:space:]]*\(" |
		grep -vE "^($2)" |
		sed -E "s#^([^:]*:[0-9]+):.*[^_[:alnum:]]($1)[[:space:]]*\(.*#\1: \2() $3#" || true
}

# Paths of the machine that somebody works on. The words are cut in two so that this file is clean.
machines() {
	git ls-files -z 2>/dev/null | xargs -0 grep -nIE "/ho""me/(user|dev|runner|[a-z]+/(src|work|projects))|/tm""p/wt|/wo""rk/(main|shared)|/Us""ers/" /dev/null |
		sed -E 's|^([^:]*:[0-9]+):.*|\1: has a path of one machine in it|' || true
}

said=$(
	arrows
	only 'zstd|zlib|libdeflate|bzlib|lzma' base/codec.c
	only 'openssl/' base/digest.c
	only 'yaml\.h|jansson' base/doc.c
	only 'archive\.h|archive_entry\.h' base/archive.c
	only 'curl/' fetch/
	only 'solv/' solver/pool\\.c
	never 'strcpy|strcat|sprintf|vsprintf|strncpy|strtok|gets|atoi|atol|atoll|strtol|strtoul|strtoll|strtoull' ' ' 'is banned'
	never 'gmtime|gmtime_r|localtime|localtime_r|mktime|setlocale' ' ' 'is banned: no clock and no locale reach an output'
	never 'getenv|secure_getenv' 'cmd/|oci/login\.c' 'is for cmd/: below it, what is needed is passed'
	never 'printf|fprintf|vfprintf|puts|fputs|perror|exit' 'cmd/|base/log\.c' 'is for cmd/: below it nobody prints or leaves'
	machines
)
if [ -n "$said" ]; then
	printf '%s\n' "$said"
	exit 1
fi
