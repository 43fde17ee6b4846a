#!/usr/bin/env python3
"""
hostile_image.py LAYOUT NAME: an OCI layout whose one image tries to leave the directory it is unpacked into, or is a good
one that uses what layers may do. Prints nothing. Python's standard library only.
"""

import gzip
import hashlib
import io
import json
import pathlib
import sys
import tarfile

F, D, S, H = tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE

# Each image: layers of (type, path, content or target, mode).
images = {
	# Hostile: each is refused.
	"dotdot": [[(F, "../evil", b"x")]],
	"dotdot-inside": [[(D, "a", None), (F, "a/../../evil", b"x")]],
	"dotdot-end": [[(D, "a/..", None)]],
	"through-symlink": [[(S, "out", "/outside"), (F, "out/evil", b"x")]],
	"through-relative": [[(S, "out", "../outside"), (F, "out/evil", b"x")]],
	"through-file": [[(F, "a", b"x"), (F, "a/b", b"x")]],
	"hardlink-out": [[(H, "evil", "../outside/secret")]],
	"hardlink-through": [[(S, "out", "/outside"), (H, "evil", "out/secret")]],
	"hardlink-nothing": [[(H, "evil", "nothing")]],
	"hardlink-self": [[(F, "a", b"x"), (H, "a", "a")]],
	"hardlink-dir": [[(D, "a", None), (H, "b", "a")]],
	"whiteout-nothing": [[(F, ".wh.", b"")]],
	"whiteout-dot": [[(F, "a/.wh..", b"")]],
	"whiteout-dotdot": [[(D, "a", None), (F, "a/.wh...", b"")]],
	"long-name": [[(F, "a" * 300, b"x")]],
	"deep": [[(F, "d/" * 400 + "x", b"x")]],
	# Good, though unusual.
	"absolute": [[(F, "/etc/a", b"x"), (F, "//b", b"y")]],
	"symlink-over": [[(S, "d", "/outside")], [(F, "d/inside", b"x")]],
	"symlink-replaced": [[(S, "d", "/outside"), (D, "d", None), (F, "d/inside", b"x")]],
	"symlink-written": [[(S, "f", "/outside/secret")], [(F, "f", b"mine")]],
	"whiteout-symlink": [[(S, "out", "/outside")], [(F, "out/.wh.secret", b"")]],
	"opaque-symlink": [[(S, "out", "/outside")], [(F, "out/.wh..wh..opq", b"")]],
	"whiteouts": [
		[(D, "a", None), (F, "a/gone", b"1"), (F, "a/stays", b"2"), (D, "b", None), (D, "b/c", None), (F, "b/c/gone", b"3"), (F, "whole/tree/gone", b"4"),
		 (F, "file", b"5"), (D, "dir", None), (F, "dir/x", b"6")],
		[(F, "a/.wh.gone", b""), (F, "b/c/new", b"7"), (F, "b/.wh..wh..opq", b""), (F, ".wh.whole", b""), (D, "file", None), (F, "file/in", b"8"), (F, "dir", b"9"),
		 (F, "a/.wh.never", b""), (F, ".wh..wh.plnk", b"")],
	],
	"whiteout-own": [[(F, "a", b"old")], [(F, "a", b"new"), (F, ".wh.a", b"")]],
	"modes": [
		[(D, "closed", None, 0o555), (F, "closed/f", b"x", 0o444), (D, "none", None, 0o000), (F, "none/f", b"x", 0o000), (F, "su", b"x", 0o4755), (D, "tmp", None, 0o1777)],
		[(F, "closed/g", b"y", 0o755)],
	],
	"devices": [[(tarfile.CHRTYPE, "null", None), (tarfile.FIFOTYPE, "pipe", None), (F, "f", b"x")]],
	"links": [[(F, "a", b"one"), (H, "b", "a"), (H, "c", "./a"), (S, "s", "a"), (F, "n\xc3\xa4m\xe9".encode("latin-1").decode("latin-1"), b"x")]],
	"empty": [],
}

layout, name = pathlib.Path(sys.argv[1]), sys.argv[2]
if name == "--list":
	raise SystemExit
blobs = layout / "blobs" / "sha256"
blobs.mkdir(parents=True)


def write(data, kind):
	hexes = hashlib.sha256(data).hexdigest()
	(blobs / hexes).write_bytes(data)
	return {"mediaType": "application/vnd.oci.image." + kind, "digest": "sha256:" + hexes, "size": len(data)}


def tar_of(rows):
	out = io.BytesIO()
	with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as t:
		for kind, path, what, *mode in rows:
			m = tarfile.TarInfo(path)
			m.type, m.mode, m.mtime = kind, mode[0] if mode else 0o755 if kind == D else 0o644, 1000000000
			if kind in (S, H):
				m.linkname = what
			if kind == tarfile.CHRTYPE:
				m.devmajor, m.devminor = 1, 3
			data = what if kind == F else None
			m.size = len(data) if data else 0
			t.addfile(m, io.BytesIO(data) if data else None)
	return out.getvalue()


layers, diffids = [], []
for rows in images[name]:
	tar = tar_of(rows)
	diffids.append("sha256:" + hashlib.sha256(tar).hexdigest())
	layers.append(write(gzip.compress(tar, mtime=0), "layer.v1.tar+gzip"))
config = {"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": diffids}}
manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": write(json.dumps(config).encode(), "config.v1+json"), "layers": layers}
entry = write(json.dumps(manifest).encode(), "manifest.v1+json")
entry["annotations"] = {"org.opencontainers.image.ref.name": "x"}
(layout / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
(layout / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
