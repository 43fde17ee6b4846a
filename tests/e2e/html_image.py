#!/usr/bin/env python3
"""
html_image.py LAYOUT NAME: an OCI layout of one image whose packages, files and sizes are known, in wanted.json beside
its index. Python's standard library only.

plain: packages with a layer each, packages that share one, the rest of a layer. other: some of its layers.
hostile: whatever an image can say, in the words of an attacker. many: 361 packages, 100,000 files.
"""

import gzip
import hashlib
import io
import json
import pathlib
import sys
import tarfile

PREFIX = "opt/conda/envs/default"
SCRIPT = "<script>document.title='broken'</script>"
IMG = "\"'><img src=http://evil.invalid/x onerror=\"document.title='broken'\">"
BIDI = "\u202egnp.exe\u2066 \u200f"

layout, name = pathlib.Path(sys.argv[1]), sys.argv[2]
blobs = layout / "blobs" / "sha256"
blobs.mkdir(parents=True)


def write(data, kind):
    hexes = hashlib.sha256(data).hexdigest()
    (blobs / hexes).write_bytes(data)
    return {"mediaType": "application/vnd.oci.image." + kind, "digest": "sha256:" + hexes, "size": len(data)}


plain_header = bytearray(tarfile.TarInfo("").tobuf(tarfile.USTAR_FORMAT))
plain_header[148:156] = b" " * 8


class Layer:
    def __init__(self, part="packages", created_by="condaimg: packages"):
        self.part, self.created_by = part, created_by
        self.rows, self.packages, self.hidden = [], [], 0

    def file(self, path, size, content=None):
        self.rows.append((path, b"x" * size if content is None else content))
        return self

    def package(self, name, files, version="1.0", licence="MIT", family=None, channel="https://conda.anaconda.org/conda-forge", url=None):
        dist = f"{name}-{version}-0"
        record = {
            "name": name, "version": version, "build": "0", "build_number": 0, "subdir": "noarch", "channel": channel,
            "fn": dist + ".conda", "url": url or f"{channel}/noarch/{dist}.conda", "depends": [],
            "files": [p for p, _ in files],
            "paths_data": {"paths_version": 1, "paths": [{"_path": p, "path_type": "hardlink", "size_in_bytes": n} for p, n in files]},
        }
        if licence is not None:
            record["license"] = licence
        if family:
            record["license_family"] = family
        for p, n in files:
            self.file(f"{PREFIX}/{p}", n)
        text = json.dumps(record).encode()
        stem = dist.replace("/", "_")
        self.file(f"{PREFIX}/conda-meta/{stem}.json", 0, text)
        self.packages.append({"name": name, "version": version, "licence": licence, "dist": stem,
                              "bytes": sum(n for _, n in files) + len(text), "files": len(files) + 1})
        return self

    def write(self):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as t:
            for path, content in self.rows:
                if len(path) < 100 and path.isascii() and path.isprintable():
                    header = bytearray(plain_header)  # tarfile takes 0.1 ms for each
                    header[0:len(path)] = path.encode()
                    header[124:136] = b"%011o\0" % len(content)
                    header[148:156] = b"%06o\0 " % sum(header)
                    out.write(header + content + bytes(-len(content) % 512))
                    continue
                m = tarfile.TarInfo(path)
                m.size, m.mtime = len(content), 1000000000
                t.addfile(m, io.BytesIO(content))
        d = write(gzip.compress(out.getvalue(), 1, mtime=0), "layer.v1.tar+gzip")
        d["annotations"] = {"io.condaimg.part": self.part,
                            "io.condaimg.packages": ",".join(p["dist"] for p in self.packages)}
        return d, "sha256:" + hashlib.sha256(out.getvalue()).hexdigest()


def plain():
    kilo = 1000
    layers = [
        Layer("system").file("etc/passwd", 200),
        Layer().package("huge", [("lib/huge.so", 6000 * kilo), ("lib/huge/data", 1500 * kilo), ("share/huge", 500 * kilo)]),
        Layer().package("gnu", [("lib/gnu.so", 2000 * kilo)], licence="GPL-3.0-only"),
        Layer().package("lesser", [("lib/lesser.so", 1000 * kilo)], licence="LGPL-2.1-or-later"),
        Layer().package("paid", [("lib/paid.so", 700 * kilo), ("share/paid", 5000)], licence="Elastic-2.0"),
        Layer().package("riddle", [("lib/riddle.so", 600 * kilo)], licence="see the file"),
        Layer().package("silent", [("lib/silent.so", 500 * kilo)], licence=None),
        Layer().package("one", [("lib/one", 400 * kilo)]).package("two", [("lib/two", 300 * kilo)], licence="BSD 3-Clause", family="BSD")
        .package("three", [("lib/three", 1)]).package("four", [("lib/four", 2)]),
        # The application puts its own file in a package's place.
        Layer("app").file("app/main.py", 250 * kilo).file("app/" + "long/" * 50 + "x", 3).file(PREFIX + "/share/paid", 10),
    ]
    layers[4].hidden = 5000
    layers[4].packages[0]["bytes"] -= 5000
    layers[4].packages[0]["files"] -= 1
    return layers


