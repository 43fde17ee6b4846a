#include <ctype.h>
#include <stdlib.h>

#include "cmd/init.h"

/* ---- what Python brings ---- */

/* sys.stdlib_module_names of 3.11, and what other versions have besides. Sorted. */
static const char *const standard[] = {
	"__future__",	"abc",	       "aifc",	       "annotationlib",
	"antigravity",	"argparse",    "array",	       "ast",
	"asynchat",	"asyncio",     "asyncore",     "atexit",
	"audioop",	"base64",      "bdb",	       "binascii",
	"bisect",	"builtins",    "bz2",	       "cProfile",
	"calendar",	"cgi",	       "cgitb",	       "chunk",
	"cmath",	"cmd",	       "code",	       "codecs",
	"codeop",	"collections", "colorsys",     "compileall",
	"compression",	"concurrent",  "configparser", "contextlib",
	"contextvars",	"copy",	       "copyreg",      "crypt",
	"csv",		"ctypes",      "curses",       "dataclasses",
	"datetime",	"dbm",	       "decimal",      "difflib",
	"dis",		"distutils",   "doctest",      "email",
	"encodings",	"ensurepip",   "enum",	       "errno",
	"faulthandler", "fcntl",       "filecmp",      "fileinput",
	"fnmatch",	"fractions",   "ftplib",       "functools",
	"gc",		"genericpath", "getopt",       "getpass",
	"gettext",	"glob",	       "graphlib",     "grp",
	"gzip",		"hashlib",     "heapq",	       "hmac",
	"html",		"http",	       "idlelib",      "imaplib",
	"imghdr",	"imp",	       "importlib",    "inspect",
	"io",		"ipaddress",   "itertools",    "json",
	"keyword",	"lib2to3",     "linecache",    "locale",
	"logging",	"lzma",	       "mailbox",      "mailcap",
	"marshal",	"math",	       "mimetypes",    "mmap",
	"modulefinder", "msilib",      "msvcrt",       "multiprocessing",
	"netrc",	"nis",	       "nntplib",      "nt",
	"ntpath",	"nturl2path",  "numbers",      "opcode",
	"operator",	"optparse",    "os",	       "ossaudiodev",
	"pathlib",	"pdb",	       "pickle",       "pickletools",
	"pipes",	"pkgutil",     "platform",     "plistlib",
	"poplib",	"posix",       "posixpath",    "pprint",
	"profile",	"pstats",      "pty",	       "pwd",
	"py_compile",	"pyclbr",      "pydoc",	       "pydoc_data",
	"pyexpat",	"queue",       "quopri",       "random",
	"re",		"readline",    "reprlib",      "resource",
	"rlcompleter",	"runpy",       "sched",	       "secrets",
	"select",	"selectors",   "shelve",       "shlex",
	"shutil",	"signal",      "site",	       "smtpd",
	"smtplib",	"sndhdr",      "socket",       "socketserver",
	"spwd",		"sqlite3",     "sre_compile",  "sre_constants",
	"sre_parse",	"ssl",	       "stat",	       "statistics",
	"string",	"stringprep",  "struct",       "subprocess",
	"sunau",	"symtable",    "sys",	       "sysconfig",
	"syslog",	"tabnanny",    "tarfile",      "telnetlib",
	"tempfile",	"termios",     "textwrap",     "this",
	"threading",	"time",	       "timeit",       "tkinter",
	"token",	"tokenize",    "tomllib",      "trace",
	"traceback",	"tracemalloc", "tty",	       "turtle",
	"turtledemo",	"types",       "typing",       "unicodedata",
	"unittest",	"urllib",      "uu",	       "uuid",
	"venv",		"warnings",    "wave",	       "weakref",
	"webbrowser",	"winreg",      "winsound",     "wsgiref",
	"xdrlib",	"xml",	       "xmlrpc",       "zipapp",
	"zipfile",	"zipimport",   "zlib",	       "zoneinfo",
};

