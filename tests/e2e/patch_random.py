"""Random images: what condaimg patch makes of one is what build makes of the lock that patch wrote, with the image's options."""
import json, os, random, shutil, subprocess, sys

condaimg, channel, n = sys.argv[1], sys.argv[2], int(sys.argv[3])
rng = random.Random(int(sys.argv[4]) if len(sys.argv) > 4 else 20261121)
NAMES = ["zz", "aa", "vars", "act", "tied", "python", "pip", "ca-certificates"] + [f"p{i:02}" for i in range(12)]


def run(*args, code=(0,)):
    env = dict(os.environ)
    if epoch is not None:
        env["SOURCE_DATE_EPOCH"] = str(epoch)
    done = subprocess.run([condaimg, *args], capture_output=True, text=True, env=env)
    assert done.returncode in code, (args, done.returncode, done.stderr, done.stdout)
    return done


def channel_is(when):
    for subdir in os.listdir(channel):
        shutil.copy(f"{channel}/{subdir}/repodata.{when}.json", f"{channel}/{subdir}/repodata.json")


same = moved = refused = 0
epoch = None
for k in range(n):
    for d in "b", "p":
        shutil.rmtree(f"cache-{d}", ignore_errors=True)
    names = sorted({*rng.sample(NAMES, rng.randint(3, 14)), "app", "ssl"})
    specs = [rng.choice([n, n, f"{n} <2"]) if n not in ("python", "pip") else n for n in names]
    with open("some.yml", "w") as f:
        f.write(f"name: some\nchannels: [{channel}]\ndependencies:\n" + "".join(f"  - {s}\n" for s in specs) +
                rng.choice(["", "variables: {A: b}\n"]))
    options = ["--libc", "none"]
    options += rng.choice([[], [], ["--compression", "zstd"], ["--compression", "zstd:9"], ["--compression", "gzip:9"]])
    options += rng.choice([[], [], ["--media-types", "docker"]]) if "zstd" not in str(options) else []
    options += rng.choice([[], [], ["--layers", str(rng.randint(7, 20))]])
    options += rng.choice([[], ["--user", "me:1234"]])
    options += rng.choice([[], [], ["--copy", "src:/app"], ["--copy", "src/a:/x", "--writable"]])
    options += rng.choice([[], ["--env", f"N={k}"], ["--label", f"a={k}"], ["--entrypoint", "a b"], ["--port", "80"], ["--cmd", "x 'y z'"]])
    options += rng.choice([[], ["--workdir", "/w/x"], ["--volume", "/data"], ["--env", "FROM_VARS=mine", "--env", "B=c"]])
    options += rng.choice([[], ["--prefix", "/opt/x"]])
    options += rng.choice([[], [], ["--annotation", "x=y"], ["--annotation", "org.opencontainers.image.created=2020-01-01T00:00:00Z"]])
    more = rng.choice([[], [], ["--ca-file", "ca.pem"]]) if "ca-certificates" in names else []
    options += more
    epoch = rng.choice([None, None, 1700000000])
    platform = rng.choice(["linux-64", "linux-64", "linux-64,linux-aarch64"])
    options += ["--platform", platform]
    glibc = ["--virtual-package", rng.choice(["__glibc=2.28", "__glibc=2.36"])]
    channel_is("old")
    run("lock", "some.yml", "--libc", "none", *glibc, "--platform", platform, "--lockfile", "some.lock")
    run("build", "some.lock", "--config", "none", *options, "-o", "oci:image:old", "--attach", "lock", "--cache-dir", "cache-b")
    channel_is("new")
    moving = [rng.choice([n, n, f"{n}>=1", f"{n}<=2"]) if n != "python" else rng.choice(["python", "python=3.11"])
              for n in rng.sample(names, rng.randint(1, 3))]
    was, epoch = epoch, None
    options_patch = list(more)
    cache = rng.choice(["cache-b", "cache-p", "cache-p"])
    done = run("patch", "oci:image:old", *moving, "-t", "new", "--lockfile", "new.lock", "--json", "--cache-dir", cache, *options_patch, code=(0, 3))
    if done.returncode == 3:
        refused += 1
        continue
    said = json.loads(done.stdout)
    epoch = was
    for d in "b", "p":
        shutil.rmtree(f"cache-{d}", ignore_errors=True)
    built = json.loads(run("build", "new.lock", "--config", "none", *options, "-o", "oci:image:built", "--json", "--cache-dir", "cache-b").stdout)
    assert said["digest"] == built["digest"], (options, moving, said["digest"], built["digest"])
    changes = sum(len(i["changed"]) + len(i["added"]) + len(i["removed"]) for i in said["platforms"])
    moved += changes > 0
    same += changes == 0
assert moved > n / 2, (moved, same, refused)
print(f"{n} images: {moved} patched, {same} had nothing to move, {refused} cannot be")
