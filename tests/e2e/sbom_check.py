#!/usr/bin/env python3
"""
sbom_check.py SPDX CYCLONEDX LOCK_JSON [SPDX_SCHEMA CYCLONEDX_SCHEMA]: what both documents have to say, by the
specifications (SPDX 2.3, CycloneDX 1.6, purl), and that they say the same.

LOCK_JSON is a list of what has to be there: [{"name", "version", "build", "sha256", "url", "needs": [names]}]. The official
schemas are looked at only where they are given: they are too large to be kept here.
"""

import json
import pathlib
import re
import sys
import urllib.parse
import warnings

ID = re.compile(r"SPDXRef-[A-Za-z0-9.-]+\Z")
REF = re.compile(r"LicenseRef-[A-Za-z0-9.-]+\Z")
UUID = re.compile(r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\Z")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\Z")


def split_purl(purl):
	m = re.match(r"pkg:([a-z]+)/([^@?/]+)@([^?]+)(?:\?(.*))?\Z", purl)
	assert m, purl
	pairs = [q.split("=", 1) for q in (m[4] or "").split("&") if q]
	assert pairs == sorted(pairs), purl
	for part in [m[2], m[3]] + [v for _, v in pairs]:
		assert re.match(r"(?:[A-Za-z0-9._~:/-]|%[0-9A-F]{2})*\Z", part), purl
	unquote = urllib.parse.unquote
	return m[1], unquote(m[2]), unquote(m[3]), {k: unquote(v) for k, v in pairs}


def words(expression):
	return [w for w in re.split(r"[ ()]+", expression) if w and w not in ("AND", "OR", "WITH")]


def check_spdx(doc):
	assert doc["spdxVersion"] == "SPDX-2.3" and doc["SPDXID"] == "SPDXRef-DOCUMENT" and doc["dataLicense"] == "CC0-1.0"
	assert re.match(r"https://spdx\.org/spdxdocs/[^#]+\Z", doc["documentNamespace"]), doc["documentNamespace"]
	assert TIME.match(doc["creationInfo"]["created"]) and doc["creationInfo"]["creators"][0].startswith("Tool: condaimg-")
	ids = [p["SPDXID"] for p in doc["packages"]]
	assert len(set(ids)) == len(ids) and all(ID.match(i) for i in ids)
	extracted = {e["licenseId"] for e in doc.get("hasExtractedLicensingInfos", [])}
	assert all(REF.match(e) for e in extracted)
	used = set()
	for p in doc["packages"]:
		for key in ("name", "downloadLocation", "copyrightText", "licenseConcluded", "licenseDeclared", "versionInfo"):
			assert p.get(key) or (key == "versionInfo" and p["SPDXID"] == "SPDXRef-Subject"), (p, key)
		assert p["filesAnalyzed"] is False
		used |= {w for w in words(p["licenseDeclared"]) if w.startswith("LicenseRef-")}
	assert used == extracted, used ^ extracted
	known = set(ids) | {"SPDXRef-DOCUMENT"}
	edges = [(r["spdxElementId"], r["relationshipType"], r["relatedSpdxElement"]) for r in doc["relationships"]]
	assert all(a in known and b in known for a, _, b in edges) and len(set(edges)) == len(edges)
	assert [e for e in edges if e[1] == "DESCRIBES"] == [("SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-Subject")]
	purl = {p["SPDXID"]: r["referenceLocator"] for p in doc["packages"] for r in p.get("externalRefs", []) if r["referenceType"] == "purl"}
	sums = {purl[p["SPDXID"]]: {c["algorithm"]: c["checksumValue"] for c in p.get("checksums", [])} for p in doc["packages"] if p["SPDXID"] in purl}
	urls = {purl[p["SPDXID"]]: p["downloadLocation"] for p in doc["packages"] if p["SPDXID"] in purl}
	deps = {(purl[a], purl[b]) for a, t, b in edges if t == "DEPENDS_ON" or (t == "CONTAINS" and a != "SPDXRef-Subject")}
	return sums, urls, deps


