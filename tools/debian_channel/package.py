"""A recipe on its way to an archive: its files under the prefix, its ELF files and what they need."""

import configparser
import fnmatch
import os
import posixpath
import re
from concurrent.futures import ThreadPoolExecutor

from .base import PLACEHOLDER, PY, SITE, SUBDIRS, Failure, read_file, run, walk
from .debs import upstream_version

# Where a path of a deb goes under the prefix; the first match decides, none means left out. TRIPLET is x86_64-linux-gnu
# or the like, SITE depends on the package.
HOMES = [
	(r"usr/share/(?:doc|doc-base|man|info|lintian|locale|bug|applications|pixmaps|menu|gdb|gcc|python3|"
		"perl5|numpy3|debianutils|binfmts|bash-completion)/.*", None),
	(r".*\.(?:a|la|pyc)$", None),
	(r"usr/lib/python3/dist-packages/(.*)", r"SITE/\1"),
	(r"usr/lib/(?:ssl|binfmt\.d)/.*", None),
	(r"etc/ssl/openssl\.cnf$", r"ssl/openssl.cnf"),
	(r"(?:usr/)?lib/TRIPLET/(?:blas|lapack)/(.*)", r"lib/\1"),
	(r"(?:usr/)?lib/terminfo/(.*)", r"share/terminfo/\1"),
	(r"(?:usr/)?lib/TRIPLET/(.*)", r"lib/\1"),
	(r"(?:usr/)?lib/(.*)", r"lib/\1"),
	(r"(?:usr/)?s?bin/(.*)", r"bin/\1"),
	(r"usr/include/TRIPLET/(.*)", r"include/\1"),
	(r"usr/((?:include|share|libexec)/.*)", r"\1"),
]


class Package:
	"""A recipe on its way to an archive."""

	def __init__(self, recipe, arch, work, fields):
		self.recipe, self.name, self.work = recipe, recipe.name, work
		self.subdir, self.triplet, self.machine = SUBDIRS[arch]
		self.fields = [fields[deb] for deb in recipe.debs]
		versions = [f["Version"] for f in self.fields]
		self.version = recipe.fixed_version or upstream_version(versions[0])
		if recipe.name.startswith("sysroot_"):
			self.version = ".".join(self.version.split(".")[:2])
		# The number of Debian's update goes into the build, so that other bytes have another name.
		update = max([0] + [int(n) for v in versions for n in re.findall(r"deb12u(\d+)", v)])
		extra = recipe.fixed_build or ""
		self.build = (extra if extra.endswith("_") else "") + "deb12" + (f"u{update}" if update
			else "") + f"_{recipe.number}"
		self.build += extra if extra.startswith("_") else ""
		self.time = 0
		self.depends, self.needs, self.glibc = [], set(), (0, 0)
		self.files = self.take()
		if recipe.fix:
			recipe.fix(self)
		if recipe.noarch == "python":
			self.entry_points = self.take_entry_points()
		if not self.files and recipe.drop != ["*"]:
			raise Failure(f"{self.name}: no files")

	@property
	def stem(self):
		return f"{self.name}-{self.version}-{self.build}"

	def home(self, path):
		"""Where a file of a deb goes, or None."""
		for pattern, to in HOMES:
			m = re.fullmatch(pattern.replace("TRIPLET", re.escape(self.triplet)), path)
			if m:
				to = to and m.expand(to).replace("SITE", (self.recipe.home or {}).get("SITE", SITE), 1)
				return None if to and any(fnmatch.fnmatchcase(to, d) for d in self.recipe.drop) else to
		return None

	def take(self):
		"""The files of all debs; notes the time of the newest, which is when Debian built them."""
		files = {}
		for deb in self.recipe.debs:
			root = os.path.join(self.work, deb)
			for path in walk(root):
				self.time = max(self.time, int(os.lstat(os.path.join(root, path)).st_mtime))
				to = self.home(path)
				if not to:
					continue
				file = read_file(os.path.join(root, path))
				if file.link is not None:
					target = self.home(posixpath.normpath(posixpath.join("/", posixpath.dirname(path),
						file.link)).lstrip("/"))
					if not target:
						continue
					file.link = posixpath.relpath(target, posixpath.dirname(to))
				files[to] = file
		return files

	def take_entry_points(self):
		"""conda writes these scripts itself when it installs."""
		found = {}
		for path, file in self.files.items():
			if path.endswith("-info/entry_points.txt"):
				parser = configparser.ConfigParser(delimiters=("=",))
				parser.optionxform = str
				parser.read_string(file.data.decode())
				if parser.has_section("console_scripts"):
					found.update(parser.items("console_scripts"))
		for path in [p for p in self.files if p.startswith("bin/")]:
			# Whatever else is there is a link to one of them, made by Debian.
			if not self.files[path].link and posixpath.basename(path) not in found:
				raise Failure(f"{self.name}: {path} is a script that is no entry point")
			del self.files[path]
		return [f"{name} = {to}" for name, to in sorted(found.items()) if not name.endswith("." + PY.split(".")[1])]


