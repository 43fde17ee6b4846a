#!/usr/bin/env python3
"""
push_channel.py URL FOLDER PATH [USER:PASSWORD] [CA]: a channel into a registry, as conda-oci-mirror lays it out and rattler and mamba
address it. URL is the registry's ("http://127.0.0.1:5000"), PATH the repository's beginning. Python's standard library and zstd only.

One repository a package name, one tag a version and build, in it an artifact whose layers are the package and what is in its info/; one
repository for repodata, tag "latest".
"""

import base64
import bz2
import gzip
import hashlib
import json
import pathlib
import ssl
import subprocess
import sys
import urllib.error
import urllib.request

ARGUMENTS = sys.argv[1:] + [None] * 2
REGISTRY, FOLDER, PATH, LOGIN, CA = ARGUMENTS[0], pathlib.Path(ARGUMENTS[1]), ARGUMENTS[2], ARGUMENTS[3], ARGUMENTS[4]
OPENER = urllib.request.build_opener(
    urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=CA)))


def ask(method, url, data=None, kind="application/octet-stream"):
    request = urllib.request.Request(url, data=data, method=method, headers={"Content-Type": kind})
    if LOGIN:
        request.add_header("Authorization", "Basic " + base64.b64encode(LOGIN.encode()).decode())
    with OPENER.open(request) as answer:
        return answer.headers


def put_blob(repo, data, kind):
    digest = "sha256:" + hashlib.sha256(data).hexdigest()
    place = ask("POST", f"{REGISTRY}/v2/{repo}/blobs/uploads/", b"")["Location"]
    ask("PUT", f"{place}{'&' if '?' in place else '?'}digest={digest}", data)
    return {"mediaType": kind, "digest": digest, "size": len(data)}


def put(repo, tag, layers):
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": put_blob(repo, b"{}", "application/vnd.unknown.config.v1+json"),
        "layers": [put_blob(repo, data, kind) for kind, data in layers],
    }
    ask("PUT", f"{REGISTRY}/v2/{repo}/manifests/{tag}", json.dumps(manifest).encode(), manifest["mediaType"])


def tag_of(text):
    return text.replace("+", "__p__").replace("!", "__e__").replace("=", "__eq__")


KINDS = {".conda": "application/vnd.conda.package.v2", ".tar.bz2": "application/vnd.conda.package.v1"}

for subdir in FOLDER.iterdir():
    for path in sorted(subdir.iterdir()) if subdir.is_dir() else []:
        end = next((e for e in KINDS if path.name.endswith(e)), None)
        if not end:
            continue
        name, version, build = path.name.removesuffix(end).rsplit("-", 2)
        put(f"{PATH}/{subdir.name}/{'zzz' if name.startswith('_') else ''}{name}", tag_of(f"{version}-{build}"),
            [("application/vnd.conda.info.v1.tar+gzip", gzip.compress(b"info", mtime=0)), (KINDS[end], path.read_bytes())])
    if (subdir / "repodata.json").exists():
        text = (subdir / "repodata.json").read_bytes()
        kind = "application/vnd.conda.repodata.v1+json"
        forms = [(kind, text), (kind + "+gzip", gzip.compress(text, mtime=0)), (kind + "+bz2", bz2.compress(text))]
        if "plain" not in PATH:
            forms.append((kind + "+zst", subprocess.run(["zstd", "-cq"], input=text, stdout=subprocess.PIPE, check=True).stdout))
        put(f"{PATH}/{subdir.name}/repodata.json", "latest", forms)
