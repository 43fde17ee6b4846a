#!/usr/bin/env python3
"""
channel_check.py DIR [--archives]: whether DIR is a channel as CEPs 26, 34, 36 and 16 have it: repodata.json, .zst and shards say the same,
every file that they tell of is there, of the size and with the digests that they tell. With --archives conda-package-streaming opens
every archive, and its own index.json must agree with the record. Nothing is shared with condaimg. Prints how many packages there are.
"""

import hashlib
import json
import os
import re
import sys

import msgpack
import zstandard

NAME = re.compile(r"^(([a-z0-9])|([a-z0-9_](?!_)))[._-]?([a-z0-9]+(\.|-|_|$))*$")
VERSION = re.compile(r"^[a-z0-9_.+!]+$", re.I)
BUILD = re.compile(r"^[a-zA-Z0-9_.+]+$")
REQUIRED = {"build": str, "build_number": int, "depends": list, "name": str, "version": str, "subdir": str, "size": int,
	"md5": (str, type(None)), "sha256": (str, type(None))}
OPTIONAL = {"arch": (str, type(None)), "platform": (str, type(None)), "constrains": list, "features": str, "flags": list,
	"extra_depends": dict, "indexed_timestamp": int, "legacy_bz2_md5": str, "legacy_bz2_size": int, "license": str, "license_family": str,
	"noarch": str, "python_site_packages_path": str, "timestamp": int, "track_features": str}
AGREES = "name", "version", "build", "build_number", "noarch"


def fail(text):
	sys.exit(f"FAIL: {text}")


def check(ok, text):
	if not ok:
		fail(text)


def unpack(path):
	with open(path, "rb") as f:
		return zstandard.ZstdDecompressor().decompressobj().decompress(f.read())


def check_record(where, fn, record, subdir):
	for key, kind in REQUIRED.items():
		check(key in record and isinstance(record[key], kind) and not isinstance(record[key], bool), f"{where}: {fn}: {key} is {record.get(key)!r}")
	for key, value in record.items():
		check(key in REQUIRED or key in OPTIONAL, f"{where}: {fn}: has a key {key}")
		check(key not in OPTIONAL or isinstance(value, OPTIONAL[key]), f"{where}: {fn}: {key} is {value!r}")
	check(fn.startswith(f"{record['name']}-{record['version']}-{record['build']}."), f"{where}: {fn} is of another package")
	check(NAME.match(record["name"]), f"{where}: name {record['name']}")
	check(VERSION.match(record["version"]), f"{where}: version {record['version']}")
	check(BUILD.match(record["build"]), f"{where}: build {record['build']}")
	check(record["build_number"] >= 0, f"{where}: {fn}: build_number")
	check(record["subdir"] == subdir, f"{where}: {fn}: subdir {record['subdir']}")
	check(record.get("noarch", "generic") in ("generic", "python"), f"{where}: {fn}: noarch")
	check(all(isinstance(d, str) and d for k in ("depends", "constrains") for d in record.get(k, [])), f"{where}: {fn}: depends")
	check(record["md5"] is None or re.fullmatch("[0-9a-f]{32}", record["md5"]), f"{where}: {fn}: md5")
	check(record["sha256"] is None or re.fullmatch("[0-9a-f]{64}", record["sha256"]), f"{where}: {fn}: sha256")


def sections(document):
	"""{fn: record} of a repodata.json or a shard."""
	records = {}
	for key, suffix in ("packages", ".tar.bz2"), ("packages.conda", ".conda"):
		for fn, record in document.get(key, {}).items():
			check(fn.endswith(suffix), f"{fn} in {key}")
			records[fn] = record
	for suffix, stems in document.get("v3", {}).items():
		for stem, record in stems.items():
			records[f"{stem}.{suffix}"] = {**record, "v3": True}
	return records


def hexed(record):
	return {k: v.hex() if isinstance(v, bytes) else v for k, v in record.items()}


