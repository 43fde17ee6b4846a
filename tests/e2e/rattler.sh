#!/bin/bash
# What is locked here, read by rattler (pixi's library; from npm, fetched once into the cache): every package of a lock, asked
# for by version, build and sha256, is there and is all there is. And asked the same questions, it answers the same.
# Real records: the conda-forge index of ../shared. Usage: rattler.sh CONDAIMG
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/servers.sh
. "$root/tests/e2e/servers.sh"
need node npm zstd
index=$shared/channels/index/conda-forge
[ -e "$index" ] || skip "there is no $index"
here=$root/tests/e2e/rattler

cache=${CONDAIMG_TEST_CACHE:-${CONDAIMG_BUILD_ROOT:-$root/build}}/npm-$(sha256sum <"$here/package-lock.json" | cut -c1-12)
if [ ! -e "$cache" ]; then
	mkdir npm
	cp "$here"/package*.json npm
	(cd npm && npm ci --ignore-scripts --no-audit --no-fund >"$work/npm.log" 2>&1) || skip "npm did not bring rattler: $(tail -n 1 npm.log)"
	mkdir -p "$(dirname "$cache")"
	mv -T npm "$cache" 2>/dev/null || true
fi

# rattler in JavaScript has no virtual packages: here the channel has them.
mkdir -p served/linux-64 served/noarch
python3 - "$index" <<'PYTHON'
import json, subprocess, sys

for subdir in "linux-64", "noarch":
    text = subprocess.run(["zstd", "-dc", f"{sys.argv[1]}/{subdir}/repodata.json.zst"], stdout=subprocess.PIPE, check=True).stdout
    index = json.loads(text)
    if subdir == "linux-64":
        for name, version, build in ("__glibc", "2.28", "0"), ("__linux", "5.10", "0"), ("__unix", "0", "0"), ("__archspec", "1", "x86_64"):
            index["packages.conda"][f"{name}-{version}-{build}.conda"] = {
                "name": name, "version": version, "build": build, "build_number": 0, "depends": [], "subdir": subdir,
                "sha256": "00" * 32, "md5": "00" * 16, "size": 1}
    json.dump(index, open(f"served/{subdir}/repodata.json", "w"))
PYTHON
serve_folder served

export no_proxy=127.0.0.1
python3 - "$condaimg" "$index" "$cache/node_modules" "$url/" "$here/solve.cjs" <<'PYTHON' || fail "rattler has another opinion"
import json, os, subprocess, sys

condaimg, index, modules, url, script = sys.argv[1:]
requests = {
    "sklearn": ["python=3.11", "numpy", "pandas", "scikit-learn"],
    "geo": ["python=3.12", "jupyterlab", "dask", "xarray", "gdal", "geopandas", "matplotlib"],
    "old": ["python=3.9", "numpy<1.24", "scipy"],
    "arrow": ["python>=3.10,<3.13", "pyarrow", "pandas>=2", "sqlalchemy"],
    "rust": ["rust", "cmake", "ninja", "pkg-config", "clang"],
    "pins": ["python=3.12.*", "numpy=2.1.*", "pandas=2.2.*", "matplotlib-base"],
    "pytest": ["pytest", "pytest-cov", "hypothesis", "mypy", "ruff", "pre-commit"],
    "conda": ["conda", "conda-libmamba-solver", "mamba"],
    "hdf": ["h5py", "netcdf4", "xarray", "h5netcdf", "python=3.11"],
    "unsat": ["python=3.12", "numpy<1.20"],
}
# Where ours is another: the higher build number goes first, and it does so here as well.
OURS_IS_HIGHER = {"old": {"python_abi"}}


