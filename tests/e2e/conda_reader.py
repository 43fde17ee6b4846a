#!/usr/bin/env python3
"""
An independent reader of conda channels, for tests: nothing here is shared with condaimg or tools/debian-channel.

conda_reader.py check CHANNEL                          every archive against its records; prints what it saw
conda_reader.py install CHANNEL ROOT PREFIX NAME...    unpack NAMEs and all they need below ROOT, at PREFIX; prints the
                                                       activation's variables, one NAME=value a line

Takes the highest build number of a name and checks that each dependency is met by what it took; it does not solve.
Python's standard library and the command zstd only.
"""

import bz2
import fnmatch
import hashlib
import io
import json
import os
import re
import subprocess
import sys
import tarfile
import zipfile

ARCHES = {"x86_64": "linux-64", "aarch64": "linux-aarch64"}


def need(condition, text):
	if not condition:
		sys.exit(f"conda_reader: {text}")


def unzstd(data):
	return subprocess.run(["zstd", "-dcq"], input=data, stdout=subprocess.PIPE, check=True).stdout


def read_archive(path):
	"""(info, payload): {name: (tar member, bytes)}"""
	with open(path, "rb") as f:
		data = f.read()
	if path.endswith(".tar.bz2"):
		return split(bz2.decompress(data))
	stem = os.path.basename(path)[:-len(".conda")]
	with zipfile.ZipFile(io.BytesIO(data)) as z:
		names = ["metadata.json", f"pkg-{stem}.tar.zst", f"info-{stem}.tar.zst"]
		need(sorted(z.namelist()) == sorted(names), f"{path}: members {z.namelist()}")
		need(all(i.compress_type == zipfile.ZIP_STORED for i in z.infolist()), f"{path}: a member is not stored")
		need(z.testzip() is None, f"{path}: bad crc")
		need(json.loads(z.read("metadata.json"))["conda_pkg_format_version"] == 2, f"{path}: metadata.json")
		pkg, info = split(unzstd(z.read(names[1]))), split(unzstd(z.read(names[2])))
		need(not pkg[0] and not info[1], f"{path}: info/ and payload are mixed")
		return info[0], pkg[1]


def split(data):
	info, payload = {}, {}
	with tarfile.open(fileobj=io.BytesIO(data)) as t:
		for m in t:
			need(m.isreg() or m.issym(), f"{m.name}: type {m.type}")
			need(not m.name.startswith("/") and ".." not in m.name.split("/"), f"{m.name}: unsafe path")
			need(m.name not in info and m.name not in payload, f"{m.name}: twice")
			need(m.uid == m.gid == 0 and not m.uname and m.mode in (0o644, 0o755, 0o777),
				f"{m.name}: mode {m.mode:o} or owner")
			(info if m.name.startswith("info/") else payload)[m.name] = (m,
				t.extractfile(m).read() if m.isreg() else None)
	return info, payload


def records(channel, subdir):
	with open(os.path.join(channel, subdir, "repodata.json"), "rb") as f:
		text = f.read()
	with open(os.path.join(channel, subdir, "repodata.json.zst"), "rb") as f:
		need(unzstd(f.read()) == text, f"{subdir}: repodata.json.zst holds something else than repodata.json")
	data = json.loads(text)
	need(data["info"]["subdir"] == subdir and data["repodata_version"] == 1, f"{subdir}: info")
	for key, end in (("packages", ".tar.bz2"), ("packages.conda", ".conda")):
		for name, record in data[key].items():
			need(name == f"{record['name']}-{record['version']}-{record['build']}{end}", f"{name}: record of another")
			yield name, record


