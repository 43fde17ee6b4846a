#!/bin/bash
# What conda's configuration on a machine does to a lock and an image, and what it does not.
# Usage: config.sh CONDAIMG
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need jq python3 zstd
unset CONDAIMG_CONDARC

cat >make.py <<'END'
import sys
sys.path.insert(0, sys.argv[1])
from make_channel import Channel, File
for name, version in ("main", "1"), ("extra", "2"), ("other", "3"):
    c = Channel(name)
    c.add("thing", File("thing", version.encode()), version=version, index={"version": version}, record={"version": version})
    c.add("only-" + name, File(name, b"x"))
    c.finish()
END
PYTHONDONTWRITEBYTECODE=1 python3 make.py "$root/tests/e2e"
common=(--libc none --cache-dir cache --platform linux-64)
run() { "$condaimg" "$@" "${common[@]}"; }
env_file() { printf 'name: app\n%sdependencies: [%s]\n' "${2:+channels: [$2]
}" "$1" >env.yml; }
rc() { mkdir -p "$(dirname "$1")"; cat >"$1"; }
locked() { sed -nE 's/^  url: file:.*\/([a-z]+)\/(noarch|linux-64)\/(.*)\.(conda|tar\.bz2)$/\1:\3/p' conda-lock.yml | tr '\n' ' '; }
want_locked() { [ "$(locked)" = "$1" ] || fail "locked: $(locked), expected $1"; }

say "conda's search path, later before earlier; variables before files"
rc "$HOME/.condarc" <<<"channels: [$work/extra]"
rc "$HOME/.config/conda/condarc.d/50-x.yml" <<<"channels: [$work/other]"
rc "$HOME/.config/conda/condarc.d/README" <<<"channels: [no]"
rc prefix/.condarc <<<"channel_priority: strict"
export CONDA_PREFIX=$work/prefix
expect_exit 0 "$condaimg" config
grep -A2 '^channels:' stdout | grep -q "extra  .*# ~/.condarc:1" || fail "$(cat stdout)"
grep -q "^  - .*other .*50-x.yml:1" stdout || fail "$(cat stdout)"
grep -q '^channel_priority: strict  .*# .*prefix/.condarc:1' stdout || fail "$(cat stdout)"
CONDA_CHANNELS=a,b CONDARC=$work/nowhere expect_exit 0 "$condaimg" config --json
[ "$(jq -c '[.settings.channels[].value]' stdout)" = "[\"a\",\"b\",\"$work/extra\",\"$work/other\"]" ] || fail "$(cat stdout)"
expect_exit 0 "$condaimg" config --condarc none --json
[ "$(jq -c '.settings, .files' stdout | tr '\n' ' ')" = '{} [] ' ] || fail "$(cat stdout)"
unset CONDA_PREFIX

say "the file's channels come first, those of the configuration behind, nodefaults is heeded"
env_file "thing" "$work/main"
expect_exit 0 run lock env.yml
want_locked "main:thing-1-0 "
grep -q "url: file://$work/extra" conda-lock.yml || fail "what the configuration added is not in the lock"
env_file "thing, only-other" "$work/main"
expect_exit 0 run lock env.yml
want_locked "other:only-other-1-0 main:thing-1-0 "
env_file "thing, only-other" "$work/main, nodefaults"
expect_exit 3 run lock env.yml
expect_stderr "no package 'only-other' in file://$work/main"
env_file "thing"
expect_exit 0 run lock env.yml
want_locked "extra:thing-2-0 "
expect_exit 0 run lock env.yml --override-channels -c ./other
want_locked "other:thing-3-0 "
expect_exit 0 run lock env.yml --condarc none -c ./other
want_locked "other:thing-3-0 "

say "a lock answers on a machine that is configured in another way"
env_file "thing, only-extra" "$work/main"
expect_exit 0 run lock env.yml
cp conda-lock.yml first.yml
expect_exit 0 run build env.yml -o oci:out:a
first=$(digest_of "$(cat stdout)")
printf 'channels: [%s]\nchannel_priority: disabled\npinned_packages: [thing 3]\n' "$work/other" >"$HOME/.condarc"
expect_exit 0 run lock env.yml --check
expect_exit 0 run build env.yml -o oci:out:b
[ "$(digest_of "$(cat stdout)")" = "$first" ] || fail "another configuration, another image"
rm "$HOME/.condarc"
expect_exit 0 run build env.yml -o oci:out:c
[ "$(digest_of "$(cat stdout)")" = "$first" ] || fail "no configuration, another image"
env_file "thing, only-extra" "$work/main, $work/extra"
expect_exit 1 run lock env.yml --check

say "pins and the priority are those of the configuration, and in the lock"
env_file "thing" "$work/main, $work/other"
rc "$HOME/.condarc" <<<"{channel_priority: disabled}"
expect_exit 0 run lock env.yml
want_locked "other:thing-3-0 "
rc "$HOME/.condarc" <<<"{channel_priority: disabled, pinned_packages: [thing <3]}"
expect_exit 0 run lock env.yml
want_locked "main:thing-1-0 "
grep -q "condaimg.pins: .*thing" conda-lock.yml || fail "the pin is not in the lock: $(cat conda-lock.yml)"
expect_exit 0 run lock env.yml --channel-priority strict --condarc none
want_locked "main:thing-1-0 "

