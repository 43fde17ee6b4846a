"""What the packages of the channel are made of, and what has to be changed in the payload of some."""

import base64
import fnmatch
import json
import os
import re

from .base import PLACEHOLDER, PY, SITE, SUBDIRS, Failure, File, read_file, walk

PY_NOARCH = "python >=3.8"
PY_COMPILED = [f"python >={PY},<3.12.0a0", f"python_abi {PY}.* *_cp311"]
OWN_CERTS = 'os.path.join(os.path.dirname(os.path.abspath(__file__)), "cacert.pem")'
PREFIX_CERTS = 'os.path.join(sys.base_prefix, "ssl", "cacert.pem")'


class Recipe:
	"""What a conda package is made of. Dependencies which binaries show are added to `depends` by themselves."""

	def __init__(self, name, debs, license, pin=1, depends=(), constrains=(), drop=(), noarch=None, fix=None, bz2=False,
			absolute=(), version=None, build=None, number=0, home=None):
		self.name, self.debs, self.license, self.pin = name, debs.split(), license, pin
		self.depends, self.constrains, self.drop, self.noarch = list(depends), list(constrains), list(drop), noarch
		self.fix, self.bz2, self.absolute, self.number = fix, bz2, absolute, number
		self.fixed_version, self.fixed_build, self.home = version, build, home