def locked(name, specs):
    os.makedirs(name)
    with open(f"{name}/environment.yml", "w") as f:
        f.write("dependencies:\n" + "".join(f"  - {json.dumps(s)}\n" for s in specs))
    done = subprocess.run([condaimg, "lock", f"{name}/environment.yml", "--platform", "linux-64", "--libc", "none", "--override-channels",
        "-c", index, "--cache-dir", "cache", "--json", "--virtual-package", "__glibc=2.28", "--virtual-package", "__linux=5.10",
        "--virtual-package", "__archspec=1=x86_64"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    if done.returncode == 3:
        open(f"{name}/refusal.json", "wb").write(done.stdout)
        return None
    assert done.returncode == 0, name
    return {p["name"]: (p["version"], p["build"]) for p in json.loads(done.stdout)["platforms"][0]["packages"]}


def ask(what):
    json.dump(what, open("requests.json", "w"))
    answers = json.loads(subprocess.run(["node", script, modules, url, "requests.json"], stdout=subprocess.PIPE, check=True).stdout)
    return {n: a if isinstance(a, str) else {p[0]: (p[1], p[2]) for p in a if not p[0].startswith("__")} for n, a in answers.items()}


# What cannot be solved, here and there; and what we say would help does, by rattler's word.
REFUSED = {
    "between": ["openblas=0.3.20"], "build": ["python=3.12.*=foo"], "empty": ["python>=3.12,<3.11"], "typo": ["pytohn"],
    "two": ["numpy=1.99", "python=2.7"], "minor": ["python=3.14", "numpy<2"], "old python": ["python=3.9", "numpy>=2.3"],
    "tensorflow": ["python=3.14", "tensorflow"], "cuda": ["pytorch=*=cuda*"], "arrow": ["pyarrow", "libarrow=10", "pandas>=3"],
    "scipy": ["scipy=1.18", "numpy=1.24"], "boost": ["boost-cpp=1.74", "libboost>=1.86"], "date": ["dask=2022.1", "python=3.12"],
    "mutex": ["_openmp_mutex=*=*_gnu", "_openmp_mutex=*=*_llvm"], "xarray": ["xarray<0.20", "numpy>=2"],
    "shapely": ["geopandas", "shapely<1.8"], "matplotlib": ["matplotlib=3.5", "python=3.12"], "hdf": ["h5py", "hdf5=1.10"],
    "protobuf": ["protobuf=3", "grpcio>=1.60"], "abi": ["python=3.12", "python_abi=3.13"], "gdal": ["gdal>=3.9", "openssl=1.1"],
    "sklearn": ["sklearn"], "pip name": ["opencv-python"], "windows": ["pywin32"], "case": ["Scikit_Learn"],
}


def refused():
    import re
    answers, helped = ask(REFUSED), {}
    for name, specs in REFUSED.items():
        assert isinstance(answers[name], str) and "Cannot solve" in answers[name], (name, answers[name])
        assert locked(f"no {name}", specs) is None, f"{name} can be solved"
        told = json.load(open(f"no {name}/refusal.json"))
        assert told["reasons"], name
        for i, advice in enumerate(told["advice"]):
            m = re.match(r"(\S+) (\S+) would do instead of '([^']*)'", advice) or re.match(r"without '([^']*)' it can be solved", advice)
            if m and m.group(1) != m.group(m.lastindex):
                helped[f"{name} {i}"] = [s for s in specs if s != m.group(3)] + [f"{m.group(1)}=={m.group(2)}"]
            elif m:
                helped[f"{name} {i}"] = [s for s in specs if s != m.group(1)]
    bad = {n: a for n, a in ask(helped).items() if isinstance(a, str)}
    assert not bad, bad
    print(f"{len(REFUSED)} requests are refused here and there; {len(helped)} pieces of advice hold by rattler")


# The lock itself, by its text: name, version, build and digest of every package.
def exact(name):
    import yaml
    ret = []
    for p in yaml.safe_load(open(f"{name}/conda-lock.yml"))["package"]:
        build = p["url"].rpartition("/")[2].removesuffix(".conda").removesuffix(".tar.bz2").rpartition("-")[2]
        ret.append(f"{p['name']}[version='=={p['version']}', build='{build}', sha256='{p['hash']['sha256']}']")
    return ret


ours = {name: locked(name, specs) for name, specs in requests.items()}
assert ours["unsat"] is None
good = True
free = ask({n: s + (["pip"] if ours[n] and "pip" in ours[n] else []) for n, s in requests.items()})
read = ask({n: exact(n) for n in requests if ours[n]})
for name, mine in ours.items():
    if mine is None:
        assert isinstance(free[name], str) and "Cannot solve" in free[name], free[name]
        print(f"{name}: no answer, here and there")
        continue
    if read[name] != mine:
        print(f"{name}: rattler does not read the lock as it is: {read[name]}")
        good = False
    theirs = free[name]
    differ = {n for n in set(mine) | set(theirs) if mine.get(n) != theirs.get(n)} if isinstance(theirs, dict) else {theirs}
    if differ - OURS_IS_HIGHER.get(name, set()):
        print(f"{name}: " + ", ".join(f"{n} {mine.get(n)}, rattler {theirs.get(n)}" for n in sorted(differ)))
        good = False
    else:
        print(f"{name}: {len(mine)} packages, read; of its own choice {len(mine) - len(differ)} are the same")
refused()
sys.exit(not good)
PYTHON
echo ok
