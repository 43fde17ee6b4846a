"""Versions, specs and whole answers, judged without the program: what bench/solve compares answers with.

Written from CEP 29, 33 and 34 (VersionOrder, VersionSpec, MatchSpec in the forms that repodata has). It knows no more
than that: no channels, no "when", no extras.
"""

import functools
import json
import pathlib
import re
import subprocess

# ---- versions ----


def _segments(text):
    ret = []
    for part in re.split(r"[._-]", text):
        atoms = re.findall(r"\d+|[a-z*]+", part)
        segment = []
        for atom in atoms:
            if atom.isdigit():
                segment.append((1, int(atom)))
            elif atom == "post":
                segment.append((2, 0))
            elif atom == "dev":
                segment.append((-1, 0))
            else:
                segment.append((0, atom))
        if segment and segment[0][0] != 1:
            segment.insert(0, (1, 0))
        ret.append(segment or [(1, 0)])
    return ret


class Version:
    def __init__(self, text):
        text = text.strip().lower()
        self.text = text
        epoch, _, rest = text.rpartition("!")
        main, _, local = rest.partition("+")
        if main.endswith("_"):
            main = main[:-1].replace("-", "_") + "_"
        trailing = main.endswith("_")
        main = main.replace("_", ".").rstrip(".") if not trailing else main[:-1].replace("_", ".")
        self.key = (int(epoch or 0), _segments(main), _segments(local) if local else [])
        if trailing:
            self.key[1][-1].append((0, "_"))

    @staticmethod
    def _cmp_lists(a, b):
        zero = (1, 0)
        for i in range(max(len(a), len(b))):
            x = a[i] if i < len(a) else [zero]
            y = b[i] if i < len(b) else [zero]
            for k in range(max(len(x), len(y))):
                p = x[k] if k < len(x) else zero
                q = y[k] if k < len(y) else zero
                if p != q:
                    return -1 if p < q else 1
        return 0

    def cmp(self, other):
        if self.key[0] != other.key[0]:
            return -1 if self.key[0] < other.key[0] else 1
        return self._cmp_lists(self.key[1], other.key[1]) or self._cmp_lists(self.key[2], other.key[2])

    def starts_with(self, prefix):
        if self.key[0] != prefix.key[0]:
            return False
        a, b = self.key[1], prefix.key[1]
        if prefix.key[2]:
            return a == b and self.key[2][: len(prefix.key[2])] == prefix.key[2]
        if len(b) > len(a):
            a = a + [[(1, 0)]] * (len(b) - len(a))
        if a[: len(b) - 1] != b[:-1]:
            return False
        x, y = a[len(b) - 1], b[-1]
        if x[: len(y) - 1] != y[:-1] or len(x) < len(y):
            return False
        p, q = x[len(y) - 1], y[-1]
        return p[1].startswith(q[1]) if p[0] == q[0] == 0 else p == q


@functools.lru_cache(maxsize=None)
def version(text):
    return Version(text)


def version_cmp(a, b):
    return version(a).cmp(version(b))


def _meets_one(text, v):
    match = re.match(r"(==|!=|>=|<=|~=|=|<|>)?\s*(.*)$", text)
    op, want = match.group(1), match.group(2)
    if want in ("", "*"):
        return True
    if want.endswith(".*") or want.endswith("*"):
        prefix = version(want.rstrip("*").rstrip("."))
        if op in (None, "=", "=="):
            return v.starts_with(prefix)
        if op == "!=":
            return not v.starts_with(prefix)
        want = prefix.text
    if "*" in want:
        return re.fullmatch(re.escape(want).replace(r"\*", ".*"), v.text) is not None
    w = version(want)
    if op == "=":
        return v.starts_with(w)
    if op == "~=":
        return v.cmp(w) >= 0 and v.starts_with(version(want.rpartition(".")[0]))
    c = v.cmp(w)
    return {None: c == 0, "==": c == 0, "!=": c != 0, ">=": c >= 0, "<=": c <= 0, "<": c < 0, ">": c > 0}[op]