def recipes(arch):
	"""Names, licences and bounds are conda-forge's; pin is how many parts of the version a new major release has."""
	gcc = "GPL-3.0-only WITH GCC-exception-3.1"
	terminfo = {"TERMINFO_DIRS": "share/terminfo"}
	ssl = {"SSL_CERT_FILE": "ssl/cacert.pem", "OPENSSL_CONF": "ssl/openssl.cnf", "OPENSSL_MODULES": "lib/ossl-modules"}
	python = dict(noarch="python", home={"SITE": "site-packages"})
	return [
		Recipe(f"sysroot_{SUBDIRS[arch][0]}", "libc6 libc-bin", "LGPL-2.1-or-later", noarch="generic", fix=fix_sysroot),
		Recipe("libgcc", "libgcc-s1 gcc-12-base", gcc, pin=0),
		Recipe("libstdcxx", "libstdc++6 gcc-12-base", gcc, pin=0, depends=["libgcc =={libgcc}"]),
		Recipe("libgfortran5", "libgfortran5 gcc-12-base" + (" libquadmath0" if arch == "amd64" else ""), gcc, pin=0),
		Recipe("libzlib", "zlib1g", "Zlib", constrains=["zlib {libzlib} {libzlib.build}"]),
		Recipe("zlib", "zlib1g-dev", "Zlib", depends=["libzlib {libzlib} {libzlib.build}"], fix=fix_pkgconfig),
		Recipe("bzip2", "libbz2-1.0 bzip2", "bzip2-1.0.6"),
		Recipe("liblzma", "liblzma5", "0BSD", constrains=["xz {liblzma}.*"]),
		Recipe("xz", "xz-utils", "0BSD AND LGPL-2.1-or-later AND GPL-2.0-or-later",
			depends=["liblzma {liblzma} {liblzma.build}"]),
		Recipe("libffi", "libffi8", "MIT", pin=2),
		Recipe("libsqlite", "libsqlite3-0", "blessing"),
		Recipe("sqlite", "sqlite3", "blessing", depends=["libsqlite {libsqlite} {libsqlite.build}"]),
		Recipe("ncurses", "libtinfo6 libncursesw6 ncurses-base ncurses-bin", "X11 AND BSD-3-Clause",
			fix=fix_env(terminfo)),
		Recipe("readline", "libreadline8", "GPL-3.0-or-later"),
		Recipe("libexpat", "libexpat1", "MIT"),
		Recipe("libuuid", "libuuid1", "BSD-3-Clause"),
		Recipe("libxcrypt", "libcrypt1", "LGPL-2.1-or-later"),
		Recipe("openssl", "libssl3 openssl", "Apache-2.0", depends=["ca-certificates"], drop=["bin/c_rehash"],
			absolute=["bin/openssl"], fix=fix_env(ssl)),
		Recipe("ca-certificates", "ca-certificates", "MPL-2.0 AND GPL-2.0-or-later", noarch="generic",
			fix=fix_certificates),
		Recipe("tzdata", "tzdata", "LicenseRef-Public-Domain", noarch="generic",
			drop=["share/zoneinfo/posix/*", "share/zoneinfo/right/*"]),
		# nis and _dbm need libraries nobody else here wants; EXTERNALLY-MANAGED and sitecustomize speak for Debian.
		Recipe("python", "python3.11-minimal libpython3.11-minimal libpython3.11-stdlib python3.11 python3-distutils "
			"python3-lib2to3", "Python-2.0", fix=fix_python, depends=["tzdata", "libgcc >={libgcc}"], build="_cpython",
			constrains=[f"python_abi {PY}.* *_cp311"],
			drop=["*/lib-dynload/nis.*", "*/lib-dynload/_dbm.*", "*/lib-dynload/*test*", "*/EXTERNALLY-MANAGED",
				"*/sitecustomize.py"]),
		Recipe("python_abi", "libpython3.11-minimal", "Python-2.0", noarch="generic", bz2=True, version=PY,
			build="_cp311",
			constrains=[f"python {PY}.* *_cpython"], drop=["*"]),
		Recipe("pip", "python3-pip", "MIT", depends=[PY_NOARCH, "setuptools", "wheel"], fix=fix_pip, **python),
		Recipe("setuptools", "python3-setuptools python3-pkg-resources", "MIT", depends=[PY_NOARCH],
			fix=fix_setuptools, **python),
		Recipe("wheel", "python3-wheel", "MIT", depends=[PY_NOARCH], **python),
		Recipe("certifi", "python3-certifi", "MPL-2.0", depends=[PY_NOARCH], fix=fix_certifi, **python),
		Recipe("charset-normalizer", "python3-charset-normalizer", "MIT", depends=[PY_NOARCH], **python),
		Recipe("chardet", "python3-chardet", "LGPL-2.1-only", depends=[PY_NOARCH], **python),
		Recipe("idna", "python3-idna", "BSD-3-Clause", depends=[PY_NOARCH], **python),
		Recipe("idna", "python3-idna", "BSD-3-Clause", depends=[PY_NOARCH], bz2=True, **python),
		Recipe("six", "python3-six", "MIT", depends=["python >=2.7"], bz2=True, **python),
		Recipe("six", "python3-six", "MIT", depends=[PY_NOARCH], number=1, **python),
		Recipe("click", "python3-click", "BSD-3-Clause", depends=[PY_NOARCH, "__unix"], **python),
		Recipe("urllib3", "python3-urllib3", "MIT", depends=[PY_NOARCH, "six >=1.16.0,<2"], fix=fix_urllib3, **python),
		Recipe("requests", "python3-requests", "Apache-2.0", depends=[PY_NOARCH, "chardet >=3.0.2,<6",
			"certifi >=2017.4.17", "charset-normalizer >=2,<4", "idna >=2.5,<4", "urllib3 >=1.21.1,<1.27"], **python),
		Recipe("yaml", "libyaml-0-2", "MIT", pin=2, bz2=True),
		Recipe("pyyaml", "python3-yaml", "MIT", depends=PY_COMPILED, build="py311_"),
		Recipe("libblas", "libblas3", "BSD-3-Clause", build="_netlib"),
		Recipe("liblapack", "liblapack3", "BSD-3-Clause", build="_netlib"),
		Recipe("numpy", "python3-numpy", "BSD-3-Clause", depends=PY_COMPILED, build="py311_", fix=fix_scripts,
			drop=["*/numpy/*/tests/*", "bin/dh_numpy3"]),
		Recipe("oniguruma", "libonig5", "BSD-2-Clause", pin=2, bz2=True),
		Recipe("jq", "jq libjq1", "MIT", pin=2, absolute=["bin/jq", "lib/libjq.so.1.0.4"]),
		Recipe("bash", "bash", "GPL-3.0-or-later", drop=["bin/bashbug", "bin/clear_console"]),
		Recipe("libattr", "libattr1", "LGPL-2.1-or-later", pin=2),
		Recipe("libacl", "libacl1", "LGPL-2.1-or-later", pin=2),
		Recipe("gmp", "libgmp10", "GPL-2.0-or-later OR LGPL-3.0-or-later"),
		Recipe("pcre2", "libpcre2-8-0", "BSD-3-Clause", pin=2),
		Recipe("libselinux", "libselinux1", "LicenseRef-Public-Domain"),
		Recipe("coreutils", "coreutils", "GPL-3.0-or-later"),
		# What tk, and with it tkinter, asks for also where there is no screen.
		Recipe("xorg-libx11", "libx11-6 libxcb1 libxau6 libxdmcp6 libbsd0 libmd0",
			"MIT AND X11 AND BSD-3-Clause AND ISC AND Beerware"),
	]


