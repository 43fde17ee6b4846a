#!/usr/bin/env python3
"""
ci.py action NAME=VALUE... | tekton NAME=VALUE... | job: what a template runs, as a shell script (or the Job's container as JSON), after
the CI system's own substitutions. The root of the tree is CONDAIMG_SOURCE_ROOT.
"""

import json
import os
import re
import shlex
import sys

import yaml

ROOT = os.environ["CONDAIMG_SOURCE_ROOT"]
INSTALLED = "/usr/local/share/condaimg/ci"


def load(path):
	with open(os.path.join(ROOT, path), encoding="utf-8") as f:
		return list(yaml.safe_load_all(f))


def exports(pairs):
	return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in pairs)


def action(given):
	document = load("action.yml")[0]
	inputs = {name: given.pop(name, spec.get("default")) for name, spec in document["inputs"].items()}
	assert not given, f"no such inputs: {given}"
	assert None not in inputs.values(), f"inputs without a value: {inputs}"
	values = {f"inputs.{name}": value for name, value in inputs.items()}
	values["github.action_path"] = ROOT
	script = "set -e\n"
	for step in document["runs"]["steps"]:
		condition = re.fullmatch(r"\${{ (\S+) != '' }}", step.get("if", "")) if "if" in step else None
		if "run" not in step or (condition and not values[condition.group(1)]):
			continue
		env = [(name, re.sub(r"\${{ (.*?) }}", lambda m: values[m.group(1)], value)) for name, value in step.get("env", {}).items()]
		assert "${{" not in step["run"], "what others say is in a script"
		script += f"({exports(env)}set -eo pipefail\n{step['run']})\n"
		script += "if [ -e \"$GITHUB_ENV\" ]; then set -a; . \"$GITHUB_ENV\"; set +a; fi\n"
	return script


def tekton(given):
	spec = load("ci/tekton/condaimg.yaml")[0]["spec"]
	values = {f"params.{p['name']}": given.pop(p["name"], p.get("default")) for p in spec["params"]}
	for kind, part in (("workspaces", "name"), ("results", "name")):
		for item in spec[kind]:
			values[f"{kind}.{item[part]}.path"] = given.pop(item[part], "")
	assert not given, f"no such things: {given}"
	step = spec["steps"][0]
	said = lambda text: re.sub(r"\$\(([\w.-]+\.[\w.-]+)\)", lambda m: values[m.group(1)], text)
	scratch = os.environ["SCRATCH"]
	env = [(e["name"], said(e["value"]).replace("/scratch", scratch)) for e in step["env"]]
	return (f"cd {shlex.quote(said(step['workingDir']))}\n" + exports(env) +
		step["script"].replace(INSTALLED, f"{ROOT}/ci").replace("/scratch", scratch))


def job():
	document = [d for d in load("ci/kubernetes/job.yaml") if d["kind"] == "Job"][0]
	pod = document["spec"]["template"]["spec"]
	container = pod["containers"][0]
	files = [d for d in load("ci/kubernetes/job.yaml") if d["kind"] == "ConfigMap"][0]["data"]
	return json.dumps({"argv": container["command"] + container["args"], "env": {e["name"]: e["value"] for e in container["env"]},
		"uid": pod["securityContext"]["runAsUser"], "gid": pod["securityContext"]["runAsGroup"],
		"memory": container["resources"]["limits"]["memory"], "read_only": container["securityContext"]["readOnlyRootFilesystem"],
		"drop": container["securityContext"]["capabilities"]["drop"], "privileges": container["securityContext"]["allowPrivilegeEscalation"],
		"non_root": pod["securityContext"]["runAsNonRoot"], "mounts": {m["mountPath"]: m.get("readOnly", False) for m in container["volumeMounts"]},
		"files": files})


what, *pairs = sys.argv[1:]
print({"action": action, "tekton": tekton}[what](dict(p.split("=", 1) for p in pairs)) if what != "job" else job())
