/* The page works without this: it adds sorting, a filter, and a way back from what is behind a tile. */
(function () {
	"use strict";

	var table = document.querySelector("#packages table");
	var tools = document.querySelector("#packages .tools");
	var said = document.querySelector("#packages [role=status]");
	var from = null;

	function value(row, column, numeric) {
		var cell = row.cells[column];

		return numeric ? Number(cell.dataset.v) : cell.textContent.toLowerCase();
	}

	function sort(head, numeric) {
		var was = head.getAttribute("aria-sort");
		var up = was ? was === "descending" : !numeric;
		var body = table.tBodies[0];
		var rows = Array.from(body.rows);

		rows.sort(function (a, b) {
			var x = value(a, head.cellIndex, numeric);
			var y = value(b, head.cellIndex, numeric);

			return (x < y ? -1 : x > y ? 1 : 0) * (up ? 1 : -1);
		});
		Array.from(head.parentNode.cells).forEach(function (cell) {
			cell.removeAttribute("aria-sort");
		});
		head.setAttribute("aria-sort", up ? "ascending" : "descending");
		body.append.apply(body, rows);
	}

	function addSorting(head) {
		var button = document.createElement("button");

		button.type = "button";
		button.append.apply(button, Array.from(head.childNodes));
		head.append(button);
		button.addEventListener("click", function () {
			sort(head, head.dataset.sort === "number");
		});
	}

	function filter(words) {
		var rows = Array.from(table.tBodies[0].rows);
		var shown = 0;

		rows.forEach(function (row) {
			var text = row.textContent.toLowerCase();

			row.hidden = !words.every(function (word) {
				return text.includes(word);
			});
			shown += row.hidden ? 0 : 1;
		});
		said.textContent = words.length ? shown + " of " + rows.length + " packages" : "";
	}

	function panel() {
		var at = location.hash.length > 1 && document.getElementById(location.hash.slice(1));

		return at && at.classList.contains("panel") ? at : null;
	}

	function visible(link) {
		return link && link.isConnected && link.getClientRects().length > 0;
	}

	function back(event) {
		var at = panel();
		var to;

		if (!at) {
			return;
		}
		event.preventDefault();
		to = visible(from) ? from : Array.from(document.querySelectorAll(".t")).find(function (tile) {
			return tile.hash === "#" + at.id && visible(tile);
		});
		from = null;
		location.hash = "picture";
		if (to) {
			to.focus();
		}
	}

	if (table && tools) {
		Array.from(table.tHead.rows[0].cells).forEach(addSorting);
		tools.hidden = false;
		tools.querySelector("input").addEventListener("input", function (event) {
			filter(event.target.value.toLowerCase().split(/\s+/).filter(Boolean));
		});
	}
	document.addEventListener("click", function (event) {
		var link = event.target.closest ? event.target.closest("a[href^='#']") : null;

		if (link && link.classList.contains("back")) {
			back(event);
		} else if (link && !link.closest("nav, .panel")) {
			from = link;
		}
	});
	document.addEventListener("keydown", function (event) {
		if (event.key === "Escape") {
			back(event);
		}
	});
	window.addEventListener("hashchange", function () {
		var at = panel();

		if (at) {
			at.focus();
		}
	});
})();
