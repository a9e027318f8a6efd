// Search in the page: all places are marked, one after the other is shown.
"use strict";

const ENOUGH = /[^\x00-\x7f]|../; // two letters, or one that says as much: 층, χ
const INLINE = "a, b, code, dfn, em, i, span, strong, sub, sup"; // what is within a paragraph

class Search {
  constructor(words) {
    this.words = words;
    this.form = document.getElementById("search");
    this.input = this.form.querySelector("input");
    this.said = this.form.querySelector("output");
    this.steps = [...this.form.querySelectorAll("button")];
    this.found = [];
    this.form.hidden = false;
    this.input.addEventListener("input", () => this.find());
    this.form.addEventListener("submit", (event) => { event.preventDefault(); this.step(1); });
    for (const button of this.steps) button.addEventListener("click", () => this.step(Number(button.dataset.step)));
    addEventListener("keydown", (event) => {
      if (event.key === "Escape" && document.activeElement === this.input) { this.input.value = ""; this.find(); }
      if (event.key !== "/" || event.target.matches("input, textarea") || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      this.input.focus();
    });
  }

  find() {
    const wanted = this.input.value.normalize("NFC").trim().replace(/\s+/g, " ").toLowerCase();
    const isEnough = ENOUGH.test(wanted);
    this.at = -1;
    this.found = isEnough ? [...places(wanted)] : [];
    this.mark("found", this.found);
    this.mark("here", []);
    this.form.classList.toggle("some", isEnough);
    for (const button of this.steps) button.disabled = !this.found.length;
    this.tell();
  }

  step(by) {
    const count = this.found.length;
    if (!count) return;
    this.at = (Math.max(this.at, by > 0 ? -1 : 0) + by + count) % count;
    const range = this.found[this.at], place = range.startContainer.parentElement;
    for (let fold = place.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
    place.scrollIntoView({ block: "center" });
    this.mark("here", [range]);
    this.tell();
  }

  tell() {
    const count = this.found.length;
    this.said.textContent = count ? filled(this.words.found, { at: this.at + 1, count }) : this.words.found_none;
  }

  // Where a browser cannot mark, the place is only scrolled to.
  mark(name, ranges) {
    if (globalThis.CSS?.highlights) CSS.highlights.set(name, new Highlight(...ranges));
  }
}

// Each place in the lessons and the glossary with that text, letters large or small, also
// where a link or an emphasis begins or ends in it.
function* places(wanted) {
  const { text, nodes, starts } = told(document.querySelector("main"));
  let first = 0;
  for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + wanted.length)) {
    while (starts[first + 1] <= at) first += 1;
    let last = first;
    while (starts[last + 1] < at + wanted.length) last += 1;
    const range = new Range();
    range.setStart(nodes[first], at - starts[first]);
    range.setEnd(nodes[last], at + wanted.length - starts[last]);
    yield range;
  }
}

// What can be read there as one text, a line for each paragraph, cell or heading; its nodes, and
// where each begins.
function told(root) {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT), nodes = [], starts = [];
  let text = "", before = null;
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (node.parentElement.closest("noscript, script, [hidden]")) continue;
    const block = node.parentElement.closest(`:not(${INLINE})`);
    if (block !== before) text += "\n";
    before = block;
    nodes.push(node);
    starts.push(text.length);
    text += node.data.replace(/\s/g, " ").toLowerCase();
  }
  return { text, nodes, starts };
}
