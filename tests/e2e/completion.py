#!/usr/bin/env python3
"""
completion.py SHELL SCRIPT PROGRAM: what a person gets who types and presses Tab, in a real shell on a terminal of its own. PROGRAM is
condaimg, in PATH by this name; SCRIPT is what it prints for the shell. What is wrong is printed.
"""

import os
import pty
import select
import subprocess
import sys
import time

SHELL, SCRIPT, PROGRAM = sys.argv[1:]
WORK = os.path.join(os.environ["TMPDIR"], "completion-" + SHELL)

# What is typed, and the line after Tab: only what is unique can be told from the line. Lines of fish are candidates.
CASES = [
	("condaimg bui", "condaimg build"),
	("condaimg export", "condaimg export-rootfs"),
	("condaimg build --compres", "condaimg build --compression"),
	("condaimg build --compression zs", "condaimg build --compression zstd"),
	("condaimg build --compression=zs", "condaimg build --compression=zstd"),
	("condaimg build --link-scripts i", "condaimg build --link-scripts ignore"),
	("condaimg lock --format exp", "condaimg lock --format explicit"),
	("condaimg sbom --format cyc", "condaimg sbom --format cyclonedx"),
	("condaimg build --platform linux-aa", "condaimg build --platform linux-aarch64"),
	("condaimg build environ", "condaimg build environment.yml"),
	("condaimg build -t x:1 environ", "condaimg build -t x:1 environment.yml"),
	("condaimg lock --condarc no", "condaimg lock --condarc none"),
	("condaimg inspect oci:ima", "condaimg inspect oci:images/"),
	("condaimg inspect oci-a", "condaimg inspect oci-archive:"),
	("condaimg cache pru", "condaimg cache prune"),
	("condaimg manual doc", "condaimg manual doctor"),
	("condaimg help repo", "condaimg help repo2docker"),
	("condaimg repo2docker --condaimg-j", "condaimg repo2docker --condaimg-jupyter"),
	("jupyter-repo2docker --target", "jupyter-repo2docker --target-repo-dir"),
	# nothing is invented
	("condaimg push --compres", "condaimg push --compres"),
	("condaimg build --exclude-newer x", "condaimg build --exclude-newer x"),
]


def terminal():
	"""A shell whose Ctrl-X writes the line that is being edited to the file WORK/line."""
	start = {
		"bash": f"source {SCRIPT}; bind -x '\"\\C-x\": printf \"%s\" \"$READLINE_LINE\" >{WORK}/line'",
		"zsh": f"PROMPT_EOL_MARK=; autoload -Uz compinit; compinit -u -D; source {SCRIPT}; show() {{ printf %s \"$BUFFER\" >{WORK}/line }}; "
			"zle -N show; bindkey '^X' show; unsetopt beep; setopt no_auto_menu no_list_ambiguous",
	}[SHELL]
	argv = {"bash": ["bash", "--norc", "--noprofile", "-i"], "zsh": ["zsh", "-f", "-i"]}[SHELL]
	pid, fd = pty.fork()
	if pid == 0:
		os.chdir(WORK)
		os.execvpe(argv[0], argv, {"PATH": f"{WORK}/bin:/usr/bin:/bin", "HOME": WORK, "TERM": "xterm", "PS1": "$ ", "LC_ALL": "C.UTF-8"})
	os.write(fd, f"{start}; echo REA''DY\n".encode())
	wait_for(fd, b"READY")
	return fd


def wait_for(fd, word, seconds=30):
	seen, end = b"", time.monotonic() + seconds
	while word not in seen:
		if not select.select([fd], [], [], max(0, end - time.monotonic()))[0]:
			sys.exit(f"{SHELL} does not answer: {seen!r}")
		seen += os.read(fd, 4096)


def drain(fd, seconds):
	while select.select([fd], [], [], seconds)[0]:
		os.read(fd, 4096)


def line_after(fd, typed):
	path = f"{WORK}/line"
	if os.path.exists(path):
		os.remove(path)
	os.write(fd, typed.encode() + b"\t\x18")
	end = time.monotonic() + 10
	while not os.path.exists(path) or (time.sleep(0.02) or False):
		drain(fd, 0.02)
		if time.monotonic() > end:
			sys.exit(f"{SHELL}: no line after '{typed}'")
	time.sleep(0.02)
	with open(path, encoding="utf-8") as f:
		line = f.read()
	os.write(fd, b"\x15" if SHELL == "bash" else b"\x03")
	drain(fd, 0.05)
	return line


def in_fish(typed):
	"""What fish would offer; its completions can be asked for."""
	out = subprocess.run(["fish", "--no-config", "-c", f"source {SCRIPT}; complete -C '{typed}'"], cwd=WORK, check=True, capture_output=True, text=True,
		env={"PATH": f"{WORK}/bin:/usr/bin:/bin", "HOME": WORK, "LC_ALL": "C.UTF-8"})
	words = [line.split("\t")[0] for line in out.stdout.splitlines()]
	front = typed[:typed.rindex(" ") + 1]
	return [front + w for w in words] or [typed]


def main():
	os.makedirs(f"{WORK}/bin")
	os.makedirs(f"{WORK}/images/x")
	with open(f"{WORK}/environment.yml", "w", encoding="ascii"):
		pass
	for name in "condaimg", "jupyter-repo2docker":
		os.symlink(PROGRAM, f"{WORK}/bin/{name}")
	fd = None if SHELL == "fish" else terminal()
	wrong = 0
	for typed, want in CASES:
		if SHELL == "fish":
			got = in_fish(typed)
			ok = want in got or (typed == want and got == [typed])
		else:
			got = line_after(fd, typed)
			# zsh puts '=' behind an option that takes a value
			ok = got.rstrip(" =") == want or got.rstrip() == want
		if not ok:
			print(f"{SHELL}: '{typed}' becomes {got!r}, expected '{want}'")
			wrong += 1
	print(f"{SHELL}: {len(CASES) - wrong} of {len(CASES)}")
	sys.exit(1 if wrong else 0)


main()
