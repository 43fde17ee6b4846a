#!/usr/bin/env python3
"""
paths-json.py LAYER_TOOL: every archive of the channels of real packages against the layer that is made of it: each file is there, once,
of the type, size, mode and sha256 that info/paths.json says; where a placeholder was replaced, it is what conda's documented algorithm
gives; nothing else is there. Shares no code with condaimg: Python's standard library and the command zstd.

CONDAIMG_SHARED is where the packages are (default: ../shared beside the source). Exit code 77 where there are none.
"""

import bz2
import concurrent.futures
import hashlib
import io
import json
import os
import pathlib
import re
import subprocess
import sys
import tarfile
import zipfile

PREFIX, PYTHON = "/opt/conda/envs/default", "3.12"
SITE = f"lib/python{PYTHON}/site-packages"
TREE_TIME = 315532800  # 1980-01-01, docs/layout.md


# What condaimg says that it knows: read as text, so that a script of the archives that is not in the table is noticed.
ROOT = pathlib.Path(os.environ.get("CONDAIMG_SOURCE_ROOT", pathlib.Path(__file__).resolve().parents[2]))
KNOWN_SCRIPTS = set(re.findall(r'"([0-9a-f]{64})"', (ROOT / "cmd" / "link_effects.c").read_text()))


def sha256(data):
	return hashlib.sha256(data).hexdigest()


def read_tar(data):
	"""{path: (member, content)}; a hard link has its target's content."""
	out = {}
	with tarfile.open(fileobj=io.BytesIO(data), encoding="utf-8", errors="surrogateescape") as t:
		for m in t:
			name = re.sub(r"^(\./)+", "", m.name).rstrip("/")
			content = t.extractfile(m).read() if m.isreg() else out[re.sub(r"^(\./)+", "", m.linkname)][1] if m.islnk() and re.sub(r"^(\./)+", "", m.linkname) in out else None
			if m.islnk() and content is None:
				content = t.extractfile(m).read()
			out[name] = (m, content)
	return out


def read_archive(path):
	if path.suffix == ".bz2":
		return read_tar(bz2.decompress(path.read_bytes()))
	out = {}
	with zipfile.ZipFile(path) as z:
		for name in z.namelist():
			if name.endswith(".tar.zst"):
				out.update(read_tar(subprocess.run(["zstd", "-dcq"], input=z.read(name), stdout=subprocess.PIPE, check=True).stdout))
	return out


def info_paths(files):
	"""Rows as of paths.json, also of packages that only have the lists of old."""
	if "info/paths.json" in files:
		return json.loads(files["info/paths.json"][1])["paths"]
	text = lambda name: files[name][1].decode() if name in files else ""
	placeholders = {}
	for line in text("info/has_prefix").splitlines():
		words = re.findall(r'"[^"]*"|\S+', line)
		words = [w.strip('"') for w in words]
		if len(words) == 3:
			placeholders[words[2]] = (words[0], words[1])
		elif words:
			placeholders[words[0]] = ("/opt/anaconda1anaconda2anaconda3", "text")
	rows = []
	for name in text("info/files").splitlines():
		if name:
			row = {"_path": name}
			if name in placeholders:
				row["prefix_placeholder"], row["file_mode"] = placeholders[name]
			rows.append(row)
	return rows


def shebang_is_long(data):
	line = data.split(b"\n", 1)[0]
	return line.startswith(b"#!") and len(line) > 127


def replaced(data, placeholder, mode):
	"""conda/core/portability.py in its own words: text as it is, strings in binaries filled up with NUL."""
	old, new = placeholder.encode(), PREFIX.encode()
	if mode == "text":
		return data.replace(old, new)
	return re.sub(re.escape(old) + rb"[^\0\n]*?\0", lambda m: m[0].replace(old, new) + b"\0" * (m[0].count(old) * (len(old) - len(new))), data)


class Count(dict):
	def add(self, key, n=1):
		self[key] = self.get(key, 0) + n


def destination(path, noarch):
	if noarch and path.startswith("site-packages/"):
		return SITE + path[len("site-packages"):]
	if noarch and path.startswith("python-scripts/"):
		return "bin" + path[len("python-scripts"):]
	return path


def check_file(row, files, layer, path, dest, fault, count):
	m, content = layer.pop(dest, (None, None))
	source, original = files[path]
	if m is None:
		return fault(dest, "is not in the layer")
	if row.get("path_type") == "softlink" or source.issym():
		count.add("symlinks")
		if not m.issym() or m.linkname != source.linkname:
			fault(dest, f"is no symlink to {source.linkname}")
		return None
	if not (m.isreg() or m.islnk()):
		return fault(dest, "is no file")
	if m.mtime != TREE_TIME or (m.uid, m.gid, m.uname, m.gname) != (0, 0, "", "") or m.mode != source.mode & 0o777:
		fault(dest, f"mode, time or owner: {m.mode:o} {source.mode:o} {m.mtime} {m.uid}")
	if row.get("sha256") and (sha256(original), len(original)) != (row["sha256"], row.get("size_in_bytes", len(original))):
		return fault(path, "the archive itself is not what its paths.json says")
	is_pyc = path.endswith(".pyc") and re.sub(r"(__pycache__/)?([^/]*?)(\.cpython-\d+(\.opt-\d)?)?\.pyc$", r"\2.py", path) in files
	if is_pyc:
		# The header's words about the source's time are settled; the code is the package's.
		count.add("compiled, code compared")
		if content[16:] != original[16:] and content[12:] != original[12:]:
			fault(dest, "has other code")
		return None
	if row.get("prefix_placeholder"):
		want = replaced(original, row["prefix_placeholder"], row.get("file_mode", "text"))
		if shebang_is_long(want):
			return count.add("placeholder in a long #! line, not compared")
		count.add(f"placeholder, {row.get('file_mode', 'text')}, compared")
		return None if content == want else fault(dest, "is not what replacing the placeholder gives")
	if row.get("sha256"):
		count.add("unreplaced, sha256 and size as in paths.json")
		if (sha256(content), len(content)) != (row["sha256"], row.get("size_in_bytes", len(content))):
			fault(dest, f"is sha256:{sha256(content)}, paths.json says {row['sha256']}")
	else:
		count.add("unreplaced, without sha256, as in the archive")
		if content != original:
			fault(dest, "is not the archive's")
	return None