# What has to be changed in the payload of single packages. Each takes the package after it was moved under the prefix.
# edit() fails when Debian's text is not what it was: better no channel than one that quietly does not work.

def edit(package, path, *changes, prefix=None):
	text = package.files[path].data
	for old, new in changes:
		changed = re.sub(old.encode(), new.encode(), text)
		if changed == text:
			raise Failure(f"{package.name}: {path}: no match for '{old}', so Debian's file has changed")
		text = changed
	package.files[path].data, package.files[path].prefix = text, prefix


def fix_env(variables):
	def fix(package):
		text = json.dumps({name: f"{PLACEHOLDER}/{value}" for name, value in variables.items()}, indent=2,
			sort_keys=True)
		package.files[f"etc/conda/env_vars.d/{package.name}.json"] = File(text.encode() + b"\n", prefix="text")
	return fix


def fix_pkgconfig(package):
	for path in package.files:
		if path.endswith(".pc"):
			edit(package, path, ("prefix=/usr\n", f"prefix={PLACEHOLDER}\n"), ("/lib/[a-z0-9_]+-linux-gnu", "/lib"),
				prefix="text")


def fix_scripts(package):
	"""Python's scripts start the prefix's python. Those in perl have no perl to start: out with them."""
	for path, file in list(package.files.items()):
		if not path.startswith("bin/") or not file.data.startswith(b"#!"):
			continue
		first, _, rest = file.data.partition(b"\n")
		if b"python3" in first:
			file.data, file.prefix = f"#!{PLACEHOLDER}/bin/python{PY}\n".encode() + rest, "text"
		elif b"perl" in first:
			del package.files[path]


def fix_python(package):
	"""
	Debian's site module is frozen into the interpreter and looks for dist-packages, in lib/python3.11 among others.
	The names are of one length, so that one becomes site-packages. What is left of Debian's layout is in sysconfig
	and distutils, whose text can be changed.
	"""
	program = package.files[f"bin/python{PY}"]
	if b"\0dist-packages\0" not in program.data:
		raise Failure("python: the frozen site module does not name dist-packages any more")
	program.data = program.data.replace(b"dist-packages", b"site-packages")
	lib = f"lib/python{PY}"
	edit(package, f"{lib}/site.py", ("dist-packages", "site-packages"))
	edit(package, f"{lib}/pydoc.py", ("dist-packages", "site-packages"))
	edit(package, f"{lib}/sysconfig.py",
		("'DEB_PYTHON_INSTALL_LAYOUT', 'posix_local'", "'DEB_PYTHON_INSTALL_LAYOUT', 'posix_prefix'"),
		("            prefix_scheme = 'posix_local'", "            prefix_scheme = 'posix_prefix'"))
	edit(package, f"{lib}/distutils/command/install.py",
		(r'select_scheme\("unix_local"\)', 'select_scheme("unix_prefix")'))
	places = (r'"lib", "python3", "dist-packages"', f'"lib", "python{PY}", "site-packages"')
	edit(package, f"{lib}/distutils/sysconfig.py", places)
	edit(package, f"{lib}/_distutils_system_mod.py", places,
		('                name = "posix_local"', '                name = "posix_prefix"'))
	data = f"{lib}/_sysconfigdata__{package.triplet}.py"
	edit(package, data, (f"/usr/lib/{package.triplet}", f"{PLACEHOLDER}/lib"), ("'TZPATH': '[^']*'",
		f"'TZPATH': '{PLACEHOLDER}/share/zoneinfo:{PLACEHOLDER}/share/tzinfo'"),
			("'WHEEL_PKG_DIR': '[^']*'", "'WHEEL_PKG_DIR': ''"),
		(r"(?<![.\w])/usr(?=/bin'|/include|/lib|/share|[ '])", PLACEHOLDER), prefix="text")
	for name in ("python3", "python", "pydoc3", "pydoc"):
		package.files[f"bin/{name}"] = File(link=name.rstrip("3") + PY, mode=0o777)
	package.files[f"{SITE}/README.txt"] = File(b"Other packages are installed here.\n")
	fix_scripts(package)


def bundle(package):
	"""All of Mozilla's authorities that Debian has in its package ca-certificates, as one PEM file."""
	root = os.path.join(package.work, "ca-certificates/usr/share/ca-certificates/mozilla")
	out = []
	for name in sorted(os.listdir(root)):
		with open(os.path.join(root, name), "rb") as f:
			text = f.read().strip()
		if not text.startswith(b"-----BEGIN CERTIFICATE-----"):
			raise Failure(f"ca-certificates: {name} is not PEM")
		base64.b64decode(b"".join(text.splitlines()[1:-1]), validate=True)
		out.append(f"# {name[:-4]}\n".encode() + text + b"\n")
	return b"\n".join(out)


