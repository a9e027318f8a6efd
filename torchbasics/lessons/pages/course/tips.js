// A word of the glossary says what it means where a pointer or the keyboard comes to it.
// A finger asks with its first tap, and with its second goes to the glossary.
"use strict";

class Tips {
  constructor() {
    this.tip = document.getElementById("tip");
    for (const [starts, ends] of [["pointerover", "pointerout"], ["focusin", "focusout"]]) {
      document.addEventListener(starts, (event) => this.show(event.target.closest?.("a.term")));
      document.addEventListener(ends, () => this.show(null));
    }
    document.addEventListener("pointerdown", ({ pointerType }) => { this.pointer = pointerType; });
    document.addEventListener("click", (event) => this.tap(event));
    document.addEventListener("keydown", (event) => { if (event.key === "Escape") this.show(null); });
  }

  tap(event) {
    if (this.pointer !== "touch" || !event.detail) return; // a key clicks with 0 clicks
    const word = event.target.closest?.("a.term") ?? null;
    if (word && word !== this.tapped) event.preventDefault();
    this.tapped = word === this.tapped ? null : word;
    this.show(this.tapped);
  }

  show(word) {
    this.word?.removeAttribute("aria-describedby");
    this.word = word;
    this.tip.hidden = !word;
    if (!word) return;
    const term = document.getElementById(word.hash.slice(1));
    this.tip.textContent = term.querySelector("dd").textContent;
    word.setAttribute("aria-describedby", "tip");
    this.place(word.getClientRects()[0]);
  }

  // Under the word, or over it where there is no room, and never beside the window.
  place(word) {
    const { offsetWidth: width, offsetHeight: height } = this.tip;
    const left = Math.max(8, Math.min(word.left, document.documentElement.clientWidth - width - 16));
    const below = word.bottom + 6, fits = below + height < innerHeight;
    Object.assign(this.tip.style, {
      left: `${left + scrollX}px`, top: `${(fits ? below : word.top - height - 6) + scrollY}px`,
    });
  }
}