def other():
    layers = plain()
    layers[2] = Layer().package("gnu", [("lib/gnu.so", 2100 * 1000)], version="0.9", licence="GPL-3.0-only")
    return layers[:7]


def hostile():
    return [
        Layer("<b>part", "/bin/sh -c " + SCRIPT + IMG).file("a", 100),
        Layer().package("n" + SCRIPT.replace("/", "\u2044"), [("lib/" + IMG.replace("/", "\u2044"), 5000), ("lib/" + BIDI, 4000), ("lib/\x1b[31m\n", 10)],
                        version="1" + IMG.replace("-", "_").replace("/", "\u2044"), licence=SCRIPT, channel="javascript:document.title='broken'//" + IMG,
                        url="javascript:document.title='broken'"),
        Layer().package("m", [("lib/m", 4000)], licence=IMG, channel="https://x.invalid/\" onclick=\"document.title='broken'", url="data:text/html," + SCRIPT),
        Layer().package("o", [("lib/o", 3000)], licence="</style></title></script>" + SCRIPT, channel="http://user:secret@x.invalid/c", url="vbscript:x"),
        Layer().package("p", [("lib/p", 2000)], licence="{{script}}", version=BIDI, channel="javascript:alert(1)", url="JavaScript://x.invalid/%0aalert(1)"),
        Layer("app").file("</style>" + SCRIPT.replace("/", "\u2044"), 1000),
    ]


def many():
    layers = []
    for i in range(361):
        if i < 45 or i % 20 == 5:
            layers.append(Layer())
        files = [(f"lib/python3.11/site-packages/package{i}/some/where/deep/module_{k}.py", (361 - i) * (1 + (k < 30) * (30 - k)))
                 for k in range(277)]
        layers[-1].package(f"package-{i}", files, licence=["MIT", "BSD-3-Clause", "GPL-2.0-or-later", "Apache-2.0"][i % 4])
    return layers


hostile_text = SCRIPT + IMG + BIDI
layers = {"plain": plain, "other": other, "hostile": hostile, "many": many}[name]()
written = [layer.write() for layer in layers]
config = {
    "architecture": "amd64", "os": "linux", "created": "2001-09-09T01:46:40Z",
    "config": {"User": "1000:0", "WorkingDir": "/home/conda", "Cmd": ["python", "-c", "print(1)"],
               "Env": ["PATH=/usr/bin", "GREETING=gr\u00fc\u00dfe"], "Labels": {"io.condaimg.prefix": "/" + PREFIX}},
    "rootfs": {"type": "layers", "diff_ids": [diffid for _, diffid in written]},
    "history": [{"created_by": layer.created_by} for layer in layers],
}
if name == "hostile":
    config["config"] = {"User": hostile_text, "WorkingDir": hostile_text, "Cmd": [hostile_text], "Entrypoint": [hostile_text], "StopSignal": hostile_text,
                        "Env": [hostile_text + "=" + hostile_text, "A"], "ExposedPorts": {hostile_text: {}}, "Volumes": {hostile_text: {}},
                        "Labels": {"io.condaimg.prefix": "/" + PREFIX, hostile_text: hostile_text}}
manifest = {
    "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
    "config": write(json.dumps(config).encode(), "config.v1+json"), "layers": [d for d, _ in written],
}
if name == "hostile":
    manifest["annotations"] = {hostile_text: hostile_text}
    for d in manifest["layers"][:1]:
        del d["annotations"]
first = write(json.dumps(manifest).encode(), "manifest.v1+json")
(layout / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
(layout / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [first]}))
(layout / "wanted.json").write_text(json.dumps({
    "layers": [{"size": d["size"], "digest": d["digest"], "bytes": sum(len(c) for _, c in layer.rows) - layer.hidden, "packages": [p["name"] for p in layer.packages]}
               for (d, _), layer in zip(written, layers)],
    "packages": [dict(p, layer=i + 1) for i, layer in enumerate(layers) for p in layer.packages],
    "files": sum(len(layer.rows) for layer in layers),
}))