# ELF: which libraries, which symbols of glibc, and the way to them.

def elf_facts(paths):
	"""{path: (needed names, highest GLIBC_x.y it uses)} from objdump."""
	facts, path = {}, None
	for line in run("objdump", "-p", *paths).decode(errors="replace").splitlines():
		start = re.match(r"(.*):\s+file format elf", line)
		if start:
			path = start[1]
			facts[path] = (set(), (0, 0))
			continue
		m = re.match(r"\s+NEEDED\s+(\S+)", line)
		if m:
			facts[path][0].add(m[1])
		m = re.search(r"0x[0-9a-f]+ 0x[0-9a-f]+ \d+ GLIBC_(\d+)\.(\d+)", line)
		if m:
			needed, best = facts[path]
			facts[path] = (needed, max(best, (int(m[1]), int(m[2]))))
	return facts


def link_elf(packages, work):
	"""Give every ELF file its RPATH, and every package the names of the libraries it needs."""
	folder = os.path.join(work, "elf")
	os.mkdir(folder)
	jobs = {}
	for package in packages:
		if package.name.startswith("sysroot_"):
			continue
		for path, file in package.files.items():
			if file.data[:4] == b"\x7fELF":
				temp = os.path.join(folder, str(len(jobs)))
				with open(temp, "wb") as f:
					f.write(file.data)
				jobs[temp] = (package, path, file)
	facts = elf_facts(sorted(jobs))
	base = {posixpath.basename(p) for package in packages if package.name.startswith("sysroot_") for p in package.files}

	def patch(temp):
		package, path, file = jobs[temp]
		needed, glibc = facts[temp]
		package.needs |= needed - base
		package.glibc = max(package.glibc, glibc)
		if path in package.recipe.absolute:
			rpath, file.prefix = PLACEHOLDER + "/lib", "binary"
		else:
			rpath = "$ORIGIN/" + posixpath.relpath("lib", posixpath.dirname(path))
		# A library that needs nobody stays as it is. A program does not: libc itself looks for libgcc_s through it.
		if needed - base or path.startswith("bin/"):
			run("patchelf", "--force-rpath", "--set-rpath", rpath, temp)
			with open(temp, "rb") as f:
				file.data = f.read()

	with ThreadPoolExecutor(os.cpu_count()) as pool:
		list(pool.map(patch, jobs))
	for package in packages:
		for path in package.recipe.absolute:
			if path not in package.files:
				raise Failure(f"{package.name}: no {path}")


def bump(version, parts):
	"""The first version that is not compatible any more, in conda-forge's spelling: 3.0.22, 1 -> 4.0a0"""
	numbers = [int(re.match(r"\d+", n)[0]) for n in version.split(".")[:parts]]
	numbers[-1] += 1
	return ".".join(str(n) for n in numbers) + ".0a0"


def fill(spec, names):
	"""{libzlib} and {libzlib.build} in a recipe are what Debian has."""
	return re.sub(r"\{([^}]+)\}", lambda m: names[m[1]], spec)


def add_depends(packages):
	providers, names = {}, {}
	for package in packages:
		names[package.name], names[package.name + ".build"] = package.version, package.build
		for path in package.files:
			if posixpath.dirname(path) == "lib":
				providers[posixpath.basename(path)] = package
	for package in packages:
		depends = {spec.split()[0]: fill(spec, names) for spec in package.recipe.depends}
		for soname in sorted(package.needs):
			if soname not in providers:
				raise Failure(f"{package.name} needs {soname}, which is in no package of this channel")
			other = providers[soname]
			if other is not package and other.name not in depends:
				upper = f",<{bump(other.version, other.recipe.pin)}" if other.recipe.pin else ""
				depends[other.name] = f"{other.name} >={other.version}{upper}"
		if package.glibc > (0, 0):
			depends["__glibc"] = f"__glibc >={package.glibc[0]}.{package.glibc[1]},<3.0.a0"
		package.depends = sorted(depends.values())
		package.constrains = sorted(fill(spec, names) for spec in package.recipe.constrains)