def check_shards(top, subdir, records):
	folder = os.path.join(top, subdir)
	index = msgpack.unpackb(unpack(os.path.join(folder, "repodata_shards.msgpack.zst")))
	check(index["version"] == 1, "version of the shard index")
	info = index["info"]
	check(set(info) >= {"base_url", "shards_base_url", "subdir"} and info["subdir"] == subdir, f"info of the shard index: {info}")
	check((info["base_url"], info["shards_base_url"]) == ("./", "./shards/"), "URLs of the shard index")
	seen = {}
	for name, digest in index["shards"].items():
		check(isinstance(digest, bytes) and len(digest) == 32, f"shard of {name}: its digest")
		path = os.path.join(folder, "shards", digest.hex() + ".msgpack.zst")
		with open(path, "rb") as f:
			check(hashlib.sha256(f.read()).digest() == digest, f"shard of {name}: has other bytes")
		shard = msgpack.unpackb(unpack(path))
		check(set(shard) >= {"packages", "packages.conda", "removed"}, f"shard of {name}: {set(shard)}")
		for fn, record in sections(shard).items():
			check(record["name"] == name, f"{fn} is in the shard of {name}")
			for key, n in ("md5", 16), ("sha256", 32):
				check(record[key] is None or isinstance(record[key], bytes) and len(record[key]) == n, f"{fn}: {key} in its shard")
			seen[fn] = hexed(record)
	check(seen == records, f"{subdir}: the shards say something else than repodata.json: {set(seen) ^ set(records)}")


def check_file(top, subdir, fn, record, archives):
	path = os.path.join(top, subdir, fn)
	with open(path, "rb") as f:
		data = f.read()
	check(len(data) == record["size"], f"{path}: its size")
	check(record["sha256"] in (None, hashlib.sha256(data).hexdigest()), f"{path}: its sha256")
	check(record["md5"] in (None, hashlib.md5(data).hexdigest()), f"{path}: its md5")
	if not archives:
		return
	from conda_package_streaming.package_streaming import CondaComponent, stream_conda_component

	names = set()
	for component in CondaComponent.info, CondaComponent.pkg:
		if fn.endswith(".tar.bz2") and component == CondaComponent.info:
			continue
		for tar, member in stream_conda_component(path, component=component):
			names.add(member.name)
			if member.name == "info/index.json":
				index = json.load(tar.extractfile(member))
				for key in AGREES:
					check(index.get(key) == record.get(key), f"{path}: {key} is {index.get(key)!r}, the record says {record.get(key)!r}")
	check("info/index.json" in names, f"{path}: no info/index.json")


def main(top, archives):
	check(os.path.exists(os.path.join(top, "noarch", "repodata.json")), f"{top}: no noarch/repodata.json: no channel")
	n = 0
	for subdir in sorted(os.listdir(top)):
		if subdir.startswith("."):
			continue
		folder = os.path.join(top, subdir)
		with open(os.path.join(folder, "repodata.json"), "rb") as f:
			text = f.read()
		check(unpack(os.path.join(folder, "repodata.json.zst")) == text, f"{subdir}: .zst is of another document")
		document = json.loads(text)
		check(document["info"]["subdir"] == subdir and document["repodata_version"] == 1, f"{subdir}: info")
		check(isinstance(document.get("removed", []), list), f"{subdir}: removed")
		records = sections(document)
		check_shards(top, subdir, records)
		for fn, record in records.items():
			check_record(subdir, fn, {k: v for k, v in record.items() if k != "v3"}, subdir)
			check_file(top, subdir, fn, record, archives)
		there = {f for f in os.listdir(folder) if f.endswith((".conda", ".tar.bz2"))}
		check(there >= set(records), f"{subdir}: {set(records) - there} are not there")
		n += len(records)
	print(n)


main(sys.argv[1], "--archives" in sys.argv[2:])
