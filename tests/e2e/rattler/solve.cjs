/* solve.cjs MODULES CHANNEL REQUESTS.json: each request (name -> specs) solved by rattler, as JSON on stdout. */
const { simpleSolve } = require("module").createRequire(process.argv[2] + "/")("@conda-org/rattler");
const requests = JSON.parse(require("fs").readFileSync(process.argv[4]));

(async () => {
	const answers = {};

	for (const [name, specs] of Object.entries(requests)) {
		try {
			const found = await simpleSolve(specs, [process.argv[3]], ["linux-64", "noarch"], []);
			answers[name] = found.map((p) => [p.packageName, p.version, p.build]);
		} catch (e) {
			answers[name] = String(e);
		}
	}
	console.log(JSON.stringify(answers));
})();