def check(tool, archive):
	"""(counts, faults, refusal)"""
	count, faults = Count(), []
	files = read_archive(archive)
	index = json.loads(files["info/index.json"][1])
	link = json.loads(files["info/link.json"][1]) if "info/link.json" in files else {}
	noarch = index.get("noarch") == "python"
	made = subprocess.run([tool, str(archive), PREFIX, PYTHON], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
	if made.returncode:
		return count, faults, f"{archive.name}: {made.stderr.decode().strip()[:300]}"
	for name, (m, text) in files.items():
		if re.fullmatch(r"bin/\.[^/]*-(post|pre)-link\.sh", name):
			count.add("link scripts, all known")
			if sha256(text) not in KNOWN_SCRIPTS:
				faults.append(f"{archive.name}: {name} is a link script that condaimg does not know")
	front = PREFIX[1:] + "/"
	layer = read_tar(made.stdout)
	for name in [n for n, (m, _) in layer.items() if m.isdir()]:
		m, _ = layer.pop(name)
		if m.mode != 0o755 or not (name + "/").startswith(front) and not front.startswith(name + "/"):
			faults.append(f"{archive.name}: directory {name}")
	outside = [n for n in layer if not n.startswith(front)]
	faults += [f"{archive.name}: {n} is outside of the prefix" for n in outside]
	layer = {n[len(front):]: v for n, v in layer.items() if n.startswith(front)}
	scripts = {"bin/" + e.split("=")[0].strip() for e in link.get("noarch", {}).get("entry_points", [])} if noarch else set()
	fault = lambda path, what: faults.append(f"{archive.name}: {path} {what}")
	for row in info_paths(files):
		path = row["_path"]
		dest = destination(path, noarch)
		if row.get("path_type") == "directory":
			count.add("directories")
		elif dest not in scripts:
			check_file(row, files, layer, path, dest, fault, count)
	for script in scripts:
		m, content = layer.pop(script, (None, b""))
		count.add("entry points")
		if not content.startswith(f"#!{PREFIX}/bin/python{PYTHON}\n".encode()):
			fault(script, "is no entry point")
	for path, (m, original) in files.items():
		name = path[len("info/licenses/"):] if path.startswith("info/licenses/") else "LICENSE.txt" if path == "info/LICENSE.txt" else None
		if name and m.isreg():
			at = f"conda-meta/licenses/{index['name']}/{name}" + (".txt" if name.endswith(".json") else "")
			count.add("licence texts")
			if layer.pop(at, (None, None))[1] != original:
				fault(at, "is not the licence text of info/")
	meta = f"conda-meta/{index['name']}-{index['version']}-{index['build']}.json"
	record = json.loads(layer.pop(meta)[1])
	count.add("records")
	if (record["name"], record["version"], record["build"]) != (index["name"], index["version"], index["build"]):
		fault(meta, "is another package's")
	faults += [f"{archive.name}: {n} is in the layer, but not in the package" for n in layer]
	return count, faults, None


def main():
	real = pathlib.Path(os.environ.get("CONDAIMG_SHARED", ROOT / ".." / "shared")) / "channels" / "real"
	archives = sorted(p for p in real.glob("*/*") if p.name.endswith((".conda", ".tar.bz2")))
	if not archives:
		print(f"SKIP: there are no packages in {real}")
		return 77
	total, faults, refused = Count(), [], []
	with concurrent.futures.ProcessPoolExecutor(2) as pool:
		for count, found, refusal in pool.map(check, [sys.argv[1]] * len(archives), archives):
			for key, n in count.items():
				total.add(key, n)
			faults += found
			refused += [refusal] if refusal else []
	subdirs = ", ".join(f"{sum(p.parent.name == s for p in archives)} {s}" for s in sorted({p.parent.name for p in archives}))
	print(f"{len(archives)} archives ({subdirs}), {len(archives) - len(refused)} layers, {len(refused)} refused")
	for key in sorted(total):
		print(f"  {total[key]:7} {key}")
	for line in refused:
		print("refused:", line)
	for line in faults[:50]:
		print("FAIL:", line)
	if refused:
		print("FAIL: packages that do not link")
	if total["records"] != len(archives) - len(refused):
		faults.append("not every layer was looked at")
	if total["link scripts, all known"] == 0:
		faults.append("no archive has a link script, so the table was not tried")
	return 1 if faults or refused else 0


if __name__ == "__main__":
	sys.exit(main())
