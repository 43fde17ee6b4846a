#!/usr/bin/env python3
"""
docs_lint.py CONDAIMG PAGE...: each command line of condaimg in a code block or in backquotes of a page is one that the program takes: its
command and its options are there. Nothing is done: --help goes behind it, before which all else is parsed.
"""

import re
import shlex
import subprocess
import sys

CONDAIMG, *PAGES = sys.argv[1:]
# What a shell would make of it is not for us.
OPERATORS = {"|", "||", "&", "&&", ";", ">", ">>", "<", "2>"}


def command_lines(text):
	"""(line number, command line) of blocks and of `condaimg ...` in sentences."""
	block, fence, lines = "", None, text.split("\n")
	for number, line in enumerate(lines, 1):
		mark = re.match(r"^\s*```(\w*)", line)
		if mark:
			fence = None if fence is not None else mark.group(1)
			continue
		if fence is None:
			for code in re.findall(r"`((?:condaimg|jupyter-repo2docker) [^`]*)`", line):
				yield number, code
			continue
		if fence not in ("", "console", "bash", "sh"):
			continue
		block += re.sub(r"^\s*(\$ )?", "", line)
		if block.endswith("\\"):
			block = block[:-1]
			continue
		if re.match(r"^(condaimg|jupyter-repo2docker) ", block):
			yield number, block
		block = ""


def unsaid(page, text):
	"""Blocks of commands of which nobody says whether they are run (docs.py)."""
	lines = text.split("\n")
	for i, line in enumerate(lines):
		if re.fullmatch(r"```(sh|bash)?", line) and i + 1 < len(lines) and re.match(r"(\$ )?[\w.=$()-]*condaimg ", lines[i + 1]):
			before = [l for l in lines[:i] if l.strip()][-1]
			if not re.match(r"<!-- (tried|not run: .*) -->", before):
				yield f"{page}:{i + 1}: a block of commands: is it run?"


def words_of(line):
	"""The words up to the first that is the shell's; None where it is no whole command line but is about one."""
	lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>")
	lexer.whitespace_split = True
	lexer.commenters = "#"
	words = []
	try:
		for word in lexer:
			if word in OPERATORS or re.fullmatch(r"[|&;<>]+", word):
				break
			words.append(word)
	except ValueError:
		return None
	if any("..." in w or w.startswith("[") for w in words) or len(words) < 2 or "\\n" in line:
		return None
	return words


def main():
	known = set(re.findall(r"(?m)^  condaimg (\S+)", subprocess.run([CONDAIMG, "--help"], capture_output=True, text=True, check=True).stdout))
	tried = wrong = 0
	for page in PAGES:
		with open(page, encoding="utf-8") as f:
			text = f.read()
		for fault in unsaid(page, text) if "/docs/" in page else []:
			print(fault)
			wrong += 1
		for number, line in command_lines(text):
			words = words_of(line)
			if not words or words[1] in ("--version", "--help", "help", "COMMAND"):
				continue
			if words[0] == "condaimg" and words[1] not in known and words[1] != "repo2docker":
				print(f"{page}:{number}: there is no command: {line}")
				wrong += 1
				continue
			tried += 1
			words = ["repo2docker"] + words[1:] if words[0] == "jupyter-repo2docker" else words[1:]
			# repo2docker's arguments end with the repository
			argv = [words[0], "--help"] + words[1:] if words[0] == "repo2docker" else words + ["--help"]
			p = subprocess.run([CONDAIMG] + argv, capture_output=True, text=True, check=False)
			if p.returncode != 0:
				print(f"{page}:{number}: {line}\n\t{p.stderr.strip()}")
				wrong += 1
	print(f"{tried} command lines of {len(PAGES)} pages")
	sys.exit(1 if wrong else 0)


main()