@functools.lru_cache(maxsize=None)
def version_meets(spec, text):
    v = version(text)
    # "," binds tighter than "|"
    return any(all(_meets_one(one.strip(), v) for one in part.split(",")) for part in spec.split("|"))


# ---- specs ----


@functools.lru_cache(maxsize=None)
def parse_spec(text):
    """name, version spec or None, build glob or None; the forms that depends and requests have."""
    text = text.strip()
    match = re.match(r"([A-Za-z0-9_.-]+)\s*(.*)$", text)
    name, rest = match.group(1).lower(), match.group(2).strip()
    if not rest:
        return name, None, None
    if rest.startswith("=") and not rest.startswith("=="):
        parts = rest[1:].split("=")
        ver = parts[0] if parts[0].endswith("*") or len(parts) > 1 else "=" + parts[0]
        return name, None if ver == "*" else ver, parts[1] if len(parts) > 1 else None
    exact = re.fullmatch(r"==([^=\s,|<>!~]+)=([^=\s]+)", rest)
    if exact:
        return name, "==" + exact.group(1), exact.group(2)
    rest = re.sub(r"\s*([,|])\s*", r"\1", rest)
    rest = re.sub(r"(==|!=|>=|<=|~=|<|>)\s+", r"\1", rest)
    parts = rest.split()
    return name, None if parts[0] == "*" else parts[0], parts[1] if len(parts) > 1 else None


def meets(spec, record):
    name, ver, build = parse_spec(spec)
    if name != record["name"]:
        return False
    if ver and not version_meets(ver, record["version"]):
        return False
    return not build or re.fullmatch(re.escape(build).replace(r"\*", ".*"), record["build"]) is not None


# ---- channels and answers ----


def load_channel(path, subdirs):
    """Records by "name=version=build"; .conda goes before .tar.bz2."""
    ret = {}
    for subdir in subdirs:
        folder = pathlib.Path(path) / subdir
        packed = folder / "repodata.json.zst"
        if packed.exists():
            text = subprocess.run(["zstd", "-dcq", packed], stdout=subprocess.PIPE, check=True).stdout
        else:
            text = (folder / "repodata.json").read_bytes()
        doc = json.loads(text)
        for section in ("packages", "packages.conda"):
            for fn, record in doc.get(section, {}).items():
                if fn in doc.get("removed", []):
                    continue
                record["fn"] = fn
                record["subdir"] = subdir
                record["name"] = record["name"].lower()
                ret["{name}={version}={build}".format(**record)] = record
    return ret


def violations(specs, records, virtuals):
    """What is wrong with an answer: sentences. virtuals is {name: version}."""
    ret = []
    chosen = {}
    for name, ver in virtuals.items():
        v, _, build = ver.partition("=")
        chosen[name] = {"name": name, "version": v, "build": build or "0"}
    for record in records:
        if record["name"] in chosen:
            ret.append("two of " + record["name"])
        chosen[record["name"]] = record
    for spec in specs:
        name = parse_spec(spec)[0]
        if name not in chosen or not meets(spec, chosen[name]):
            ret.append("the request for {} is not met".format(spec))
    for record in records:
        for spec in record.get("depends", []):
            other = chosen.get(parse_spec(spec)[0])
            if other is None:
                ret.append("{name} {version} {build} needs {0}, which is not there".format(spec, **record))
            elif not meets(spec, other):
                ret.append("{name} {version} {build} needs {0}, here is {1[version]} {1[build]}".format(spec, other, **record))
        for spec in record.get("constrains", []):
            other = chosen.get(parse_spec(spec)[0])
            if other is not None and other is not record and not meets(spec, other):
                ret.append("{name} {version} {build} goes only with {0}, here is {1[version]} {1[build]}".format(spec, other, **record))
    return ret
