#!/usr/bin/env python3
"""
binderhub.py WORK BUILDER REGISTRY: what BinderHub does, without Kubernetes.

A builder is started with the arguments and the environment that binderhub/build.py gives it, its log is read line by line, and
before and after the registry is asked as binderhub/registry.py asks it. Repositories are made here, and served by git's own
http-backend behind a password. Images that were made are listed in WORK/launched, one a line: NAME REFERENCE.
Only Python's standard library (and jsonschema, where it is there) and git.
"""

import base64
import http.server
import io
import json
import os
import subprocess
import sys
import tarfile
import threading
import urllib.error
import urllib.request
import zipfile

try:
	import jsonschema
except ImportError:
	jsonschema = None

WORK, BUILDER, REGISTRY = sys.argv[1:]
CHANNEL = os.environ["CHANNEL"]
GIT_USER, GIT_PASSWORD = "reader", "git$ecret=1"
HUB_USER, HUB_PASSWORD = "hub", "registry$ecret"
SECRETS = [GIT_PASSWORD, HUB_PASSWORD, base64.b64encode(f"{HUB_USER}:{HUB_PASSWORD}".encode()).decode()]
OCI = "application/vnd.oci.image.manifest.v1+json"
DOCKER = "application/vnd.docker.distribution.manifest.v2+json"
GIT_ENV = {"PATH": os.environ["PATH"], "HOME": WORK, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b",
	"GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b"}


with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../docs/schema/repo2docker-log-1.schema.json"), encoding="utf-8") as schema:
	LOG_SCHEMA = json.load(schema)


def check(ok, *what):
	if not ok:
		print("FAIL:", *what, file=sys.stderr)
		sys.exit(1)


# ---- git ----

