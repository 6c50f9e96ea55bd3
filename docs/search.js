// SPDX-License-Identifier: MIT
// The search page without a server: MkDocs' own search asks a server for its index, which a page opened as a file cannot. The rule in
// common/mk/docs.mk puts this file in its place, and the index beside it as a script.
"use strict";
(function () {
	const results = document.getElementById("mkdocs-search-results");
	const input = document.getElementById("mkdocs-search-query");
	const top = document.currentScript.src.replace(/search\/main\.js.*$/, "");
	const SHOWN = 40, BEFORE = 60, AROUND = 220;

	if (!results)
		return;

	function add(parent, kind, text) {
		const e = parent.appendChild(document.createElement(kind));
		e.textContent = text;
		return e;
	}

	// Every word has to occur; in a heading it weighs more, and in a section more than in the page that holds it.
	function score(section, words) {
		const title = section.title.toLowerCase(), text = section.text.toLowerCase();
		let sum = 0;

		for (const word of words) {
			const here = (title.includes(word) ? 20 : 0) + Math.min(text.split(word).length - 1, 10);
			if (!here)
				return 0;
			sum += here;
		}
		return section.location.includes("#") ? sum : sum / 4;
	}

	function excerpt(text, word) {
		const from = Math.max(0, text.toLowerCase().indexOf(word) - BEFORE);
		return (from ? "... " : "") + text.slice(from, from + AROUND) + " ...";
	}

	function show() {
		const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
		const found = words.length ? window.bookIndex.docs.map((d) => [score(d, words), d]).filter((f) => f[0]) : [];

		results.textContent = "";
		if (!found.length)
			add(results, "p", words.length ? "Nothing found." : "");
		found.sort((a, b) => b[0] - a[0]);
		for (const [, section] of found.slice(0, SHOWN)) {
			const article = results.appendChild(document.createElement("article"));
			add(add(article, "h3", ""), "a", section.title).href = top + section.location;
			add(article, "p", excerpt(section.text, words[0]));
		}
	}

	const index = document.createElement("script");
	index.src = top + "search/index.js";
	index.onload = function () {
		input.value = new URLSearchParams(window.location.search).get("q") || "";
		input.addEventListener("input", show);
		show();
	};
	document.head.appendChild(index);
})();
