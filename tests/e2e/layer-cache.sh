#!/bin/bash
# The registry as the builders' shared cache, counted in its log and the channel's: what a machine with an empty disk fetches and
# sends, what a changed package costs, two writers, and entries that lie. And condaimg digest, against the real build.
# Usage: layer-cache.sh CONDAIMG
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
PATH=$PATH:/usr/sbin
need nginx curl
# shellcheck source=tests/e2e/registry-lib.sh
. "$root/tests/e2e/registry-lib.sh"
export CONDAIMG_LAYER_CACHE=

# p00 to p11: p01 and p02 both have share/both (p02's stays), p03 a variable, p04 an activation script.
cat >make.py <<'PYTHON'
import hashlib, importlib.util, json, os, sys

spec = importlib.util.spec_from_file_location("make_channel", sys.argv[1])
mc = importlib.util.module_from_spec(spec)
spec.loader.exec_module(mc)
records = {"linux-64": {}, "linux-aarch64": {}, "noarch": {}}
N = 12
for i in range(N):
    for version, subdir in [(v, s) for v in (["1", "2"] if i in (5, 6) else ["1"])
                            for s in (["noarch"] if i % 2 else ["linux-64", "linux-aarch64"])]:
        name = f"p{i:02}"
        noise = b"".join(hashlib.sha256(f"{name}{version}{k}".encode()).digest() for k in range(600))
        files = [mc.File(f"share/{name}/data", noise)]
        if i in (1, 2):
            files.append(mc.File("share/both", name.encode()))
        if i == 3:
            files.append(mc.File("etc/conda/env_vars.d/p03.json", b'{"FROM_P03": "yes"}'))
        if i == 4:
            files.append(mc.File("etc/conda/activate.d/p04.sh", b'export FROM_P04="$FROM_P03, too"\n'))
        index = {"version": version, "subdir": subdir}
        fn = f"{name}-{version}-0.conda"
        data = mc.archive(name, fn, files, index=index, noarch="generic" if subdir == "noarch" else None)
        os.makedirs(f"www/ch/{subdir}", exist_ok=True)
        with open(f"www/ch/{subdir}/{fn}", "wb") as f:
            f.write(data)
        records[subdir][fn] = {**index, "name": name, "build": "0", "build_number": 0, "timestamp": 1600000000000,
                               "depends": [], "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
for subdir, packages in records.items():
    with open(f"www/ch/{subdir}/repodata.json", "w") as f:
        json.dump({"info": {"subdir": subdir}, "packages": {}, "packages.conda": packages}, f)
PYTHON
python3 make.py "$root/tests/e2e/make_channel.py" || fail "no channel"
port=$(free_port)
serve_nginx "$port" <<END
access_log $work/access.log; root $work/www;
server { listen 127.0.0.1:$port; }
END
{
	printf 'name: many\nchannels: [http://127.0.0.1:%s/ch]\ndependencies:\n' "$port"
	for i in $(seq 0 11); do printf '  - p%02d=1\n' "$i"; done
} >environment.yml
sed 's/p05=1/p05=2/' environment.yml >changed.yml
options=(--platform linux-64 --libc none --virtual-package __glibc=2.28)
build() { expect_exit 0 "$condaimg" build "$@" "${options[@]}"; }
fresh() { rm -rf "$work/fresh" && : >"$work/access.log" && : >"$work/plain.log"; }
downloads() { grep -cE '"GET [^ ]*\.conda ' access.log || true; }
settle() { sleep 0.2; }
layers_of() { skopeo inspect --raw --tls-verify=false "docker://$1" | jq -r '.layers[].digest' | sort; }

registry plain
cache=$host/cache

say "a build that finds an empty cache fills it"
build environment.yml --push "$host/app:1" --layer-cache "$cache"
digest=$(digest_of "$(cat stdout)")
grep -q 'differ in' stderr || fail "no clobber is told: $(cat stderr)"
sed -n '/differ in/p' stderr >told
settle
[ "$(downloads)" = 12 ] || fail "$(downloads) downloads"
# 12 packages, system and environment; one of them again, as it would be with all its paths; a plan and a check of libraries
curl -sf "http://$host/v2/cache/tags/list?n=1000" | jq -r '.tags[]' | sed 's/-.*//' | sort | uniq -c | tr -s ' \n' ' ' >kinds
[ "$(cat kinds)" = " 15 layer 1 libraries 1 plan " ] || fail "entries: $(cat kinds)"
tag=$(curl -sf "http://$host/v2/cache/tags/list?n=1000" | jq -r '.tags[]' | grep -m 1 ^layer)
skopeo inspect --raw --tls-verify=false "docker://$cache:$tag" >entry
[ "$(jq -r '.artifactType' entry)" = application/vnd.condaimg.layer.v1 ] || fail "$(cat entry)"
[ "layer-$(jq -r '.config.digest' entry | cut -d: -f2)" = "$tag" ] || fail "the config is not the recipe: $(cat entry)"
# what it says of the tar is what the tar is
curl -sf "http://$host/v2/cache/blobs/$(jq -r '.layers[0].digest' entry)" | gzip -dc | sha256sum | cut -d' ' -f1 >sum
[ "sha256:$(cat sum)" = "$(jq -r '.layers[0].annotations["io.condaimg.diffid"]' entry)" ] || fail "the diffid"

say "an empty disk: no package is fetched, no layer is sent"
fresh
build environment.yml --push "$host/other:1" --layer-cache "$cache" --cache-dir "$work/fresh" --json
settle
[ "$(jq -r .digest stdout)" = "$digest" ] || fail "another image: $(cat stdout)"
[ "$(downloads)" = 0 ] || fail "$(downloads) downloads"
[ "$(jq -c '[.blobs_uploaded, .blobs_mounted, .layers_new]' stdout)" = '[1,14,0]' ] || fail "$(cat stdout)" # the config
[ "$(accesses plain.log '"(PUT|PATCH) /v2/other/blobs/')" = 1 ] || fail "uploads: $(grep '"PUT ' plain.log)"
[ "$(accesses plain.log '"GET /v2/cache/blobs/')" -le 2 ] || fail "blobs are read: $(grep '"GET /v2/cache/blobs' plain.log)"
[ "$(accesses plain.log '"(POST|PUT|PATCH) /v2/cache/')" = 0 ] || fail "it writes to the cache"
sed -n '/differ in/p' stderr | diff told - || fail "other remarks"
[ -z "$(find fresh/packages -type f)$(find fresh/layers -type f)" ] || fail "something was stored"
[ -z "$(find fresh/plans -type f)" ] || fail "hearsay was remembered: $(ls fresh/plans)"

say "the same, by variable, to a layout: the layers are pulled"
fresh
CONDAIMG_LAYER_CACHE=$cache build environment.yml -o oci:layout --cache-dir "$work/fresh"
settle
[ "$(digest_of "$(cat stdout)")" = "$digest" ] || fail "another image"
[ "$(downloads)" = 0 ] || fail "$(downloads) downloads"
expect_exit 0 "$condaimg" verify oci:layout --cache-dir "$work/fresh"

say "one changed package costs that package"
fresh
build changed.yml --push "$host/other:2" --layer-cache "$cache" --cache-dir "$work/fresh" --json
settle
[ "$(downloads)" = 1 ] || fail "$(downloads) downloads: $(cat access.log)"
[ "$(jq -c '[.blobs_uploaded, .layers_new]' stdout)" = '[3,2]' ] || fail "$(cat stdout)" # its layer, the environment's, the config
changed=$(jq -r .digest stdout)
build changed.yml -o oci:plain --cache-dir "$work/without"
[ "$(digest_of "$(cat stdout)")" = "$changed" ] || fail "a build without the cache is another"
fresh
build changed.yml --push "$host/other:3" --layer-cache "$cache" --cache-dir "$work/fresh"
settle
[ "$(downloads)" = 0 ] || fail "the changed one was not put into the cache: $(cat access.log)"

say "two writers at once, on empty disks and an empty cache"
for k in 1 2; do
	"$condaimg" build environment.yml --push "$host/w$k:1" --layer-cache "$host/cache2" --cache-dir "$work/w$k" "${options[@]}" \
		>"w$k.out" 2>"w$k.err" &
	writers[k]=$!
done
for k in 1 2; do wait "${writers[k]}" || fail "writer $k: $(cat w$k.err)"; done
for k in 1 2; do [ "$(digest_of "$(cat w$k.out)")" = "$digest" ] || fail "writer $k: $(cat w$k.out)"; done
! grep -q 'layer cache' w1.err w2.err || fail "$(cat w1.err w2.err)"
fresh
build environment.yml --push "$host/w3:1" --layer-cache "$host/cache2" --cache-dir "$work/fresh"
settle
[ "$(downloads)" = 0 ] || fail "$(downloads) downloads"

say "several platforms: what both have in common is one entry, and an empty disk fetches nothing"
options=(--platform 'linux-64,linux-aarch64' --libc none --virtual-package __glibc=2.28)
fresh
build environment.yml --push "$host/multi:1" --layer-cache "$host/cache4" --cache-dir "$work/multi"
multi=$(digest_of "$(cat stdout)")
# 6 noarch packages and the system files once, 6 packages and the environment twice; and a path that p01 leaves to p02
tags=$(curl -sf "http://$host/v2/cache4/tags/list?n=1000" | jq '[.tags[] | select(startswith("layer-"))] | length')
[ "$tags" = $((6 + 1 + 2 * (6 + 1) + 1)) ] || fail "$tags entries of layers"
fresh
build environment.yml --push "$host/multi:2" --layer-cache "$host/cache4" --cache-dir "$work/fresh" --json
settle
[ "$(jq -r .digest stdout)" = "$multi" ] || fail "another index: $(cat stdout)"
[ "$(downloads)" = 0 ] || fail "$(downloads) downloads"
[ "$(accesses plain.log '"(PUT|PATCH) /v2/multi/blobs/')" = 0 ] || fail "uploads: $(grep '"PUT ' plain.log)"
fresh
build environment.yml --push "$host/multi3:1" --layer-cache "$host/cache4" --cache-dir "$work/fresh" --json
settle
[ "$(downloads)" = 0 ] || fail "$(downloads) downloads"
[ "$(jq .blobs_uploaded stdout)" = 2 ] || fail "$(cat stdout)" # the configs
# one of them alone, from what both left behind
options=(--platform linux-aarch64 --libc none --virtual-package __glibc=2.28)
fresh
build environment.yml --push "$host/multi3:arm" --layer-cache "$host/cache4" --cache-dir "$work/fresh"
settle
[ "$(downloads)" = 0 ] || fail "$(downloads) downloads"
options=(--platform linux-64 --libc none --virtual-package __glibc=2.28)

say "a layer that goes between being found and being pulled is made anew"
cat >vanish.py <<'PYTHON'
"""A registry that has a blob when it is asked for it (HEAD), and has not when it is fetched: vanish.py PORT TARGET HEX"""
import http.server, sys, urllib.error, urllib.request

port, target, gone = int(sys.argv[1]), sys.argv[2], sys.argv[3]


class Proxy(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def pass_on(self):
        if self.command == "GET" and f"/blobs/sha256:{gone}" in self.path:
            status, headers, body = 404, {}, b'{"errors":[{"code":"BLOB_UNKNOWN"}]}'
        else:
            data = self.rfile.read(int(self.headers.get("Content-Length") or 0)) or None
            request = urllib.request.Request(f"http://{target}{self.path}", data, dict(self.headers), method=self.command)
            try:
                answer = urllib.request.urlopen(request)
            except urllib.error.HTTPError as e:
                answer = e
            status, headers, body = answer.status, answer.headers, answer.read()
        self.send_response(status)
        for key, value in headers.items():
            if key.lower() not in ("content-length", "date", "transfer-encoding", "connection"):
                self.send_header(key, value)
        self.send_header("Content-Length", headers.get("Content-Length", str(len(body))) if self.command == "HEAD" else str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = pass_on

    def log_message(self, *args):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", port), Proxy).serve_forever()
PYTHON
gone=$(skopeo inspect --raw --tls-verify=false "docker://$host/app:1" |
	jq -r '.layers[] | select(.annotations["io.condaimg.packages"] == "p09-1-0") | .digest' | cut -d: -f2)
vanishing=$(free_port)
serve vanish "$vanishing" python3 vanish.py "$vanishing" "$host" "$gone"
fresh
build environment.yml -o oci:vanished --layer-cache "127.0.0.1:$vanishing/cache" --cache-dir "$work/fresh"
[ "$(digest_of "$(cat stdout)")" = "$digest" ] || fail "another image: $(cat stdout)"
settle
[ "$(downloads)" = 1 ] || fail "$(downloads) downloads"

say "entries that lie are told, not used, and made anew"
put() { # TAG FILE
	curl -sf -X PUT -H 'Content-Type: application/vnd.oci.image.manifest.v1+json' --data-binary "@$2" "http://$host/v2/cache/manifests/$1" ||
		fail "cannot put a lie"
}
lie() { # WHAT TAG JQ
	skopeo inspect --raw --tls-verify=false "docker://$cache:$2" >true
	if [ "$3" = BLOB ]; then
		blob=$(jq -r '.layers[0].digest' true | cut -d: -f2)
		curl -sf -X DELETE "http://$host/v2/cache/blobs/sha256:$blob" || fail "cannot delete"
	else
		jq -c "$3" true >lie
		put "$2" lie
	fi
	fresh
	build environment.yml --push "$host/lied:1" --layer-cache "$cache" --cache-dir "$work/fresh"
	[ "$(digest_of "$(cat stdout)")" = "$digest" ] || fail "$1: another image: $(cat stdout)"
	expect_stderr "has a wrong entry $2"
	settle
	[ "$(downloads)" = 1 ] || fail "$1: $(downloads) downloads"
	skopeo inspect --raw --tls-verify=false "docker://$cache:$2" | cmp - true || fail "$1: it was not replaced"
}
entry_of() { # PACKAGE
	local layer tag

	layer=$(skopeo inspect --raw --tls-verify=false "docker://$host/app:1" |
		jq -r --arg p "$1" '.layers[] | select(.annotations["io.condaimg.packages"] == $p) | .digest')
	for tag in $(curl -sf "http://$host/v2/cache/tags/list?n=1000" | jq -r '.tags[]' | grep ^layer); do
		! skopeo inspect --raw --tls-verify=false "docker://$cache:$tag" | grep -q "$layer" || { echo "$tag"; return; }
	done
}
nine=$(entry_of p09-1-0)
eight=$(entry_of p08-1-0)
skopeo inspect --raw --tls-verify=false "docker://$cache:$eight" >eight.json
lie "another recipe" "$nine" ". as \$n | $(jq -c .config eight.json) as \$c | \$n | .config = \$c"
lie "another size" "$nine" '.layers[0].size += 1'
lie "no diffid" "$nine" 'del(.layers[0].annotations)'
lie "another kind of thing" "$nine" '.artifactType = "application/x"'
lie "no such blob" "$nine" BLOB
# a layer of other bytes is found when it is read
blob=$(jq -r '.layers[0].digest' eight.json | cut -d: -f2)
data=$dir/docker/registry/v2/blobs/sha256/${blob:0:2}/$blob/data
cp "$data" saved
python3 - "$data" <<'PYTHON'
import sys
with open(sys.argv[1], "r+b") as f:
    f.seek(100)
    f.write(b"lies")
PYTHON
fresh
build environment.yml -o oci:healed --layer-cache "$cache" --cache-dir "$work/fresh"
[ "$(digest_of "$(cat stdout)")" = "$digest" ] || fail "other bytes: $(cat stdout)"
cp saved "$data"
settle
[ "$(downloads)" = 1 ] || fail "other bytes: $(downloads) downloads"

say "a cache that is not there is told, and the image made without it"
fresh
build environment.yml -o oci:alone --layer-cache "127.0.0.1:$(free_port)/cache" --cache-dir "$work/fresh"
[ "$(digest_of "$(cat stdout)")" = "$digest" ] || fail "$(cat stdout)"
[ "$(grep -c 'layer cache' stderr)" = 1 ] || fail "told more or less than once: $(cat stderr)"
expect_exit 2 "$condaimg" build environment.yml --layer-cache "$cache:tag" "${options[@]}"

say "condaimg digest is the digest of the build"
expect_exit 0 "$condaimg" lock environment.yml "${options[@]}" --lockfile conda-lock.yml
fresh
expect_exit 0 "$condaimg" digest conda-lock.yml --layer-cache "$cache" --cache-dir "$work/fresh" --libc none --platform linux-64
[ "$(cat stdout)" = "$digest" ] || fail "digest: $(cat stdout), expected $digest"
settle
[ "$(downloads)" = 0 ] || fail "digest fetches packages"
[ "$(accesses plain.log '"(POST|PUT|PATCH) ')" = 0 ] || fail "digest writes"
mkdir -p src && echo hello >src/a && echo 'print(1)' >src/b
cat >random.py <<'PYTHON'
"""Random environments and options: condaimg digest, in any state of the cache, says what build then makes."""
import json, random, subprocess, sys

condaimg, environment, cache, n = sys.argv[1], open(sys.argv[2]).read(), sys.argv[3], int(sys.argv[4])
small = len(sys.argv) == 5 # packages that ask for nothing
rng = random.Random(20261121)
head, names = environment.split("dependencies:\n")
names = names.splitlines()


def run(*args):
    done = subprocess.run([condaimg, *args], capture_output=True, text=True)
    assert done.returncode == 0, (args, done.stderr)
    return done.stdout


seen = set()
for k in range(n):
    chosen = sorted(rng.sample(names, rng.randint(1, len(names))))
    with open("some.yml", "w") as f:
        f.write(head + "dependencies:\n" + "\n".join(chosen) + "\n" + rng.choice(["", "variables: {A: b}\n"]))
    options = ["some.yml", "--config", "none"]
    options += ["--libc", "none", "--virtual-package", "__glibc=2.28"] if small else rng.choice([[], ["--ca-file", sys.argv[5]]])
    options += rng.choice([[], ["--compression", "zstd"], ["--compression", "zstd:9"], ["--media-types", "docker"]])
    options += rng.choice([[], ["--layers", str(rng.randint(8, 20))]])
    options += rng.choice([[], ["--user", "me:1234"]])
    options += rng.choice([[], ["--copy", "src:/app"], ["--copy", "src/a:/x", "--writable"]])
    options += rng.choice([[], ["--env", f"N={k}"], ["--label", f"a={k}"], ["--entrypoint", "a b"], ["--port", "80"]])
    options += rng.choice([[], ["--prefix", "/opt/x"]])
    options += rng.choice([["--platform", "linux-64"], ["--platform", "linux-64"], ["--platform", "linux-64", "--annotation", "x=y"]])
    where = rng.choice([["--cache-dir", f"d{k}"], ["--cache-dir", f"d{k}", "--layer-cache", cache], ["--cache-dir", "dall"]])
    said = json.loads(run("digest", *options, *where, "--json"))["digest"]
    built = rng.choice([["--cache-dir", f"b{k}"], ["--cache-dir", "dall", "--layer-cache", cache], where])
    real = json.loads(run("build", *options, *built, "-o", f"oci:image:{k}", "--json"))["digest"]
    assert said == real, (options, where, built, said, real)
    again = run("digest", *options, *where).strip()
    assert again == real, (options, where, again, real)
    seen.add(real)
print(f"{n} builds, {len(seen)} different images")
assert len(seen) > n * 2 / 3
PYTHON
python3 random.py "$condaimg" environment.yml "$cache" "${CONDAIMG_TEST_DIGESTS:-12}" || fail "digest"

say "and of locks of real packages"
embedded_channel
openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out ca.pem -days 2 -subj /CN=x 2>/dev/null || fail "no certificate"
{
	printf 'name: real\nchannels: [%s]\ndependencies:\n' "$channel"
	for name in six click pyyaml jq xz requests bash certifi ca-certificates libxcrypt; do echo "  - $name"; done
} >real.yml
rm -rf d[0-9]* b[0-9]* dall
python3 random.py "$condaimg" real.yml "$host/cache3" "${CONDAIMG_TEST_REAL_DIGESTS:-3}" ca.pem || fail "digest of real packages"

say "layers of a bundle, of two platforms, with a path that a package leaves to another: taken, and not told to anybody"
expect_exit 0 "$condaimg" bundle environment.yml "${options[@]}" --platform linux-aarch64 --with-layers -o app.bundle --cache-dir bundler --json
tar -tf app.bundle | grep -c '^layers/recipes/' >recipes
[ "$(jq .layers stdout)" = "$(cat recipes)" ] || fail "$(cat recipes) recipes: $(cat stdout)"
for subdir in linux-64 linux-aarch64; do
	expect_exit 0 "$condaimg" build environment.yml --platform $subdir --libc none --virtual-package __glibc=2.28 -o "oci:there:$subdir" --cache-dir other
	digest=$(digest_of "$(cat stdout)")
	fresh
	expect_exit 0 "$condaimg" build app.bundle --platform $subdir --libc none --push "$host/app:$subdir" --layer-cache "$host/told" --cache-dir fresh --json
	[ "$(jq -r .digest stdout)" = "$digest" ] || fail "another image: $(cat stdout)"
	[ "$(jq .layers_new stdout)" = 0 ] || fail "layers were made: $(cat stdout)"
	[ "$(downloads)" = 0 ] || fail "$(downloads) downloads"
done
curl -s "http://$host/v2/told/tags/list?n=1000" >told
grep -q '"layer-' told && fail "what the bundle said was told: $(cat told)"
grep -q '"plan-' told || fail "what was found out was not told: $(cat told)"
echo ok
