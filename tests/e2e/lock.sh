#!/bin/sh
# PyYAML reads what condaimg writes: every string is the string it was, and the keys are those that conda-lock's
# models take (they forbid others). With pydantic here too, models of the same shape judge the types.
# lock.sh LOCK_SAMPLE
set -eu
sample=${1:?the program that prints a lock is missing}
if ! python3 -c 'import yaml' 2>/dev/null; then
	echo 'SKIP: python3 with yaml is not here'
	exit 77
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
"$sample" >"$dir/conda-lock.yml"
"$sample" strings >"$dir/strings.json"
python3 - "$dir/conda-lock.yml" "$dir/strings.json" <<'END'
import json, sys, yaml

text = open(sys.argv[1], encoding="ascii").read()
strings = json.load(open(sys.argv[2], encoding="utf-8"))
for loader in (yaml.SafeLoader, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    lock = yaml.load(text, loader)

    def is_text(x):
        assert isinstance(x, str), repr(x)
        return x

    def keys(d, required, optional=()):
        assert set(required) <= set(d) <= set(required) | set(optional), sorted(d)

    keys(lock, ["version", "metadata", "package"])
    assert lock["version"] == 1
    meta = lock["metadata"]
    keys(meta, ["content_hash", "channels", "platforms", "sources"], ["custom_metadata"])
    assert meta["content_hash"] == {"linux-64": "12345678901234567890"}
    assert meta["channels"] == [{"url": "https://conda.anaconda.org/conda-forge", "used_env_vars": []}]
    assert meta["platforms"] == ["linux-64"]
    assert meta["sources"] == ["environment.yml", "../other.yml"]
    custom = meta["custom_metadata"]
    for k, v in custom.items():
        is_text(k), is_text(v)
    assert list(custom) == sorted(custom)
    assert custom["condaimg.name"] == "no"
    assert json.loads(custom["condaimg.requested"]) == strings
    assert json.loads(custom["condaimg.virtual-packages.linux-64"]) == strings
    assert json.loads(custom["condaimg.variables"]) == {"A": "no", "B": "1.0"}
    record = json.loads(custom["condaimg.record.linux-64/yes-3.10-h1_0.conda"])
    assert record["constrains"] == strings
    assert record["license"] == "B\u00e93-Clause: 'quoted'"
    assert [(p["name"], p["version"], p["category"], p["optional"]) for p in lock["package"]] == [
        ("sysroot_linux-64", "2.28", "libc", True), ("yes", "3.10", "main", False), ("zlib", "1e5", "main", False)]
    for p in lock["package"]:
        keys(p, ["name", "version", "manager", "platform", "dependencies", "url", "hash", "category", "optional"])
        assert p["manager"] == "conda" and p["platform"] == "linux-64"
        assert p["hash"] == {"md5": "34" * 16, "sha256": "1212121e" + "12" * 28}
        assert p["dependencies"] == {"python": ">=3.9,<3.14.0a0", "__glibc": ">=2.17", "python_abi": "3.13.* *_cp313",
                                     "zlib": "<2"}
        assert is_text(p["url"]).endswith("-h1_0.conda")

try:
    from typing import Dict, List, Literal, Optional
    from pydantic import BaseModel, ConfigDict
except ImportError:
    print("SKIP: pydantic is not here")
    sys.exit(0)

class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

class Hash(Strict):
    md5: str
    sha256: Optional[str] = None

class Package(Strict):
    name: str
    version: str
    manager: Literal["conda", "pip"]
    platform: str
    dependencies: Dict[str, str] = {}
    url: str
    hash: Hash
    category: str = "main"
    optional: bool

class Channel(Strict):
    url: str
    used_env_vars: List[str]

class Meta(Strict):
    content_hash: Dict[str, str]
    channels: List[Channel]
    platforms: List[str]
    sources: List[str]
    custom_metadata: Optional[Dict[str, str]] = None

class Lock(Strict):
    version: int
    package: List[Package]
    metadata: Meta

Lock.model_validate(lock)
END
