"""conda's side: what stands in info/, the two kinds of archives, repodata."""

import bz2
import hashlib
import io
import json
import os
import posixpath
import re
import tarfile
import zipfile
from concurrent.futures import ThreadPoolExecutor

from .base import PLACEHOLDER, SITE, File, Failure, run, sha256, write


def target_of(packages, package, path):
	"""The file a link leads to, in this package or another one; None if that is a folder."""
	for _ in range(40):
		file = next((p.files[path] for p in [package] + packages if path in p.files), None)
		if file is None or file.link is None:
			return file
		path = posixpath.normpath(posixpath.join(posixpath.dirname(path), file.link))
	return None


def paths_json(packages, package):
	rows = []
	for path, file in sorted(package.files.items()):
		# As conda-build does: of a link, what it leads to counts; nothing if that is no file.
		content = file if file.link is None else target_of(packages, package, path) or File()
		row = {"_path": path, "path_type": "hardlink" if file.link is None else "softlink",
			"sha256": sha256(content.data), "size_in_bytes": len(content.data)}
		if file.prefix:
			row.update(file_mode=file.prefix, prefix_placeholder=PLACEHOLDER)
		rows.append(row)
	return {"paths": rows, "paths_version": 1}


def index_json(package):
	noarch = package.recipe.noarch
	index = {"arch": None if noarch else package.machine, "build": package.build, "build_number": package.recipe.number,
		"depends": package.depends, "license": package.recipe.license, "name": package.name,
		"platform": None if noarch else "linux", "subdir": "noarch" if noarch else package.subdir,
		"timestamp": package.time * 1000, "version": package.version}
	if package.constrains:
		index["constrains"] = package.constrains
	if noarch:
		index["noarch"] = noarch
	if package.name == "python":
		index["python_site_packages_path"] = SITE
	return index


def about_json(package):
	first = package.fields[0]
	summary, _, text = first.get("Description", "").partition("\n")
	debs = [{"package": f["Package"], "version": f["Version"],
		"source": f.get("Source", f["Package"])} for f in package.fields]
	return {"home": first.get("Homepage", "https://packages.debian.org/bookworm/" + first["Package"]),
		"summary": summary,
		"description": re.sub(r"(?m)^\.$", "", text), "license": package.recipe.license,
		"dev_url": "https://tracker.debian.org/pkg/" + debs[0]["source"].split()[0], "extra": {"debian": debs}}


def licenses(package):
	"""Debian's copyright files; where two debs of one source share theirs, it is there once."""
	found = {}
	for deb in package.recipe.debs:
		path = os.path.join(package.work, deb, "usr/share/doc", deb, "copyright")
		if os.path.isfile(path):
			with open(path, "rb") as f:
				found[f"licenses/{deb}/copyright"] = f.read()
	if not found:
		raise Failure(f"{package.name}: no copyright file")
	return found


def pretty(value):
	return (json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


def info_files(packages, package):
	files = {"index.json": pretty(index_json(package)), "paths.json": pretty(paths_json(packages, package)),
		"about.json": pretty(about_json(package)), "files": "".join(p + "\n" for p in sorted(package.files)).encode(),
		**licenses(package)}
	prefixed = [f"{PLACEHOLDER} {f.prefix} {p}\n" for p, f in sorted(package.files.items()) if f.prefix]
	if prefixed:
		files["has_prefix"] = "".join(prefixed).encode()
	if package.recipe.noarch:
		noarch = {"type": package.recipe.noarch}
		if package.recipe.noarch == "python" and package.entry_points:
			noarch["entry_points"] = package.entry_points
		files["link.json"] = pretty({"noarch": noarch, "package_metadata_version": 1})
	return {"info/" + path: File(data) for path, data in sorted(files.items())}


def tar(files, time):
	out = io.BytesIO()
	with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
		for path, file in files:
			member = tarfile.TarInfo(path)
			member.mtime, member.mode = time, file.mode
			if file.link is None:
				member.size = len(file.data)
				archive.addfile(member, io.BytesIO(file.data))
			else:
				member.type, member.linkname = tarfile.SYMTYPE, file.link
				archive.addfile(member)
	return out.getvalue()


def zstd(data, level):
	return run("zstd", "-q", f"-{level}", "-T1", "-c", input=data)


def archive(packages, package):
	"""(file name, bytes)"""
	info, payload = info_files(packages, package), sorted(package.files.items())
	if package.recipe.bz2:
		return package.stem + ".tar.bz2", bz2.compress(tar(list(info.items()) + payload, package.time))
	out = io.BytesIO()
	with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as z:
		for name, data in [
			("metadata.json", b'{"conda_pkg_format_version": 2}'),
			(f"pkg-{package.stem}.tar.zst", zstd(tar(payload, package.time), 6)),
			(f"info-{package.stem}.tar.zst", zstd(tar(info.items(), package.time), 12)),
		]:
			member = zipfile.ZipInfo(name)
			member.external_attr = 0o644 << 16
			z.writestr(member, data)
	return package.stem + ".conda", out.getvalue()


def write_channel(packages, out):
	records = {subdir: {"packages": {}, "packages.conda": {}} for subdir in (packages[0].subdir, "noarch")}

	def one(package):
		name, data = archive(packages, package)
		index = index_json(package)
		write(os.path.join(out, index["subdir"], name), data)
		index.update(md5=hashlib.md5(data).hexdigest(), sha256=sha256(data), size=len(data))
		return name, index

	with ThreadPoolExecutor(os.cpu_count()) as pool:
		for name, index in pool.map(one, packages):
			records[index["subdir"]]["packages.conda" if name.endswith(".conda") else "packages"][name] = index
	for subdir, found in records.items():
		text = json.dumps({"info": {"subdir": subdir}, **found, "removed": [], "repodata_version": 1}, indent=1,
			sort_keys=True)
		write(os.path.join(out, subdir, "repodata.json"), text.encode() + b"\n")
		write(os.path.join(out, subdir, "repodata.json.zst"), zstd(text.encode() + b"\n", 19))