def git(folder, *args):
	return subprocess.run(["git", "-C", folder, *args], env=GIT_ENV, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def make_files(folder, files):
	for name, text in files.items():
		path = os.path.join(folder, name)
		os.makedirs(os.path.dirname(path), exist_ok=True)
		with open(path, "w", encoding="utf-8") as f:
			f.write(text[1:] if text.startswith("!") else text)
		if text.startswith("!"):
			os.chmod(path, 0o755)


def make_repository(name, files, submodule=None):
	"""A bare repository below WORK/git; its commit."""
	folder, bare = f"{WORK}/trees/{name}", f"{WORK}/git/{name}.git"
	os.makedirs(folder)
	git(folder, "init", "-q", "-b", "trunk")
	make_files(folder, files)
	if submodule:
		subprocess.run(["git", "-C", folder, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", f"{WORK}/git/{submodule}.git",
			submodule], env=GIT_ENV, check=True)
		git(folder, "config", "-f", ".gitmodules", f"submodule.{submodule}.url", f"../{submodule}.git")
	git(folder, "add", "-A")
	git(folder, "commit", "-q", "-m", "one")
	subprocess.run(["git", "clone", "-q", "--bare", folder, bare], env=GIT_ENV, check=True)
	return git(folder, "rev-parse", "HEAD")


class GitServer(http.server.BaseHTTPRequestHandler):
	"""git-http-backend(1) behind a password."""
	protocol_version = "HTTP/1.1"
	asked = []

	def log_message(self, *args):
		pass

	def answer(self):
		said = self.headers.get("Authorization", "")
		GitServer.asked.append(said)
		body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
		if said != "Basic " + base64.b64encode(f"{GIT_USER}:{GIT_PASSWORD}".encode()).decode():
			self.send_response(401)
			self.send_header("WWW-Authenticate", 'Basic realm="git"')
			self.send_header("Content-Length", "0")
			self.end_headers()
			return
		path, _, query = self.path.partition("?")
		env = {"PATH": os.environ["PATH"], "GIT_PROJECT_ROOT": f"{WORK}/git", "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": path,
			"QUERY_STRING": query, "REQUEST_METHOD": self.command, "CONTENT_TYPE": self.headers.get("Content-Type", ""),
			"HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""), "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
			"REMOTE_USER": GIT_USER, "CONTENT_LENGTH": str(len(body)), "HOME": WORK}
		out = subprocess.run(["git", "http-backend"], env=env, input=body, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout
		head, _, content = out.partition(b"\r\n\r\n")
		fields = [line.split(": ", 1) for line in head.decode().split("\r\n")]
		self.send_response(int(dict(fields).get("Status", "200").split()[0]))
		for key, value in fields:
			if key != "Status":
				self.send_header(key, value)
		self.send_header("Content-Length", str(len(content)))
		self.end_headers()
		self.wfile.write(content)

	do_GET = do_POST = answer


# ---- the registry, as binderhub/registry.py asks it ----

def manifest(image, tag, accept=OCI, password=HUB_PASSWORD):
	request = urllib.request.Request(f"http://{REGISTRY}/v2/{image}/manifests/{tag}")
	if accept:
		request.add_header("Accept", accept)
	request.add_header("Authorization", "Basic " + base64.b64encode(f"{HUB_USER}:{password}".encode()).decode())
	try:
		with urllib.request.urlopen(request) as answer:
			return answer.headers["Content-Type"], json.loads(answer.read())
	except urllib.error.HTTPError as e:
		check(e.code == 404, "the registry answers", e.code)
		return None


# ---- the builder, as binderhub/build.py starts it ----

def command(url, ref, image, extra=(), appendix="", push=True):
	options = [f"--ref={ref}", f"--image={image}", "--no-clean", "--no-run", "--json-logs", "--user-name=jovyan", "--user-id=1000"]
	if appendix:
		options.extend(["--appendix", appendix])
	if push:
		options.append("--push")
	return ["jupyter-repo2docker", *options, *extra, url]


def run(argv, more=None):
	"""Its exit code, its lines, as the hub sees them."""
	env = {"PATH": f"{os.path.dirname(BUILDER)}:{os.environ['PATH']}", "HOME": f"{WORK}/home", "TMPDIR": f"{WORK}/tmp",
		"CONDAIMG_CACHE_DIR": f"{WORK}/cache", "CONDAIMG_JUPYTER": f"{WORK}/jupyter.yml",
		"GIT_CREDENTIAL_ENV": f"username={GIT_USER}\\npassword={GIT_PASSWORD}",
		"CONTAINER_ENGINE_REGISTRY_CREDENTIALS": json.dumps({"registry": REGISTRY, "username": HUB_USER, "password": HUB_PASSWORD}),
		**(more or {})}
	p = subprocess.run(argv, executable=BUILDER, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
	text = p.stdout.decode()
	check("\r" not in text and "\x1b" not in text, "a log is no terminal:", text)
	for secret in SECRETS:
		check(secret not in text, "a password is in the log:", text)
	lines = []
	for line in text.splitlines():
		try:
			lines.append(json.loads(line))
		except ValueError:
			check(False, "not a line of JSON:", line, "in", text)
		check(set(lines[-1]) == {"message", "phase"} and lines[-1]["message"].endswith("\n"), line)
		if jsonschema:
			jsonschema.validate(lines[-1], LOG_SCHEMA)
		check(lines[-1]["phase"] in ("fetching", "building", "pushing", "failed"), line)
	check(not os.listdir(f"{WORK}/tmp"), "files are left in TMPDIR:", os.listdir(f"{WORK}/tmp"))
	return p.returncode, lines


def launch(name, url, ref, **how):
	"""What a person sees who opens a link to the hub: build unless the registry has it. Whether it was built."""
	image = f"binder-{name}"
	if manifest(image, ref):
		return False
	rc, lines = run(command(url, ref, f"{REGISTRY}/{image}:{ref}", **how))
	check(rc == 0 and all(line["phase"] != "failed" for line in lines), name, "was not built:", rc, lines)
	check([line["phase"] for line in lines][0] == "fetching" and lines[-1]["phase"] == "pushing", lines)
	for accept in (OCI, None, DOCKER):
		check(manifest(image, ref, accept), "the hub does not see the image when it accepts", accept)
	kind, found = manifest(image, ref, DOCKER)
	check(kind == DOCKER and found["mediaType"] == DOCKER and "manifests" not in found, kind, found)
	check(found["config"]["mediaType"] == "application/vnd.docker.container.image.v1+json", found["config"])
	check({layer["mediaType"] for layer in found["layers"]} == {"application/vnd.docker.image.rootfs.diff.tar.gzip"}, found["layers"])
	with open(f"{WORK}/launched", "a", encoding="ascii") as f:
		f.write(f"{name} {REGISTRY}/{image}:{ref}\n")
	return True


def refused(url, ref, *want, **how):
	rc, lines = run(command(url, ref, f"{REGISTRY}/binder-refused:{ref}", **how))
	check(rc != 0, url, "was built:", lines)
	check(not any(f"{WORK}/tmp/" in line["message"] for line in lines), "paths of the builder are in the log:", lines)
	failures = [line["message"] for line in lines if line["phase"] == "failed"]
	check(len(failures) == 1 and lines[-1]["phase"] == "failed", lines)
	for part in want:
		check(part in failures[0], f"no '{part}' in", failures)
	check(manifest("binder-refused", ref) is None, "something was pushed")


# ---- what is in the repositories ----

ENVIRONMENT = f"name: mine\nchannels: [{CHANNEL}]\ndependencies:\n  - python=3.11\n  - click\n"

# What stands where jupyter is, as the channel has none: found by PATH, it tells what it was given.
STAND_IN = """!#!/usr/bin/env python
import json, os, sys
import click, requests
assert os.access(".", os.W_OK) and os.access("notebooks/one.ipynb", os.W_OK)
with open("notebooks/one.ipynb", "a"):
    pass
with open("new.ipynb", "w") as f:
    f.write("{}")
os.makedirs(os.path.expanduser("~/.jupyter"))
print(json.dumps({"argv": sys.argv[1:], "uid": os.getuid(), "home": os.environ["HOME"], "cwd": os.getcwd(), "user": os.environ["USER"],
                  "ref": os.environ.get("HUB_VARIABLE"), "started": os.environ.get("STARTED"), "owner": os.stat("notebooks").st_uid}))
"""


def make_all():
	commits = {}
	make_files(WORK, {"jupyter.yml": f"channels: [{CHANNEL}]\ndependencies: [python, pip, requests, click]\n"})
	notebooks = {"notebooks/one.ipynb": "{}", ".local/bin/jupyter-notebook": STAND_IN}
	make_repository("shared", {"lib.py": "x = 1\n"})
	commits["root"] = make_repository("root", {**notebooks, "environment.yml": ENVIRONMENT, "condaimg.yml": "copy: {/etc/hostname: /stolen}\n",
		".dockerignore": "left-out\n", "left-out": "x"}, submodule="shared")
	commits["binder"] = make_repository("binder", {**notebooks, "binder/environment.yaml": ENVIRONMENT, "environment.yml": "not: this\n",
		"binder/start": "#!/bin/bash -e\nexport STARTED=yes\nexec \"$@\"\n", "binder/.dockerignore": "# not for hubs\nleft-out\n",
		"left-out": "x"})
	commits["plain"] = make_repository("plain", {**notebooks, ".binder/runtime.txt": "python-3.11\n"})
	commits["code"] = make_repository("code", {"environment.yml": ENVIRONMENT, "postBuild": "!#!/bin/sh\n"})
	commits["pip"] = make_repository("pip", {"binder/requirements.txt": "numpy\n"})
	commits["unsat"] = make_repository("unsat", {"environment.yml": f"channels: [{CHANNEL}]\ndependencies: [python=2]\n"})
	return commits


def hostile_archives():
	"""Archives that would write beside the folder they are unpacked in."""
	for name, members in {
		"dotdot": [("repo/../../evil", None)],
		"absolute": [("/tmp/evil", None)],
		"through": [("repo/link", ".."), ("repo/link/evil", None)],
		"hard": [("repo/x", "h:../../../etc/passwd")],
	}.items():
		with tarfile.open(f"{WORK}/{name}.tar.gz", "w:gz") as t:
			for path, target in members:
				m = tarfile.TarInfo(path)
				if target:
					m.type, m.linkname = (tarfile.LNKTYPE, target[2:]) if target.startswith("h:") else (tarfile.SYMTYPE, target)
				t.addfile(m, io.BytesIO())
	with zipfile.ZipFile(f"{WORK}/zipped.zip", "w") as z:
		z.writestr("../evil", "x")


def main():
	commits = make_all()
	server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), GitServer)
	threading.Thread(target=server.serve_forever, daemon=True).start()
	at = f"http://127.0.0.1:{server.server_port}"

	print("== three repositories")
	check(launch("root", f"{at}/root", commits["root"]), "was there already")
	check(launch("binder", f"{at}/binder", commits["binder"]), "was there already")
	check(launch("plain", f"file://{WORK}/git/plain.git", commits["plain"], appendix="USER root\nENV HUB_VARIABLE=\"of the hub\" \\\n  B=2\nLABEL hub=yes\nUSER $NB_USER"),
		"was there already")
	check(not launch("root", f"{at}/root", commits["root"]), "is built again though the registry has it")
	check(any(GitServer.asked) and not all(GitServer.asked), "the password goes to who did not ask for it")

	print("== what takes code is named")
	refused(f"{at}/code", commits["code"], "postBuild", "runs no code")
	refused(f"{at}/pip", commits["pip"], "binder/requirements.txt", "pip")
	refused(f"{at}/root", commits["root"], "RUN echo", "the appendix", appendix="RUN echo")
	refused(f"{at}/unsat", commits["unsat"], "python")
	refused(f"{at}/root", "no-such-branch", "failed to check out ref no-such-branch")
	refused(f"{at}/nowhere", "main", "failed to clone repository")
	refused("ext::touch /tmp/evil", "main", "neither a folder, nor an archive")
	refused("10.5281/zenodo.3242074", "record", "is a DOI")
	refused("swh:1:rev:0", "x", "Software Heritage")
	refused(f"{at}/root", commits["root"], "--build-memory-limit is for a builder", extra=["--build-memory-limit=2G"])
	refused(f"{at}/root", "--upload-pack=x", "is no name of a branch")
	refused(f"{at}/root", commits["root"], "no container engine", push=False)
	refused(f"{at}/root", commits["root"], "there is no option --nonsense", extra=["--nonsense"])

	print("== or handed on, with all arguments and variables")
	make_files(WORK, {"real": f"!#!/bin/sh\nprintf '%s|' \"$@\" \"${{GIT_CREDENTIAL_ENV%%=*}}\" \"$CONDAIMG_REPO2DOCKER\" >{WORK}/handed\n"})
	argv = command(f"{at}/code", commits["code"], f"{REGISTRY}/binder-code:1", extra=["--Repo2Docker.platform=linux/amd64"])
	rc, lines = run(argv, {"CONDAIMG_REPO2DOCKER": f"{WORK}/real"})
	check(rc == 0 and "postBuild" in lines[-2]["message"] and "takes over" in lines[-1]["message"], rc, lines)
	with open(f"{WORK}/handed", encoding="ascii") as f:
		check(f.read() == "|".join([*argv[1:], "username", "", ""]), "not what was given")

	rc, lines = run(command("10.5281/zenodo.3242074", "record", f"{REGISTRY}/binder-doi:1"), {"CONDAIMG_REPO2DOCKER": f"{WORK}/real"})
	check(rc == 0 and "is a DOI" in lines[0]["message"], rc, lines)

	print("== archives and folders")
	hostile_archives()
	for name in "dotdot.tar.gz", "absolute.tar.gz", "through.tar.gz", "hard.tar.gz", "zipped.zip":
		refused(f"{WORK}/{name}", "x", name)
	check(not os.path.exists(f"{WORK}/evil") and not os.path.exists("/tmp/evil"), "an archive wrote where it should not")
	for kind, suffix in (("gztar", ".tar.gz"), ("zip", ".zip"), ("tar", ".tar")):
		subprocess.run([sys.executable, "-c", f"import shutil; shutil.make_archive({WORK!r} + '/plain', {kind!r}, {WORK!r} + '/trees', 'plain')"], check=True)
		rc, lines = run(["jupyter-repo2docker", "--json-logs", "--no-build", f"{WORK}/plain{suffix}"])
		check(rc == 0, suffix, lines)
	rc, lines = run(["jupyter-repo2docker", "--json-logs", "--no-build", "--subdir", "plain", f"{WORK}/trees"])
	check(rc == 0, lines)
	rc, lines = run(["jupyter-repo2docker", "--json-logs", "--no-build", "--subdir", "../..", f"{WORK}/trees"])
	check(rc != 0 and "is outside of" in lines[-1]["message"], lines)
	server.shutdown()


main()
