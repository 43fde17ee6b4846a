// k8s_check.js NODE_MODULES FILE...: every document is of a kind that kubernetes-models knows, valid by its schema, and has no key that
// the schema does not ask for: the validator is given proxies that remember which keys it looked at.
"use strict";
const fs = require("fs");
const path = require("path");
const [modules, ...files] = process.argv.slice(2);
const load = (name) => require(require.resolve(name, { paths: [modules] }));
const yaml = load("yaml");

function watched(value, where, seen) {
	if (!value || typeof value !== "object") return value;
	return new Proxy(value, {
		get(object, key) {
			if (typeof key === "string") seen.add(`${where}.${key}`);
			return typeof key === "string" ? watched(object[key], `${where}.${key}`, seen) : object[key];
		},
	});
}

// Maps whose keys are anybody's.
const FREE = /\.(labels|annotations|matchLabels|data|stringData|limits|requests|nodeSelector)$/;

function unknown(value, where, seen, found) {
	if (!value || typeof value !== "object" || FREE.test(where)) return;
	for (const key of Object.keys(value)) {
		if (!Array.isArray(value) && !seen.has(`${where}.${key}`)) found.push(`${where}.${key}`);
		else unknown(value[key], `${where}.${key}`, seen, found);
	}
}

let bad = 0, n = 0;
for (const file of files) {
	for (const document of yaml.parseAllDocuments(fs.readFileSync(file, "utf8"))) {
		const data = document.toJS();
		const group = data.apiVersion === "v1" ? "v1" : data.apiVersion;
		const { validate } = require(`${path.resolve(modules)}/node_modules/kubernetes-models/_schemas/${schema(group, data.kind)}.js`);
		const seen = new Set(["$.apiVersion", "$.kind"]), found = [];
		const valid = validate(watched(data, "$", seen), {});
		unknown(data, "$", seen, found);
		n++;
		if (!valid || found.length) {
			bad++;
			console.error(`${file}: ${data.kind}:`, valid ? "" : JSON.stringify(validate.errors), found.length ? `unknown: ${found}` : "");
		}
	}
}

function schema(group, kind) {
	const names = { v1: "CoreV1", "apps/v1": "AppsV1", "batch/v1": "BatchV1", "networking.k8s.io/v1": "NetworkingV1" };
	return `IoK8sApi${names[group]}${kind}`;
}

console.log(`${n} documents, ${bad} of them wrong`);
process.exit(bad || !n ? 1 : 0);