def check_cyclonedx(doc):
	assert doc["bomFormat"] == "CycloneDX" and doc["specVersion"] == "1.6" and doc["version"] == 1
	assert UUID.match(doc["serialNumber"]), doc["serialNumber"]
	assert TIME.match(doc["metadata"]["timestamp"])
	refs = [c["bom-ref"] for c in doc["components"]] + [doc["metadata"]["component"]["bom-ref"]]
	assert len(set(refs)) == len(refs)
	for c in doc["components"]:
		assert c["type"] == "library" and c["name"] and c["version"] and c["purl"] == c["bom-ref"]
		for entry in c.get("licenses", []):
			assert set(entry) in ({"license"}, {"expression"}) and len(c["licenses"]) == 1
	root = doc["metadata"]["component"]["bom-ref"]
	for d in doc["dependencies"]:
		assert d["ref"] in refs and set(d["dependsOn"]) <= set(refs) and len(set(d["dependsOn"])) == len(d["dependsOn"])
	assert sorted(d["ref"] for d in doc["dependencies"]) == sorted(set(refs) - {r for r in refs if r.startswith("pkg:generic/glibc@")})
	names = {"SHA-256": "SHA256", "MD5": "MD5"}
	sums = {c["purl"]: {names[h["alg"]]: h["content"] for h in c.get("hashes", [])} for c in doc["components"]}
	urls = {c["purl"]: c["externalReferences"][0]["url"] if "externalReferences" in c else "NOASSERTION" for c in doc["components"]}
	deps = {(d["ref"], on) for d in doc["dependencies"] if d["ref"] != root for on in d["dependsOn"]}
	return sums, urls, deps


def validate(doc, path):
	"""Schemas that this one refers to are beside it."""
	warnings.simplefilter("ignore")
	import jsonschema

	schema, store = json.load(open(path)), {}
	for other in pathlib.Path(path).resolve().parent.glob("*.schema.json"):
		part = json.loads(other.read_text())
		store[part["$id"]] = store[urllib.parse.urljoin(part["$id"], other.name)] = part
	resolver = jsonschema.RefResolver.from_schema(schema, store=store)
	errors = list(jsonschema.validators.validator_for(schema)(schema, resolver=resolver).iter_errors(doc))
	assert not errors, [(list(e.path), e.message[:200]) for e in errors[:5]]


def main():
	spdx, cyclonedx, want = (json.load(open(f)) for f in sys.argv[1:4])
	a, b = check_spdx(spdx), check_cyclonedx(cyclonedx)
	oci = {p for p in a[0] if p.startswith("pkg:oci/")}
	for x, y, what in zip(({k: v for k, v in a[0].items() if k not in oci}, {k: v for k, v in a[1].items() if k not in oci}, a[2]), b, ("hashes", "URLs", "dependencies")):
		assert x == y, (what, x, y)
	found = {}
	for purl in b[0]:
		kind, name, version, qualifiers = split_purl(purl)
		if kind == "conda":
			found[name] = (purl, version, qualifiers)
			assert set(qualifiers) <= {"build", "channel", "subdir", "type"}, purl
	assert set(found) == {w["name"] for w in want}, set(found) ^ {w["name"] for w in want}
	edges = 0
	for w in want:
		purl, version, qualifiers = found[w["name"]]
		assert (version, qualifiers["build"]) == (w["version"], w["build"]), (purl, w)
		assert b[0][purl]["SHA256"] == w["sha256"] and b[1][purl] == w["url"], (purl, w)
		needs = {split_purl(on)[1] for ref, on in b[2] if ref == purl and on.startswith("pkg:conda/")}
		assert needs == set(w["needs"]), (purl, needs ^ set(w["needs"]))
		edges += len(needs)
	for schema, doc in zip(sys.argv[4:], (spdx, cyclonedx)):
		validate(doc, schema)
	print(f"{len(found)} packages, {edges} dependencies{', schemas' if sys.argv[4:] else ''}: as they should be")


main()
