"""
patch_channel.py MAKE_CHANNEL: www/ch, packages for condaimg patch: in two versions; that meet in a path; that bring variables, activation
scripts, python, entry points and certificates. repodata.old.json has the first
versions alone. And bases/, layouts of images with a C library.
"""

import gzip
import hashlib
import importlib.util
import io
import json
import os
import sys
import tarfile

spec = importlib.util.spec_from_file_location("make_channel", sys.argv[1])
mc = importlib.util.module_from_spec(spec)
spec.loader.exec_module(mc)
records = {"linux-64": {}, "linux-aarch64": {}, "noarch": {}}
PLATFORMS = ["linux-64", "linux-aarch64"]


def add(name, version, files=(), depends=(), subdir=None, noarch=None, constrains=(), size=100, time=1600000000000, info=None, **more):
    for where in [subdir] if subdir else PLATFORMS:
        noise = b"".join(hashlib.sha256(f"{name}{version}{where}{i}".encode()).digest() for i in range(size))
        index = {"version": version, "subdir": where, "license": "MIT", "timestamp": time, **more}
        fn = f"{name}-{version}-0.conda"
        data = mc.archive(name, fn, [mc.File(f"share/{name}/data", noise), *files], index=index, noarch=noarch, info=info)
        os.makedirs(f"www/ch/{where}", exist_ok=True)
        with open(f"www/ch/{where}/{fn}", "wb") as f:
            f.write(data)
        records[where][fn] = {**index, "name": name, "build": "0", "build_number": 0, "depends": list(depends),
                              "constrains": list(constrains), "size": len(data), "sha256": hashlib.sha256(data).hexdigest(),
                              "md5": hashlib.md5(data).hexdigest(), **({"noarch": noarch} if noarch else {})}


def text(path, s, mode=0o644):
    return mc.File(path, s.encode(), mode=mode)


T = 1600000000000
add("ssl", "1.0", [text("lib/libssl", "1.0")])
add("ssl", "1.1", [text("lib/libssl", "1.1")], time=T + 5000000)
add("ssl", "2.0", [text("lib/libssl", "2.0"), text("share/both", "ssl")], time=T + 9000000)  # a path that zz has, too
add("app", "1", [text("bin/app", "#!/bin/sh\n", 0o755)], ["ssl >=1.0", "__glibc >=2.17"])
add("app", "2", [text("bin/app", "#!/bin/sh\nexit 2\n", 0o755)], ["ssl >=1.0", "__glibc >=2.34"])
add("zz", "1", [text("share/both", "zz")])
add("aa", "1", [text("share/both", "aa")], ["ssl"])
add("vars", "1", [text("etc/conda/env_vars.d/vars.json", '{"FROM_VARS": "1"}')])
add("vars", "2", [text("etc/conda/env_vars.d/vars.json", '{"FROM_VARS": "2", "MORE_VARS": "x"}')])
add("act", "1", [text("etc/conda/activate.d/act.sh", 'export FROM_ACT="$FROM_VARS-1"\n')])
add("act", "2", [text("etc/conda/activate.d/act.sh", 'export FROM_ACT="$FROM_VARS-2"\nunset FROM_VARS\n')])
for v in "3.11.1", "3.11.2", "3.12.1":
    mm = v.rsplit(".", 1)[0]
    add("python", v, [text(f"bin/python{mm}", v, 0o755)], ["ssl"])
add("pip", "1", [text("site-packages/pip/__init__.py", "pass\n")], ["python >=3.11"], subdir="noarch", noarch="python",
    info={"info/link.json": json.dumps({"noarch": {"type": "python", "entry_points": ["pip = pip:main"]}, "package_metadata_version": 1}).encode()})
add("tied", "1", [], ["tight ==1"])
add("tied", "2", [], ["tight ==2"])
add("tight", "1")
add("tight", "2")
add("ca-certificates", "1", [text("ssl/cacert.pem", "CERTIFICATES 1\n")], subdir="noarch", noarch="generic")
add("ca-certificates", "2", [text("ssl/cacert.pem", "CERTIFICATES 2\n")], subdir="noarch", noarch="generic")
for i in range(12):
    for v in ["1", "2"]:
        add(f"p{i:02}", v, size=10 + 20 * (i % 5) + (40 if v == "2" and i == 3 else 0))
for subdir, packages in records.items():
    os.makedirs(f"www/ch/{subdir}", exist_ok=True)
    old = {fn: r for fn, r in packages.items() if r["version"] in ("1", "1.0", "3.11.1")}
    for when, some in ("old", old), ("new", packages):
        with open(f"www/ch/{subdir}/repodata.{when}.json", "w") as f:
            json.dump({"info": {"subdir": subdir}, "packages": {}, "packages.conda": some}, f)


# ---- bases: oci:bases/NAME:1, for both platforms


def base(name, glibc, links=(), dirs=(), env=("PATH=/bin",), labels=None):
    root = f"bases/{name}"
    os.makedirs(f"{root}/blobs/sha256", exist_ok=True)

    def put(data):
        digest = hashlib.sha256(data).hexdigest()
        with open(f"{root}/blobs/sha256/{digest}", "wb") as f:
            f.write(data)
        return {"digest": f"sha256:{digest}", "size": len(data)}

    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as t:
        def member(path, kind, data=b"", target="", mode=0o755):
            m = tarfile.TarInfo(path)
            m.type, m.size, m.linkname, m.mode = kind, len(data), target, mode
            t.addfile(m, io.BytesIO(data))
        for path, mode in [("usr", 0o755), ("usr/lib", 0o755), ("tmp", 0o1777), *dirs]:
            member(path, tarfile.DIRTYPE, mode=mode)
        for path, target in [("lib", "usr/lib"), *links]:
            member(path, tarfile.SYMTYPE, target=target)
        noise = b"".join(hashlib.sha256(f"{name}{i}".encode()).digest() for i in range(2000))
        member("usr/lib/libc.so.6", tarfile.REGTYPE, b"\0GNU C Library (Test) stable release version %s.\n\0" % glibc.encode() + noise)
    layer = put(gzip.compress(raw.getvalue(), mtime=0))
    entries = []
    for arch in "amd64", "arm64":
        config = put(json.dumps({
            "architecture": arch, "os": "linux", "config": {"Env": list(env), "Labels": labels or {}},
            "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(raw.getvalue()).hexdigest()]},
            "history": [{"created": "2020-01-01T00:00:00Z", "created_by": name}]}).encode())
        entries.append({"mediaType": "application/vnd.oci.image.manifest.v1+json", "platform": {"os": "linux", "architecture": arch}, **put(json.dumps({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", **config},
            "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", **layer}]}).encode())})
    index = put(json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": entries}).encode())
    with open(f"{root}/oci-layout", "w") as f:
        f.write('{"imageLayoutVersion":"1.0.0"}')
    with open(f"{root}/index.json", "w") as f:
        json.dump({"schemaVersion": 2, "manifests": [{"mediaType": "application/vnd.oci.image.index.v1+json", **index,
                  "annotations": {"org.opencontainers.image.ref.name": "1"}}]}, f)


base("old", "2.31", labels={"of": "old", "vendor": "me"}, env=("PATH=/old:/bin", "LANG=de"))
base("new", "2.36", labels={"of": "new"}, env=("ZERO=0", "PATH=/new:/bin"))
base("odd", "2.36", dirs=[("app", 0o700), ("data", 0o711)])
base("linked", "2.36", links=[("app", "usr/app")], dirs=[("usr/app", 0o755)])
base("ancient", "2.12")