static int by_name(const void *key, const void *entry)
{
	return strcmp(key, *(const char *const *)entry);
}

bool init_is_standard(const char *module)
{
	return *module == '_' || bsearch(module, standard, COUNT(standard), sizeof(*standard), by_name) != NULL;
}

/* ---- what conda calls otherwise ---- */

struct rename {
	const char *from, *to;
};

/* By what is imported. Only names that conda's differ from. */
static const struct rename modules[] = {
	{ "Bio", "biopython" },
	{ "Crypto", "pycryptodome" },
	{ "Cython", "cython" },
	{ "IPython", "ipython" },
	{ "Levenshtein", "python-levenshtein" },
	{ "MDAnalysis", "mdanalysis" },
	{ "MySQLdb", "mysqlclient" },
	{ "OpenGL", "pyopengl" },
	{ "OpenSSL", "pyopenssl" },
	{ "PIL", "pillow" },
	{ "Pyro4", "pyro4" },
	{ "Xlib", "python-xlib" },
	{ "attr", "attrs" },
	{ "azure.identity", "azure-identity" },
	{ "azure.storage.blob", "azure-storage-blob" },
	{ "barcode", "python-barcode" },
	{ "bs4", "beautifulsoup4" },
	{ "bson", "pymongo" },
	{ "cairo", "pycairo" },
	{ "community", "python-louvain" },
	{ "consul", "python-consul" },
	{ "cv2", "opencv" },
	{ "daemon", "python-daemon" },
	{ "dateutil", "python-dateutil" },
	{ "discord", "discord.py" },
	{ "docker", "docker-py" },
	{ "docx", "python-docx" },
	{ "dotenv", "python-dotenv" },
	{ "editor", "python-editor" },
	{ "engineio", "python-engineio" },
	{ "faiss", "faiss-cpu" },
	{ "fitz", "pymupdf" },
	{ "flask_cors", "flask-cors" },
	{ "flask_login", "flask-login" },
	{ "flask_migrate", "flask-migrate" },
	{ "flask_sqlalchemy", "flask-sqlalchemy" },
	{ "flask_wtf", "flask-wtf" },
	{ "gi", "pygobject" },
	{ "git", "gitpython" },
	{ "github", "pygithub" },
	{ "google.cloud.bigquery", "google-cloud-bigquery" },
	{ "google.cloud.storage", "google-cloud-storage" },
	{ "google.protobuf", "protobuf" },
	{ "googleapiclient", "google-api-python-client" },
	{ "graphviz", "python-graphviz" },
	{ "gridfs", "pymongo" },
	{ "grpc", "grpcio" },
	{ "igraph", "python-igraph" },
	{ "imblearn", "imbalanced-learn" },
	{ "jose", "python-jose" },
	{ "jwt", "pyjwt" },
	{ "kafka", "kafka-python" },
	{ "ldap", "python-ldap" },
	{ "lmdb", "python-lmdb" },
	{ "magic", "python-magic" },
	{ "markdown_it", "markdown-it-py" },
	{ "matplotlib", "matplotlib-base" },
	{ "memcache", "python-memcached" },
	{ "mpl_toolkits", "matplotlib" },
	{ "msgpack", "msgpack-python" },
	{ "multipart", "python-multipart" },
	{ "nacl", "pynacl" },
	{ "netCDF4", "netcdf4" },
	{ "newspaper", "newspaper3k" },
	{ "opentelemetry", "opentelemetry-api" },
	{ "osgeo", "gdal" },
	{ "pkg_resources", "setuptools" },
	{ "pptx", "python-pptx" },
	{ "pydantic_settings", "pydantic-settings" },
	{ "pylab", "matplotlib" },
	{ "pythoncom", "pywin32" },
	{ "pytorch_lightning", "pytorch-lightning" },
	{ "pywt", "pywavelets" },
	{ "qdrant_client", "qdrant-client" },
	{ "redis", "redis-py" },
	{ "rest_framework", "djangorestframework" },
	{ "ruamel", "ruamel.yaml" },
	{ "sentence_transformers", "sentence-transformers" },
	{ "serial", "pyserial" },
	{ "shapefile", "pyshp" },
	{ "skimage", "scikit-image" },
	{ "sklearn", "scikit-learn" },
	{ "skopt", "scikit-optimize" },
	{ "slugify", "python-slugify" },
	{ "snowflake.connector", "snowflake-connector-python" },
	{ "socketio", "python-socketio" },
	{ "socks", "pysocks" },
	{ "sqlalchemy_utils", "sqlalchemy-utils" },
	{ "stdnum", "python-stdnum" },
	{ "tables", "pytables" },
	{ "telegram", "python-telegram-bot" },
	{ "tlz", "toolz" },
	{ "torch", "pytorch" },
	{ "torch_geometric", "pytorch_geometric" },
	{ "umap", "umap-learn" },
	{ "usb", "pyusb" },
	{ "websocket", "websocket-client" },
	{ "win32com", "pywin32" },
	{ "wx", "wxpython" },
	{ "xdg", "pyxdg" },
	{ "yaml", "pyyaml" },
	{ "zmq", "pyzmq" },
};