def check_paths(name, info, payload):
	rows = json.loads(info["info/paths.json"][1])
	need(rows["paths_version"] == 1, f"{name}: paths_version")
	need([r["_path"] for r in rows["paths"]] == sorted(payload), f"{name}: paths.json does not list what is there")
	need(info["info/files"][1].decode().splitlines() == sorted(payload), f"{name}: info/files")
	prefixed, links = 0, 0
	for row in rows["paths"]:
		member, data = payload[row["_path"]]
		at = f"{name}: {row['_path']}"
		need(row["path_type"] == ("softlink" if member.issym() else "hardlink"), f"{at}: path_type")
		if member.issym():
			links += 1
			need(not member.linkname.startswith("/"), f"{at}: absolute link")
			to = os.path.normpath(os.path.join(os.path.dirname(row["_path"]), member.linkname))
			need(not to.startswith(".."), f"{at}: link out of the prefix")
			while to in payload and payload[to][0].issym():
				to = os.path.normpath(os.path.join(os.path.dirname(to), payload[to][0].linkname))
			data = payload[to][1] if to in payload else None
		if data is not None:
			need(row["size_in_bytes"] == len(data), f"{at}: size")
			need(row["sha256"] == hashlib.sha256(data).hexdigest(), f"{at}: sha256")
		placeholder = row.get("prefix_placeholder")
		need(bool(placeholder) == ("file_mode" in row), f"{at}: file_mode without prefix_placeholder or the reverse")
		if placeholder:
			prefixed += 1
			need(len(placeholder) == 255 and placeholder.encode() in data, f"{at}: no placeholder")
			need((row["file_mode"] == "binary") == (b"\0" in data), f"{at}: file_mode")
		elif not member.issym():
			need(b"_placehold_placehold" not in data, f"{at}: a placeholder that is not recorded")
	return len(rows["paths"]), prefixed, links


def check_one(channel, subdir, name, record):
	path = os.path.join(channel, subdir, name)
	with open(path, "rb") as f:
		data = f.read()
	need(record["size"] == len(data), f"{name}: size")
	need(record["sha256"] == hashlib.sha256(data).hexdigest(), f"{name}: sha256")
	need(record["md5"] == hashlib.md5(data).hexdigest(), f"{name}: md5")
	need(record["subdir"] == subdir, f"{name}: subdir")
	need(re.fullmatch(r"[a-z0-9._-]{1,64}", record["name"]), f"{name}: name")
	need(re.fullmatch(r"[0-9][a-z0-9_.]{0,63}", record["version"]), f"{name}: version")
	need(re.fullmatch(r"[a-zA-Z0-9_.+]{1,64}", record["build"]), f"{name}: build")
	need(record["timestamp"] > 10**12, f"{name}: timestamp is not in milliseconds")
	info, payload = read_archive(path)
	index = json.loads(info["info/index.json"][1])
	need(all(record[k] == v for k, v in index.items()), f"{name}: index.json differs from repodata")
	need(json.loads(info["info/about.json"][1])["license"] == record["license"], f"{name}: about.json")
	need(any(p.startswith("info/licenses/") and d for p, (_, d) in info.items()), f"{name}: no licence text")
	need(("noarch" in record) == (subdir == "noarch"), f"{name}: noarch")
	if "noarch" in record:
		need(json.loads(info["info/link.json"][1])["noarch"]["type"] == record["noarch"], f"{name}: link.json")
		elf = [p for p, (_, d) in payload.items() if d and d[:4] == b"\x7fELF"]
		need(not elf or record["name"].startswith("sysroot_"), f"{name}: noarch with {elf[:1]}")
	return check_paths(name, info, payload)


def check(channel):
	subdirs = sorted(d for d in os.listdir(channel) if not d.startswith("."))
	need("noarch" in subdirs and len(subdirs) == 2, f"subdirs {subdirs}")
	total = [0, 0, 0, 0]
	for subdir in subdirs:
		found = list(records(channel, subdir))
		files = {f for f in os.listdir(os.path.join(channel, subdir)) if not f.startswith("repodata.json")}
		need(files == {name for name, _ in found}, f"{subdir}: repodata.json does not list what is there")
		for name, record in found:
			total = [a + b for a, b in zip(total, (1,) + check_one(channel, subdir, name, record))]
	print("{} packages, {} paths, {} with a prefix, {} links: all as recorded".format(*total))


# Versions as far as this channel has them: numbers and letters; letters sort below the number they follow with.
def version(text):
	return [[int(c) if c.isdigit() else c for c in re.findall(r"\d+|[a-z]+", part)] for part in text.split(".")]


def compare(a, b):
	a, b = version(a), version(b)
	for i in range(max(len(a), len(b))):
		x, y = (v[i] if i < len(v) else [] for v in (a, b))
		for j in range(max(len(x), len(y))):
			c, d = (v[j] if j < len(v) else 0 for v in (x, y))
			if c != d:
				return (c > d) - (c < d) if type(c) is type(d) else 1 if isinstance(c, int) else -1
	return 0


