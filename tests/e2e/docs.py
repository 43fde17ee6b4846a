#!/usr/bin/env python3
"""
docs.py [--update] WORK CONDAIMG PAGE...: the commands of pages, run, and what they print compared with what the page says.

A page is run from its top to its bottom in one empty folder:

	```yaml title=environment.yml	the block is written to that file
	```console			lines that begin with "$ " are run by bash, one after the other; a line that ends in '\\' goes on;
					the lines behind it are what it prints, on stdout and stderr; "..." stands for anything in a line, or,
					alone, for any lines; "[exit 3]" at the end is the exit code, where it is not 0
	```console skip=WHY		is not run
	<!-- tried -->			the commands of the next block (without "$ ") are run, and have to go well; what they print is not on the page
	<!-- not run: WHY -->		those of the next block are not
	<!-- page: new -->		from here on in another empty folder
	<!-- run: COMMAND -->		is run, and not shown: what another tool would have done

Digests of images change with every package of the channel, so each digest of a page stands for one digest of the run: the same where
the page says the same, another where it says another. A number behind a '~' may be a third off. --update writes what was printed into the page (but keeps "...").

conda-forge is the channel of the tests, registry.example a registry of this machine. "podman run" and "docker run" unpack the image
by condaimg export-rootfs, and run it by bubblewrap with what its configuration says: tests/e2e/run.sh has real containers.
"""

import os
import re
import subprocess
import sys

UPDATE = "--update" in sys.argv
WORK, CONDAIMG, *PAGES = [a for a in sys.argv[1:] if a != "--update"]
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
REGISTRY = os.environ["REGISTRY"]
DIGEST = re.compile(r"[0-9a-f]{64}")

PODMAN = r"""#!/bin/bash
# "podman run [options] IMAGE [command]", as far as pages use it.
set -eu
[ "$1" = run ] || { echo "pages only use podman run" >&2; exit 2; }
shift
options=() uid='' entry='' root=--bind dir=''
while [[ $1 == -* ]]; do
	case $1 in
	--rm | -i | -t) ;;
	--user=*) uid=${1#*=} ;;
	--user) uid=$2; shift ;;
	--entrypoint) entry=$2; shift ;;
	--read-only) root=--ro-bind ;;
	-e) options+=(--setenv "${2%%=*}" "${2#*=}"); shift ;;
	-w) dir=$2; shift ;;
	--network | --network=*) [ "$1" = --network=none ] || shift ;;
	*) echo "podman: what is $1?" >&2; exit 2 ;;
	esac
	shift
done
image=$1
shift
case $image in oci:* | *-archive:* | docker://*) ;; *) image=docker://$image ;; esac
config=$(skopeo inspect --tls-verify=false --config "$image")
key=$(sha256sum <<<"$config" | cut -c 1-16)
at=$HERE/rootfs-$key
[ -d "$at" ] || "$CONDAIMG" export-rootfs "$image" "$at" >/dev/null
mapfile -t entrypoint < <(jq -r '.config.Entrypoint // [] | .[]' <<<"$config")
mapfile -t command < <(jq -r '.config.Cmd // [] | .[]' <<<"$config")
[ -z "$entry" ] || { entrypoint=("$entry"); command=(); }
[ $# = 0 ] || command=("$@")
variables=()
while IFS= read -r var; do variables+=(--setenv "${var%%=*}" "${var#*=}"); done < <(jq -r '.config.Env[]' <<<"$config")
[ -n "$uid" ] || uid=$(jq -r .config.User <<<"$config")
exec bwrap $root "$at" / --tmpfs /tmp --proc /proc --dev /dev --unshare-all --clearenv "${variables[@]}" "${options[@]}" --uid "${uid%%:*}" --gid 0 \
	--chdir "${dir:-$(jq -r '.config.WorkingDir // "/"' <<<"$config")}" "${entrypoint[@]}" "${command[@]}"
"""


