#!/usr/bin/env python3
"""
make_channel.py DIR: a small channel with good packages and with packages that each have one fault, named by it.

The records tell the truth about size and sha256 of every archive, so that whoever reads the archive is the judge; except
where the fault is in the record. Nothing is shared with condaimg. Python's standard library and the command zstd only.
"""

import bz2
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import zipfile

PLACEHOLDER = "/placeholder_" * 10


def zstd(data):
	return subprocess.run(["zstd", "-cq", "-1"], input=data, stdout=subprocess.PIPE, check=True).stdout


def sha256(data):
	return hashlib.sha256(data).hexdigest()


class File:
	def __init__(self, path, data=b"", kind=tarfile.REGTYPE, target="", mode=0o644):
		self.path, self.data, self.kind, self.target, self.mode = path, data, kind, target, mode

	def row(self):
		kind = "softlink" if self.kind == tarfile.SYMTYPE else "hardlink"
		return {"_path": self.path, "path_type": kind, "sha256": sha256(self.data), "size_in_bytes": len(self.data)}


def tar(files):
	out = io.BytesIO()
	with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as t:
		for f in files:
			m = tarfile.TarInfo(f.path)
			m.type, m.mode, m.linkname = f.kind, f.mode, f.target
			m.size = len(f.data) if f.kind == tarfile.REGTYPE else 0
			if f.kind in (tarfile.CHRTYPE, tarfile.BLKTYPE):
				m.devmajor, m.devminor = 1, 3
			t.addfile(m, io.BytesIO(f.data) if m.size else None)
	return out.getvalue()


def archive(name, fn, files, rows=None, index=None, info=None, noarch=None):
	"""rows: of paths.json; index: of index.json; info: further files, or None instead of bytes to leave one out."""
	record = {"name": name, "version": "1", "build": "0", "build_number": 0, "depends": [], "subdir": "noarch"}
	if noarch:
		record["noarch"] = noarch
	record.update(index or {})
	rows = [f.row() for f in files] if rows is None else rows
	members = {
		"info/index.json": json.dumps(record).encode(),
		"info/paths.json": json.dumps({"paths": rows, "paths_version": 1}).encode(),
	}
	members.update(info or {})
	info_files = [File(path, data) for path, data in sorted(members.items()) if data is not None]
	if fn.endswith(".tar.bz2"):
		return bz2.compress(tar(info_files + files))
	stem = fn[:-len(".conda")]
	out = io.BytesIO()
	with zipfile.ZipFile(out, "w") as z:
		for member, data in (("metadata.json", b'{"conda_pkg_format_version": 2}'), (f"pkg-{stem}.tar.zst", zstd(tar(files))),
			(f"info-{stem}.tar.zst", zstd(tar(info_files)))):
			z.writestr(zipfile.ZipInfo(member), data)
	return out.getvalue()


class Channel:
	def __init__(self, top):
		self.top, self.records = top, {}  # by (subdir, file)
		os.makedirs(os.path.join(top, "noarch"))
		os.makedirs(os.path.join(top, "linux-64"))
		os.makedirs(os.path.join(top, "linux-aarch64"))

	def add(self, name, *files, suffix=".conda", depends=(), version="1", edit=None, record=None, noarch="generic", subdir="noarch", **how):
		fn = f"{name}-{version}-0{suffix}"
		noarch = noarch if subdir == "noarch" else None
		how.setdefault("index", {"version": version, "depends": list(depends), "subdir": subdir})
		data = archive(name, fn, list(files) or [File(f"share/{name}.txt", f"{name}\n".encode())], noarch=noarch, **how)
		if edit:
			data = edit(data)
		told = {"name": name, "version": version, "build": "0", "build_number": 0, "depends": list(depends), "subdir": subdir,
			"noarch": noarch, "size": len(data), "sha256": sha256(data), "md5": hashlib.md5(data).hexdigest(), "timestamp": 1600000000000}
		told.update(record or {})
		self.records[subdir, fn] = {k: v for k, v in told.items() if v is not None}
		with open(os.path.join(self.top, subdir, fn), "wb") as f:
			f.write(data)
		return data

	def damage(self, name, change, suffix=".conda"):
		path = os.path.join(self.top, "noarch", f"{name}-1-0{suffix}")
		with open(path, "rb") as f:
			data = f.read()
		with open(path, "wb") as f:
			f.write(change(data))

	def finish(self):
		for subdir in "noarch", "linux-64", "linux-aarch64":
			packages = {"packages": {}, "packages.conda": {}}
			for (where, fn), record in self.records.items():
				if where != subdir:
					continue
				packages["packages.conda" if fn.endswith(".conda") else "packages"][fn] = record
			with open(os.path.join(self.top, subdir, "repodata.json"), "w", encoding="ascii") as f:
				json.dump({"info": {"subdir": subdir}, **packages, "repodata_version": 1}, f, indent=1)


def flipped(data):
	middle = len(data) // 2
	return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1:]


def good(c):
	c.add("good")
	c.add("goodbz", suffix=".tar.bz2")
	c.add("common", version="1")
	c.add("common", version="2")
	c.add("left", depends=["common 1"])
	c.add("right", depends=["common 2"])
	c.add("needs-nowhere", depends=["nowhere >=3"])
	c.add("needs-new-glibc", depends=["__glibc >=99"])
	c.add("link-script", File("bin/.link-script-post-link.sh", b"#!/bin/sh\nldconfig\n", mode=0o755), File("share/x", b"x"))
	c.add("big", File("share/big", os.urandom(3 << 20)))


