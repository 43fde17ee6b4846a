#!/bin/bash
# Every command of the pages that are for people who come from elsewhere, run, and its output compared with the page's.
# Usage: docs.sh CONDAIMG [--update] [PAGE...]
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/registry-lib.sh
. "$root/tests/e2e/registry-lib.sh"
need git bwrap
[ "$(id -u)" = 0 ] || skip "to be other users in a container takes root"
embedded_channel

registry registry
export REGISTRY=$host

# conda-forge is what the tests have.
unset CONDAIMG_CONDARC
mkdir channels
mv "$channel" channels/conda-forge
printf 'channel_alias: file://%s/channels\n' "$work" >"$HOME/.condarc"
export ROOT=$root
export GIT_CONFIG_GLOBAL=$work/gitconfig GIT_CONFIG_NOSYSTEM=1
git config --global user.name me
git config --global user.email me@example.org
git config --global init.defaultBranch main

shift || true
update=()
if [ "${1:-}" = --update ]; then
	update=(--update)
	shift
fi
if [ $# = 0 ]; then
	set -- "$root"/docs/coming-from/*.md
	for page in binderhub ci kubernetes begin airgap app inspect json layer-cache registry sbom verify work-on-images; do
		set -- "$@" "$root/docs/$page.md"
	done
fi
python3 "$root/tests/e2e/docs.py" "${update[@]}" "$work" "$condaimg" "$@"