def blocks(lines):
	"""(kind, first line, last line) of what is to be done; indices of the content."""
	at = 0
	while at < len(lines):
		opened = re.match(r"^```(\w+)(?: (.*))?$", lines[at])
		hidden = re.match(r"^<!-- run: (.*) -->$", lines[at])
		if hidden:
			yield "hidden", hidden.group(1), at, at
		if lines[at].strip() == "<!-- page: new -->":
			yield "new", "", at, at
		if lines[at].strip() == "<!-- tried -->":
			end = lines.index("```", at + 3)
			yield "tried", "", at + 3, end
			at = end + 1
			continue
		if opened:
			end = lines.index("```", at + 1)
			info = opened.group(2) or ""
			if opened.group(1) == "console" and not info.startswith("skip="):
				yield "console", "", at + 1, end
			elif info.startswith("title="):
				yield "file", info[len("title="):], at + 1, end
			at = end
		at += 1


def steps(lines):
	"""Commands with what they print."""
	found = []
	at = 0
	while at < len(lines):
		if not lines[at].startswith("$ "):
			sys.exit(f"a console block begins with output: {lines[at]}")
		command = [lines[at]]
		while command[-1].endswith("\\"):
			at += 1
			command.append(lines[at])
		at += 1
		output = []
		while at < len(lines) and not lines[at].startswith("$ "):
			output.append(lines[at])
			at += 1
		found.append((command, output))
	return found


class Digests:
	def __init__(self):
		self.page_to_run, self.run_to_page = {}, {}

	def fits(self, said, got):
		return self.page_to_run.setdefault(said, got) == got and self.run_to_page.setdefault(got, said) == said


def line_fits(said, got, digests):
	pattern, found = "", []
	for part in re.split(r"(\.\.\.|[0-9a-f]{64}|~[0-9.]+)", said):
		if part == "...":
			pattern += ".*"
		elif DIGEST.fullmatch(part):
			pattern += "([0-9a-f]{64})"
			found.append(part)
		elif part.startswith("~"):
			pattern += "~([0-9.]+)"
			found.append(part)
		else:
			pattern += re.escape(part)
	m = re.fullmatch(pattern, got)
	return bool(m) and all(near(a[1:], b) if a.startswith("~") else digests.fits(a, b) for a, b in zip(found, m.groups()))


def near(said, got):
	"""Sizes change with every package of the channel: a third more or less is the same story."""
	return abs(float(said) - float(got)) <= max(float(said) / 3, 0.2)


def fits(said, got, digests):
	if not said:
		return not got
	if said[0] == "...":
		return any(fits(said[1:], got[skip:], digests) for skip in range(len(got) + 1))
	return bool(got) and line_fits(said[0], got[0], digests) and fits(said[1:], got[1:], digests)


class Shell:
	"""One bash a folder, so that cd and variables stay."""

	def __init__(self, folder):
		os.makedirs(folder)
		env = {**os.environ, "PATH": f"{WORK}/bin:{os.environ['PATH']}", "PS1": "", "CONDAIMG": CONDAIMG, "HERE": WORK, "CLICOLOR": "0"}
		self.p = subprocess.Popen(["bash", "--norc", "--noprofile"], cwd=folder, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
			stderr=subprocess.STDOUT, text=True)
		self.folder = folder

	def end(self):
		self.p.stdin.close()
		self.p.wait()

	def run(self, command):
		self.p.stdin.write(f"{{ {command}\n}} </dev/null; rc=$?; echo; echo \"=END= $rc\"\n")
		self.p.stdin.flush()
		output = []
		while True:
			line = self.p.stdout.readline()
			if not line:
				sys.exit(f"the shell ended with {command}")
			if line.startswith("=END= "):
				break
			output.append(line.rstrip("\n").replace(REGISTRY, "registry.example").replace(self.folder, "/home/me").replace(f"file://{WORK}/channels/", "file:///channels/"))
		if output and output[-1] == "":
			output.pop()
		code = int(line.split()[1])
		return output + ([f"[exit {code}]"] if code else [])


