// A word of the glossary says what it means where a pointer or the keyboard comes to it.
"use strict";

class Tips {
  constructor() {
    this.tip = document.getElementById("tip");
    for (const [starts, ends] of [["pointerover", "pointerout"], ["focusin", "focusout"]]) {
      document.addEventListener(starts, (event) => this.show(event.target.closest?.("a.term")));
      document.addEventListener(ends, () => this.show(null));
    }
    document.addEventListener("keydown", (event) => { if (event.key === "Escape") this.show(null); });
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
