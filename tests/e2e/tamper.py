#!/usr/bin/env python3
"""
tamper.py LAYOUT OPERATION [ARGUMENT...]: change the one image of an OCI layout, as somebody would who knows the format: all
digests but those that OPERATION is about fit again. Python's standard library only (layers are gzip or not compressed).

flip PACKAGE FRACTION    one bit of the blob of the package's layer, at that part of its length
content PACKAGE PATH     another content of the same size
grow PACKAGE PATH        a byte more
remove PACKAGE PATH      the file is not there
add PACKAGE PATH         a file that nobody knows
chmod PACKAGE PATH       may be executed by all
link PACKAGE PATH        a symlink in its place, or one that leads elsewhere
forge PACKAGE PATH       another content, and its record knows it
retime PACKAGE           another time of every file
drop PACKAGE             the package's layer is not there
unrecord PACKAGE         conda-meta's file is not there
forget PACKAGE           as drop, and conda-meta/history does not have it either
top PATH                 one more layer, with another file of that path
disguise PATH            the same, and that layer is called the system's, so that all others seem to be a base's
whiteout PATH            one more layer, that takes it away
diffid PACKAGE           the config says another diffid
"""

import gzip
import hashlib
import io
import json
import pathlib
import re
import sys
import tarfile

layout = pathlib.Path(sys.argv[1])
operation, arguments = sys.argv[2], sys.argv[3:]
blobs = layout / "blobs" / "sha256"


def read(digest):
	return (blobs / digest.split(":")[1]).read_bytes()


def write(data):
	hexes = hashlib.sha256(data).hexdigest()
	(blobs / hexes).write_bytes(data)
	return {"digest": "sha256:" + hexes, "size": len(data)}


index = json.loads((layout / "index.json").read_text())
manifest = json.loads(read(index["manifests"][0]["digest"]))
config = json.loads(read(manifest["config"]["digest"]))


def layer_of(package):
	for i, layer in enumerate(manifest["layers"]):
		if package in [p.rsplit("-", 2)[0] for p in layer["annotations"].get("io.condaimg.packages", "").split(",")]:
			return i
		if layer["annotations"].get("io.condaimg.part") == package:
			return i
	raise SystemExit(f"no layer of {package}")


def members(i):
	with tarfile.open(fileobj=io.BytesIO(gzip.decompress(read(manifest["layers"][i]["digest"])))) as t:
		return [(m, t.extractfile(m).read() if m.isreg() else None) for m in t]


def tar_of(list_):
	out = io.BytesIO()
	with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as t:
		for m, data in list_:
			if data is not None:
				m.size = len(data)
			t.addfile(m, io.BytesIO(data) if data is not None else None)
	return out.getvalue()


def put_layer(i, tar):
	manifest["layers"][i].update(write(gzip.compress(tar, mtime=0)))
	config["rootfs"]["diff_ids"][i] = "sha256:" + hashlib.sha256(tar).hexdigest()


def take_layer(i):
	del manifest["layers"][i], config["rootfs"]["diff_ids"][i]
	steps = [k for k, h in enumerate(config["history"]) if not h.get("empty_layer")]
	del config["history"][steps[i]]


def put_on_top(name, data, part=None):
	m = tarfile.TarInfo(name)
	m.mode = 0o644
	tar = tar_of([(m, data)])
	layer = {"mediaType": manifest["layers"][-1]["mediaType"]}
	layer.update(write(gzip.compress(tar, mtime=0)))
	if part:
		layer["annotations"] = {"io.condaimg.part": part}
	manifest["layers"].append(layer)
	config["rootfs"]["diff_ids"].append("sha256:" + hashlib.sha256(tar).hexdigest())
	config["history"].append({"created_by": "somebody"})


def other(data):
	return bytes([data[0] ^ 1]) + data[1:]


def change_file(i, path, operation):
	list_ = members(i)
	if operation == "add":
		m = tarfile.TarInfo(path)
		list_.append((m, b"nobody's\n"))
		return put_layer(i, tar_of(list_))
	k = next(k for k, (m, _) in enumerate(list_) if m.name == path)
	m, data = list_[k]
	if operation == "remove":
		del list_[k]
	elif operation in ("content", "forge"):
		list_[k] = m, other(data)
	elif operation == "grow":
		list_[k] = m, data + b"\n"
	elif operation == "chmod":
		m.mode ^= 0o111
	elif operation == "link":
		m.type, m.linkname, m.size = tarfile.SYMTYPE, "elsewhere", 0
		list_[k] = m, None
	if operation == "forge":
		old, new = (hashlib.sha256(d).hexdigest().encode() for d in (data, other(data)))
		for n, (m, data) in enumerate(list_):
			if re.search(r"/conda-meta/[^/]*\.json$", m.name):
				assert old in data
				list_[n] = m, data.replace(old, new)
	put_layer(i, tar_of(list_))


def forget(package):
	i = layer_of("environment")
	list_ = members(i)
	for n, (m, data) in enumerate(list_):
		if m.name.endswith("/history"):
			lines = [line for line in data.split(b"\n") if b"::" + package.encode() + b"-" not in line]
			assert len(lines) == data.count(b"\n")
			list_[n] = m, b"\n".join(lines)
	put_layer(i, tar_of(list_))


if operation == "flip":
	place = blobs / manifest["layers"][layer_of(arguments[0])]["digest"].split(":")[1]
	data = bytearray(place.read_bytes())
	data[int(len(data) * float(arguments[1]))] ^= 1
	place.write_bytes(data)
	raise SystemExit
if operation in ("drop", "forget"):
	if operation == "forget":
		forget(arguments[0])
	take_layer(layer_of(arguments[0]))
elif operation == "unrecord":
	i = layer_of(arguments[0])
	put_layer(i, tar_of([(m, d) for m, d in members(i) if not re.search(rf"/conda-meta/{re.escape(arguments[0])}-[^/]*\.json$", m.name)]))
elif operation == "retime":
	i = layer_of(arguments[0])
	list_ = members(i)
	for m, _ in list_:
		m.mtime += 1
	put_layer(i, tar_of(list_))
elif operation == "top":
	put_on_top(arguments[0], b"another\n")
elif operation == "disguise":
	put_on_top(arguments[0], b"another\n", "system")
elif operation == "whiteout":
	path = pathlib.PurePosixPath(arguments[0])
	put_on_top(str(path.parent / (".wh." + path.name)), b"")
elif operation == "diffid":
	config["rootfs"]["diff_ids"][layer_of(arguments[0])] = "sha256:" + "0" * 64
else:
	change_file(layer_of(arguments[0]), arguments[1], operation)
manifest["config"].update(write(json.dumps(config).encode()))
index["manifests"][0].update(write(json.dumps(manifest).encode()))
(layout / "index.json").write_text(json.dumps(index))