def fix_certificates(package):
	package.files = {"ssl/cacert.pem": File(bundle(package)), "ssl/cert.pem": File(link="cacert.pem", mode=0o777)}


def fix_certifi(package):
	"""Debian's names a file of the system; upstream's has its own bundle, and so has this one."""
	edit(package, "site-packages/certifi/core.py",
		("/etc/ssl/certs/ca-certificates.crt or its", "the CA bundle or its"),
		("DEBIAN_CA_CERTS_PATH = '[^']*'", f"import os\n\nCA_CERTS_PATH = {OWN_CERTS}"), ("return DEBIAN_", "return "))
	package.files["site-packages/certifi/cacert.pem"] = File(bundle(package))


def fix_pip(package):
	edit(package, "site-packages/pip/_vendor/certifi/core.py",
		("DEBIAN_CA_CERTS_PATH = '[^']*'", f"import os\nimport sys\n\nCA_CERTS_PATH = {PREFIX_CERTS}"),
			("return DEBIAN_", "return "))


def fix_setuptools(package):
	edit(package, "site-packages/setuptools/command/easy_install.py",
		("sitedir_name = 'dist-packages'", "sitedir_name = 'site-packages'"),
		(r"\$base/local/lib/python\$py", r"$base/lib/python$py"), (r"\$base/local/bin", r"$base/bin"),
			('"dist-packages"', '"site-packages"'))


def fix_urllib3(package):
	edit(package, "site-packages/urllib3/connectionpool.py",
		("ca_certs='/etc/ssl/certs/ca-certificates.crt'", "ca_certs=None"))


# Character sets which are met in practice; all others are 8 MB.
GCONV = ["UTF-7", "UTF-16", "UTF-32", "UNICODE", "ISO8859-*", "CP125?", "KOI8-R", "KOI8-U"]
SYSROOT = ["ld-linux*", "libBrokenLocale.so.1", "libanl.so.1", "libc.so.6", "libdl.so.2", "libm.so.6", "libmvec.so.1",
	"libnss_*.so.2", "libpthread.so.0", "libresolv.so.2", "librt.so.1", "libutil.so.1"]


def gconv_modules(root, kept):
	"""Debian's lists, without the character sets left out and their aliases."""
	lines = []
	for name in ["gconv-modules"] + sorted("gconv-modules.d/" + n for n in os.listdir(os.path.join(root,
		"gconv-modules.d"))):
		with open(os.path.join(root, name), encoding="utf-8") as f:
			lines += [line.split("#")[0].split() for line in f]
	modules = [line for line in lines if line[:1] == ["module"] and line[3] in kept]
	known = {name for line in modules for name in line[1:3]}
	aliases = [line for line in lines if line[:1] == ["alias"] and line[2] in known]
	return "".join("\t".join(line) + "\n" for line in aliases + modules).encode()


def fix_sysroot(package):
	"""
	The libc, laid out as conda-forge's sysroot is. Debian's looks for character sets in usr/lib/<triplet>/gconv, hence
	the one link more.
	"""
	triplet, top = package.triplet, package.triplet.replace("-linux", "-conda-linux") + "/sysroot"
	libs, locale = os.path.join(package.work, "libc6/lib", triplet), os.path.join(package.work,
		"libc-bin/usr/lib/locale")
	gconv = os.path.join(package.work, "libc6/usr/lib", triplet, "gconv")
	files = package.files = {}
	for name in sorted(os.listdir(libs)):
		if any(fnmatch.fnmatchcase(name, pattern) for pattern in SYSROOT):
			files[f"{top}/lib64/{name}"] = read_file(os.path.join(libs, name))
	kept = set()
	for name in sorted(os.listdir(gconv)):
		if any(fnmatch.fnmatchcase(name, pattern + ".so") for pattern in GCONV):
			files[f"{top}/lib64/gconv/{name}"] = read_file(os.path.join(gconv, name))
			kept.add(name[:-3])
	files[f"{top}/lib64/gconv/gconv-modules"] = File(gconv_modules(gconv, kept))
	for path in walk(locale):
		files[f"{top}/lib64/locale/{path}"] = read_file(os.path.join(locale, path))
	for path, to in [("lib", "lib64"), ("usr/lib", "../lib64"), ("usr/lib64", "../lib64"),
		(f"lib64/{triplet}/gconv", "../gconv")]:
		files[f"{top}/{path}"] = File(link=to, mode=0o777)
