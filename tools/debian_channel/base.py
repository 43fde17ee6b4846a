"""What all parts of debian-channel stand on: the prefix, files, commands, one kind of failure."""

import hashlib
import os
import stat
import subprocess

# Longest prefix that can be put in, and the length which conda-build's own placeholders have.
PLACEHOLDER = ("/opt/debian-channel/" + "_h_env" + "_placehold" * 25)[:255]
PY = "3.11"
SITE = f"lib/python{PY}/site-packages"

SUBDIRS = {"amd64": ("linux-64", "x86_64-linux-gnu", "x86_64"),
	"arm64": ("linux-aarch64", "aarch64-linux-gnu", "aarch64")}


class Failure(Exception):
	"""One sentence for the user."""


class File:
	"""One file of a package: bytes, or a link. `prefix` is "text" or "binary" where the placeholder is in it."""

	def __init__(self, data=b"", mode=0o644, link=None, prefix=None):
		self.data, self.mode, self.link, self.prefix = data, mode, link, prefix


def run(*command, **options):
	"""The standard output of a command; a Failure with what it said if it fails."""
	done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "LC_ALL": "C"},
		**options)
	if done.returncode:
		words = done.stderr.decode(errors="replace").strip().splitlines()
		raise Failure(f"{' '.join(command[:2])}: " + ("; ".join(words[:3]) if words
			else f"exit status {done.returncode}"))
	return done.stdout


def sha256(data):
	return hashlib.sha256(data).hexdigest()


def walk(root):
	"""The files and links under root, sorted, as paths from root."""
	for top, folders, names in sorted(os.walk(root)):
		links = [d for d in folders if os.path.islink(os.path.join(top, d))]
		for name in sorted(names + links):
			yield os.path.relpath(os.path.join(top, name), root)


def read_file(path):
	"""Hard links and owners vanish, set-id bits too."""
	if os.path.islink(path):
		return File(link=os.readlink(path), mode=0o777)
	with open(path, "rb") as f:
		return File(f.read(), 0o755 if os.stat(path).st_mode & stat.S_IXUSR else 0o644)


def write(path, data):
	os.makedirs(os.path.dirname(path), exist_ok=True)
	with open(path, "wb") as f:
		f.write(data)