def run_page(path):
	with open(path, encoding="utf-8") as f:
		lines = f.read().split("\n")
	name = os.path.relpath(path, ROOT).replace("/", "-")
	digests, failures, edits, ran = Digests(), [], [], 0
	shell = Shell(f"{WORK}/pages/{name}")
	for kind, title, first, last in blocks(lines):
		if kind == "new":
			shell.end()
			shell = Shell(f"{WORK}/pages/{name}-{first}")
		elif kind == "hidden":
			got = shell.run(title.replace("registry.example", REGISTRY))
			if got and got[-1].startswith("[exit"):
				failures.append("\n".join([f"{path}: {title}", *got]))
		elif kind == "tried":
			for command in "\n".join(lines[first:last]).replace("\\\n", "").split("\n"):
				got = shell.run(command.replace("registry.example", REGISTRY).replace("ghcr.io", REGISTRY))
				ran += 1
				if got and got[-1].startswith("[exit"):
					failures.append("\n".join([f"{path}: {command}", *got]))
		elif kind == "file":
			target = os.path.join(shell.folder, title)
			os.makedirs(os.path.dirname(target), exist_ok=True)
			with open(target, "w", encoding="utf-8") as f:
				f.write("\n".join(lines[first:last]) + "\n")
		else:
			written = []
			for command, said in steps(lines[first:last]):
				text = "\n".join(command)[2:].replace("registry.example", REGISTRY)
				got = shell.run(text)
				ran += 1
				ok = fits(said, got, digests)
				if not ok:
					failures.append("\n".join([f"{path}: {text}", "printed:", *got, "the page says:", *said]))
				kept = [DIGEST.sub(lambda m: digests.page_to_run.get(m[0], m[0]), line) for line in said]
				written += command + (kept if ok and any("..." in line for line in said) else got)
			edits.append((first, last, written))
	shell.end()
	if UPDATE:
		for first, last, written in reversed(edits):
			lines[first:last] = written
		with open(path, "w", encoding="utf-8") as f:
			f.write("\n".join(lines))
	elif failures:
		print("\n\n".join(failures), file=sys.stderr)
	print(f"{os.path.relpath(path, ROOT)}: {ran} commands{', updated' if UPDATE and failures else ''}", flush=True)
	return UPDATE or not failures


# A pixi.lock as pixi writes it, of the packages of an environment.yml.
PIXI = r"""#!/bin/bash
set -eu
list=$(condaimg lock environment.yml --format explicit)
echo 'version: 6
environments:
  default:
    channels:
    - url: '$(sed -n "s|^\(.*://.*/\)[^/]*/[^/]*\$|\1|p" <<<"$list" | head -n 1)'
    packages:
      linux-64:'
grep :// <<<"$list" | sed -E 's/^(.*)#.*$/      - conda: \1/'
echo 'packages:'
grep :// <<<"$list" | sed -E 's/^(.*)#(sha256:)?(.*)$/- conda: \1\n  sha256: \3/; \,/noarch/(ca-certificates|tzdata|python_abi),!s,^(- conda: .*/noarch/[^\n]*\n.*)$,\1\n  noarch: python,'
"""


def main():
	os.makedirs(f"{WORK}/bin")
	with open(f"{WORK}/bin/fake-pixi-lock", "w", encoding="ascii") as f:
		f.write(PIXI)
	os.chmod(f"{WORK}/bin/fake-pixi-lock", 0o755)
	for name in "podman", "docker":
		with open(f"{WORK}/bin/{name}", "w", encoding="ascii") as f:
			f.write(PODMAN)
		os.chmod(f"{WORK}/bin/{name}", 0o755)
	os.symlink(CONDAIMG, f"{WORK}/bin/condaimg")
	os.symlink(CONDAIMG, f"{WORK}/bin/jupyter-repo2docker")
	results = [run_page(page) for page in PAGES]
	sys.exit(0 if all(results) else 1)


main()
