"""Debian's side: which debs, from where, what they say of themselves."""

import hashlib
import os
import re
import shutil
import tempfile

from .base import Failure, run


def wanted(names):
	"""What apt would download: rows of (package, file name, algorithm, digest). Looks at apt's lists only."""
	# In a folder without any debs: apt says nothing of what lies there already.
	with tempfile.TemporaryDirectory() as empty:
		out = run("apt-get", "download", "--print-uris", *names, cwd=empty).decode()
	rows = [re.match(r"'[^']*' (\S+) \d+ (\w+):([0-9a-f]+)$", line) for line in out.splitlines()]
	if None in rows or len(rows) != len(names):
		raise Failure(f"apt-get offers {len(rows)} of the {len(names)} packages; try 'apt-get update' first")
	return sorted((m[1].split("_")[0], m[1], m[2].lower(), m[3]) for m in rows)


def good(cache, row):
	try:
		with open(os.path.join(cache, row[1]), "rb") as f:
			return hashlib.new(row[2], f.read()).hexdigest() == row[3]
	except FileNotFoundError:
		return False


def download(cache, rows):
	missing = [row for row in rows if not good(cache, row)]
	if not missing:
		return
	part = os.path.join(cache, "partial")
	shutil.rmtree(part, ignore_errors=True)
	os.makedirs(part)
	run("apt-get", "download", "-q", "-o", "APT::Sandbox::User=root", *[row[0] for row in missing], cwd=part)
	for name in os.listdir(part):
		os.replace(os.path.join(part, name), os.path.join(cache, name))
	shutil.rmtree(part)
	for row in missing:
		if not good(cache, row):
			raise Failure(f"{row[1]}: not the file apt's lists promise")


def control(path):
	"""The fields of a deb."""
	fields, key = {}, None
	for line in run("dpkg-deb", "-f", path).decode().splitlines():
		if line[:1] == " ":
			fields[key] += "\n" + line[1:]
		else:
			key, _, value = line.partition(": ")
			fields[key] = value
	return fields


def upstream_version(deb):
	"""1:1.2.13.dfsg-1 -> 1.2.13; a date as Debian's ca-certificates has -> conda-forge's way of writing one."""
	text = re.sub(r"^\d+:", "", deb)
	text = re.split(r"[+~]|\.?dfsg", text.rsplit("-", 1)[0] if "-" in text else text)[0]
	date = re.fullmatch(r"(\d{4})(\d\d)(\d\d)", text)
	return ".".join(str(int(n)) for n in date.groups()) if date else text