say "names: alias, custom channels, several under one name"
env_file "thing, only-other" "corp/main, all"
rc "$HOME/.condarc" <<-END
	channel_alias: file://$work
	custom_channels: {corp/main: file://$work/nowhere}
	custom_multichannels: {all: [extra, other]}
END
mkdir -p nowhere/corp && ln -s "$work/main" nowhere/corp/main
expect_exit 0 run lock env.yml
grep -q "url: file://$work/nowhere/corp/main/noarch/thing-1-0" conda-lock.yml || fail "$(cat conda-lock.yml)"
grep -q "url: file://$work/other/noarch/only-other" conda-lock.yml || fail "$(cat conda-lock.yml)"
# shellcheck disable=SC2016  # it is condaimg that replaces it
FOLDER=$work env_file "thing" '"$FOLDER/other"'
FOLDER=$work expect_exit 0 run lock env.yml --condarc none
want_locked "other:thing-3-0 "

say "mirrors: fetched there, called by its name"
rm -rf cache away && mkdir away && cp -r other away/copy
env_file "thing" "https://nowhere.invalid/other"
rc "$HOME/.condarc" <<<"mirrored_channels: {'https://nowhere.invalid': ['file://$work/missing', 'file://$work/away']}"
mv away/copy away/other
expect_exit 0 run build env.yml -o oci:out:m
expect_exit 0 "$condaimg" config https://nowhere.invalid/other
grep -q "mirror  file://$work/away/other" stdout || fail "$(cat stdout)"
expect_exit 0 "$condaimg" sbom oci:out:m
grep -q 'https://nowhere.invalid/other/noarch/thing-3-0' stdout || fail "$(cat stdout)"
! grep -q "$work" stdout || fail "a mirror is told: $(cat stdout)"

rm -r "$HOME/.config"

say "what is not allowed"
for where in "allowlist_channels: [$work/main]" "denylist_channels: [$work/other]" "whitelist_channels: [main]
channel_alias: file://$work"; do
	rc "$HOME/.condarc" <<<"$where"
	env_file "thing" "$work/main"
	expect_exit 0 run lock env.yml
	env_file "thing" "$work/main, $work/other"
	expect_exit 2 run lock env.yml
	expect_stderr "channel '$work/other': file://$work/other is not allowed here: it is (not in allowlist_channels|in denylist_channels) of ~/.condarc:1"
	expect_exit 0 run lock env.yml --condarc none -c ./other --lockfile other.yml
	expect_exit 2 run build other.yml -o oci:out:no
	expect_stderr "file://$work/other/noarch/thing-3-0.conda is not allowed here"
done
rc "$HOME/.condarc" <<<"override_channels_enabled: false"
expect_exit 2 run lock env.yml --override-channels -c ./other
expect_stderr "not allowed here: override_channels_enabled of ~/.condarc:1"

say "no channel whose terms are not free is added to others"
env_file "thing" "$work/main"
rc "$HOME/.condarc" <<<"channels: [defaults, pkgs/msys2, 'https://conda.anaconda.org/main']"
expect_exit 0 run lock env.yml
want_locked "main:thing-1-0 "
! grep -q anaconda conda-lock.yml || fail "a licensed channel was added"
[ ! -s stderr ] || fail "chatter: $(cat stderr)"
env_file "thing"
expect_exit 1 run lock env.yml --offline
expect_stderr "warning: https://repo.anaconda.com/pkgs/main is searched because ~/.condarc:1 says so"

say "what is wrong is told with file and line, and can be left out"
env_file "thing" "$work/main"
rc "$HOME/.condarc" <<<"channels: conda-forge"
expect_exit 1 run lock env.yml
expect_stderr "configuration \(--condarc none leaves it out\): ~/.condarc:1:11: 'channels' has a string, expected a list"
expect_exit 0 run lock env.yml --condarc none
CONDAIMG_CONDARC=none expect_exit 0 run lock env.yml
rc "$HOME/.condarc" <<<"{client_ssl_cert_key: x}"
expect_exit 1 run lock env.yml
expect_stderr "~/.condarc:1: 'client_ssl_cert_key' is there, and 'client_ssl_cert' is not"
rc "$HOME/.condarc" <<<"ssl_verify: $work/no.pem"
expect_exit 1 run lock env.yml
expect_stderr "ssl_verify of ~/.condarc:1: cannot read the trusted certificates in $work/no.pem"
expect_exit 1 run lock env.yml --condarc no-such-file
expect_stderr "no-such-file"
rc "$HOME/.condarc" <<<"{solver: classic, ssl_verify: }"
expect_exit 0 run lock env.yml -v
expect_stderr "configuration: ~/.condarc:1: solver is ignored"
