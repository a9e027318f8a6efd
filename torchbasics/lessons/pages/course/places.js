// Where the reader is: the bar at the top, the contents, and the place to go on from.
"use strict";

const KEPT = "torchbasics.course";
const NEAR = 120; // pixels from the top: under a short section the next one stands

// The text with its places, {like this}, filled.
const filled = (text, places) => text.replace(/\{(\w+)\}/g, (_, key) => places[key]);

// What was kept from an earlier visit; nothing where a browser keeps nothing.
function kept() {
  try {
    return JSON.parse(localStorage.getItem(KEPT)) ?? {};
  } catch {
    return {};
  }
}

function keep(what) {
  try {
    localStorage.setItem(KEPT, JSON.stringify({ ...kept(), ...what }));
  } catch { /* then it is forgotten */ }
}

class Places {
  constructor(words) {
    this.words = words;
    this.bar = document.getElementById("read");
    this.links = new Map([...document.querySelectorAll("#contents a")].map((link) => [link.hash.slice(1), link]));
    this.marks = [...this.links.keys()].map((id) => document.getElementById(id));
    this.done = new Set([kept().done ?? []].flat());
    this.bar.hidden = false;
    this.offerToResume();
    this.tick();
    addEventListener("scroll", () => this.soon(), { passive: true });
    addEventListener("resize", () => this.soon());
    this.look();
  }

  soon() {
    if (this.waiting) return;
    this.waiting = requestAnimationFrame(() => { this.waiting = 0; this.look(); });
  }

  // The last heading that has been scrolled to is where one is.
  look() {
    const root = document.documentElement, most = root.scrollHeight - innerHeight;
    this.bar.value = most > 0 ? scrollY / most : 1;
    const line = Math.min(innerHeight / 3, NEAR);
    let here = null;
    for (const mark of this.marks) {
      if (mark.getBoundingClientRect().top > line) break;
      here = mark;
    }
    if (here === this.here) return;
    this.finish(this.here, here);
    this.here = here;
    this.show(here?.id);
  }

  show(id) {
    for (const link of this.links.values()) link.removeAttribute("aria-current");
    for (const item of document.querySelectorAll("#contents .here")) item.classList.remove("here");
    const link = this.links.get(id);
    if (!link) return;
    link.setAttribute("aria-current", "location");
    const items = document.querySelectorAll("#contents > ol > li");
    for (const item of items) item.classList.toggle("here", item.contains(link));
    if (scrollY > innerHeight) keep({ place: id });
  }

  // Whoever comes from a lesson's last section to what follows has read it.
  finish(before, after) {
    const lesson = before?.closest(".lesson"), next = after?.closest(".lesson");
    if (!lesson || lesson === next || !after || !(lesson.compareDocumentPosition(after) & Node.DOCUMENT_POSITION_FOLLOWING)) return;
    const last = [...lesson.querySelectorAll("h3")].at(-1);
    if (before !== last) return;
    this.done.add(lesson.id);
    keep({ done: [...this.done] });
    this.tick();
  }

  tick() {
    for (const id of this.done) this.links.get(id)?.parentElement.classList.add("done");
  }

  offerToResume() {
    const link = this.links.get(kept().place), offer = document.getElementById("resume");
    if (!link || location.hash) return;
    const lesson = link.closest("#contents > ol > li > ol")?.previousElementSibling;
    const place = [lesson, link].filter(Boolean).map((one) => one.textContent).join(" › ");
    offer.hidden = false;
    offer.firstElementChild.textContent = filled(this.words.resume, { place });
    offer.firstElementChild.hash = link.hash;
  }
}