def matches(spec, record):
	_, *rest = spec.split()
	for clause in (rest[0].split(",") if rest else []):
		op, want = re.fullmatch(r"(>=|<=|==|<|>|)(.*)", clause).groups()
		order = 0 if want.endswith("*") else compare(record["version"], want)
		if want.endswith("*"):
			ok = fnmatch.fnmatchcase(record["version"] + ".", want.rstrip("*").rstrip(".") + ".*")
		else:
			ok = {">=": order >= 0, "<=": order <= 0, "<": order < 0, ">": order > 0, "==": order == 0,
				"": order == 0}[op]
		if not ok:
			return False
	return len(rest) < 2 or fnmatch.fnmatchcase(record["build"], rest[1])


def choose(channel, names):
	best = {}
	for subdir in (ARCHES[os.uname().machine], "noarch"):
		for file, record in records(channel, subdir):
			key = (record["build_number"], file.endswith(".conda"))
			if record["name"] not in best or key > best[record["name"]][0]:
				best[record["name"]] = (key, os.path.join(channel, subdir, file), record)
	glibc = next(r["version"] for _, _, r in best.values() if r["name"].startswith("sysroot_"))
	virtual = {"__glibc": {"version": glibc, "build": "0"}, "__unix": {"version": "0", "build": "0"}}
	taken, queue = {}, list(names)
	while queue:
		name = queue.pop()
		if name in taken or name in virtual:
			continue
		need(name in best, f"{name}: not in the channel")
		taken[name] = best[name][1:]
		queue += [spec.split()[0] for spec in taken[name][1]["depends"]]
	for _, record in taken.values():
		for key in ("depends", "constrains"):
			for spec in record.get(key, ()):
				other = virtual.get(spec.split()[0]) or taken.get(spec.split()[0], (None, None))[1]
				need(other is None or matches(spec, other), f"{record['name']}: {spec} is not met by {other}")
	return taken


def place(path, noarch, site):
	if noarch == "python":
		path = re.sub(r"^site-packages/", site + "/", path)
		path = re.sub(r"^python-scripts/", "bin/", path)
	return path


def put(path, data, mode):
	os.makedirs(os.path.dirname(path), exist_ok=True)
	need(not os.path.lexists(path), f"{path}: in two packages")
	with open(path, "wb") as f:
		f.write(data)
	os.chmod(path, mode)


def replace(data, row, prefix):
	old, new = row["prefix_placeholder"].encode(), prefix.encode()
	if row["file_mode"] == "text":
		return data.replace(old, new)
	pattern = re.compile(re.escape(old) + rb"[^\0]*\0")
	return pattern.sub(lambda m: m[0].replace(old, new).ljust(len(m[0]), b"\0"), data)


def install_one(path, record, top, prefix, python):
	info, payload = read_archive(path)
	noarch, site = record.get("noarch"), python["python_site_packages_path"]
	for row in json.loads(info["info/paths.json"][1])["paths"]:
		member, data = payload[row["_path"]]
		to = os.path.join(top, place(row["_path"], noarch, site))
		if member.issym():
			os.makedirs(os.path.dirname(to), exist_ok=True)
			os.symlink(member.linkname, to)
		else:
			put(to, replace(data, row, prefix) if "prefix_placeholder" in row else data, member.mode)
	if noarch == "python":
		short = ".".join(python["version"].split(".")[:2])
		for line in json.loads(info["info/link.json"][1])["noarch"].get("entry_points", ()):
			name, module, func = re.fullmatch(r"([\w.-]+) = ([\w.]+):([\w.]+)", line).groups()
			text = f"#!{prefix}/bin/python{short}\nimport sys\nfrom {module} import {func}\nsys.exit({func}())\n"
			put(os.path.join(top, "bin", name), text.encode(), 0o755)


def install(channel, root, prefix, names):
	taken = choose(channel, names)
	top = os.path.join(root, prefix.lstrip("/"))
	python = taken["python"][1]
	for name in sorted(taken):
		install_one(*taken[name], top, prefix, python)
	folder = os.path.join(top, "etc/conda/env_vars.d")
	for name in sorted(os.listdir(folder)):
		with open(os.path.join(folder, name), encoding="utf-8") as f:
			for key, value in sorted(json.load(f).items()):
				print(f"{key}={value}")


if __name__ == "__main__":
	if sys.argv[1:2] == ["check"] and len(sys.argv) == 3:
		check(sys.argv[2])
	elif sys.argv[1:2] == ["install"] and len(sys.argv) > 5:
		install(sys.argv[2], sys.argv[3], sys.argv[4], sys.argv[5:])
	else:
		sys.exit(__doc__)