def records(c):
	"""Where the record is wrong, or the file is another than the record tells of."""
	for name in "tampered", "cut-short", "too-long", "not-there":
		c.add(name, File("share/x", os.urandom(20000)))
		c.add(name + "-bz", File("share/x", os.urandom(20000)), suffix=".tar.bz2")
	for suffix, tail in (("", ".conda"), ("-bz", ".tar.bz2")):
		c.damage("tampered" + suffix, flipped, tail)
		c.damage("cut-short" + suffix, lambda d: d[:len(d) // 2], tail)
		c.damage("too-long" + suffix, lambda d: d + b"x", tail)
		os.remove(os.path.join(c.top, "noarch", f"not-there{suffix}-1-0{tail}"))
	c.add("lies-about-size", record={"size": 12345})
	c.add("lies-about-hash", record={"sha256": "0" * 64})
	c.add("lies-about-md5", record={"md5": "0" * 32, "sha256": None})
	c.add("tells-no-hash", record={"md5": None, "sha256": None})
	c.add("named-otherwise", index={"name": "something-else", "version": "1"})


def archives(c):
	"""Where the archive itself is bad."""
	for suffix, tail in (("", ".conda"), ("-bz", ".tar.bz2")):
		ok = File("share/ok", b"ok")
		both = lambda name, *files, **how: c.add(name + suffix, *files, suffix=tail, **how)
		both("truncated", File("share/x", os.urandom(40000)), edit=lambda d: d[:len(d) - 20000])
		both("garbage", edit=lambda d: os.urandom(5000))
		both("empty-file", edit=lambda d: b"")
		both("dotdot", File("../../../../etc/evil", b"evil"))
		both("dotdot-inside", File("share/../../evil", b"evil"))
		both("absolute", File("/etc/evil", b"evil"))
		both("dotdot-unlisted", ok, File("../evil", b"evil"), rows=[ok.row()])
		both("absolute-listed", ok, rows=[ok.row(), {**ok.row(), "_path": "/etc/passwd"}])
		both("dotdot-listed", ok, rows=[ok.row(), {**ok.row(), "_path": "../passwd"}])
		both("link-through", File("lib", kind=tarfile.SYMTYPE, target="../../../../../etc"), File("lib/passwd", b"evil"))
		both("link-through-unlisted", File("lib", kind=tarfile.SYMTYPE, target="/etc"), File("lib/passwd", b"evil"),
			rows=[File("lib/passwd", b"evil").row()])
		both("hard-link-out", File("share/x", kind=tarfile.LNKTYPE, target="../../../../../etc/passwd"))
		both("hard-link-absolute", File("share/x", kind=tarfile.LNKTYPE, target="/etc/passwd"))
		both("hard-link-to-nothing", File("share/x", kind=tarfile.LNKTYPE, target="share/none"))
		both("hard-link-to-itself", File("share/x", kind=tarfile.LNKTYPE, target="share/x"))
		both("device", File("dev/null", kind=tarfile.CHRTYPE))
		both("device-unlisted", ok, File("dev/sda", kind=tarfile.BLKTYPE), rows=[ok.row()])
		both("fifo", File("share/fifo", kind=tarfile.FIFOTYPE))
		both("lists-another-size", ok, rows=[{**ok.row(), "size_in_bytes": 3}])
		both("lists-another-hash", ok, rows=[{**ok.row(), "sha256": "1" * 64}])
		both("lists-more", ok, rows=[ok.row(), {**ok.row(), "_path": "share/more"}])
		both("lists-twice", ok, rows=[ok.row(), ok.row()])
		both("lists-a-link", ok, rows=[{**ok.row(), "path_type": "softlink"}])
		both("has-twice", ok, File("share/ok", b"no"), rows=[ok.row()])
		both("file-below-file", ok, File("share/ok/x", b"x"))
		both("no-index", info={"info/index.json": None})
		both("broken-index", info={"info/index.json": b'{"name": '})
		both("broken-paths", info={"info/paths.json": b'{"paths": [{"_path": 7}]}'})
		both("huge-paths", info={"info/paths.json": b" " * (400 << 20)} if not suffix else {"info/paths.json": b"[" * (1 << 20)})
		both("short-placeholder", File("bin/x", b"\x7fELF /x/lib\0"), rows=[{**File("bin/x", b"\x7fELF /x/lib\0").row(),
			"prefix_placeholder": "/x", "file_mode": "binary"}])
		both("entry-point-out", File("site-packages/m.py", b""), noarch="python", depends=["python"],
			info={"info/link.json": b'{"noarch": {"type": "python", "entry_points": ["../../evil = m:main"]}}'})
		both("without-python", File("site-packages/m.py", b""), noarch="python")
		both("name-too-long", File("share/" + "x" * 300, b"x"))
	c.add("python", File("bin/python3.11", b"#!/bin/sh\n", mode=0o755), version="3.11.0")
	c.add("pip")


def main():
	c = Channel(sys.argv[1])
	good(c)
	records(c)
	archives(c)
	c.finish()


if __name__ == "__main__":
	main()