/* By what pip calls it. */
static const struct rename pip_names[] = {
	{ "annoy", "python-annoy" },
	{ "antlr4-python3-runtime", "antlr-python-runtime" },
	{ "blosc", "python-blosc" },
	{ "build", "python-build" },
	{ "docker", "docker-py" },
	{ "duckdb", "python-duckdb" },
	{ "flatbuffers", "python-flatbuffers" },
	{ "graphviz", "python-graphviz" },
	{ "igraph", "python-igraph" },
	{ "importlib-resources", "importlib_resources" },
	{ "jupyter-client", "jupyter_client" },
	{ "jupyter-core", "jupyter_core" },
	{ "jupyter-server", "jupyter_server" },
	{ "kaleido", "python-kaleido" },
	{ "lmdb", "python-lmdb" },
	{ "matplotlib", "matplotlib-base" },
	{ "msgpack", "msgpack-python" },
	{ "opencv-contrib-python", "opencv" },
	{ "opencv-python", "opencv" },
	{ "opencv-python-headless", "opencv" },
	{ "prometheus-client", "prometheus_client" },
	{ "psycopg-binary", "psycopg" },
	{ "psycopg2-binary", "psycopg2" },
	{ "pyqt5", "pyqt" },
	{ "ray", "ray-core" },
	{ "redis", "redis-py" },
	{ "tables", "pytables" },
	{ "tensorflow-gpu", "tensorflow" },
	{ "torch", "pytorch" },
	{ "torch-geometric", "pytorch_geometric" },
	{ "typing-extensions", "typing_extensions" },
	{ "xxhash", "python-xxhash" },
};

static char plain(char c)
{
	return c == '_' || c == '.' ? '-' : (char)tolower((unsigned char)c);
}

bool init_same_name(const char *x, const char *y)
{
	while (*x && plain(*x) == plain(*y)) {
		x++;
		y++;
	}
	return *x == *y;
}

static const char *lower(struct arena *a, const char *s)
{
	char *ret = arena_strdup(a, s);

	for (char *c = ret; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return ret;
}

/* The longest dotted name that is known goes before its first part. */
const char *init_package_of_module(struct arena *a, const char *module)
{
	char *name = arena_strdup(a, module);

	for (;;) {
		char *dot = strrchr(name, '.');

		for (size_t i = 0; i < COUNT(modules); i++)
			if (strcmp(modules[i].from, name) == 0)
				return modules[i].to;
		if (!dot)
			return lower(a, name);
		*dot = '\0';
	}
}

const char *init_package_of_pip(struct arena *a, struct str name)
{
	const char *text = lower(a, arena_strndup(a, name.p, name.n));

	for (size_t i = 0; i < COUNT(pip_names); i++)
		if (init_same_name(pip_names[i].from, text))
			return pip_names[i].to;
	return text;
}
